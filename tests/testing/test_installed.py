"""A component as `asc` finds it: where a package cannot be used, the plugin's own sentence says why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asc.predictors.linear import Linear
from asc.testing import installed

Install = Callable[..., None]

ANNOUNCES = """
from asc import hookimpl


@hookimpl
def asc_register(registry):
    registry.{call}("predictor", "sound", "mine_plugin:{path}", "a sound one")


from asc.predictors.linear import Linear


class Sound(Linear):
    pass


class Unset(Linear):
    def __init__(self):
        super().__init__()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with a plugin where Python looks for some."""

    def add(call: str = "add", path: str = "Sound", point: str = "mine_plugin", requires: str = "") -> None:
        info = tmp_path / "asc_mine-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: asc-mine\nVersion: 0.1.0\n{requires}")
        (info / "entry_points.txt").write_text(f"[asc]\nmine = {point}\n")
        (tmp_path / "mine_plugin.py").write_text(ANNOUNCES.format(call=call, path=path))
        monkeypatch.syspath_prepend(str(tmp_path))

    yield add
    sys.modules.pop("mine_plugin", None)


def test_a_built_in_one_is_made_by_its_name() -> None:
    assert isinstance(installed("predictor", "linear"), Linear)


def test_one_that_is_installed_is_made(install: Install) -> None:
    install()
    assert type(installed("predictor", "sound")).__name__ == "Sound"


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"path": "Sond"}, r'"mine_plugin:Sond" cannot be loaded: AttributeError'),
        ({"call": "ad"}, r"its asc_register raised AttributeError: 'Registry' object has no attribute 'ad'"),
        ({"requires": "Requires-Dist: asc-core>=9\n"}, r'The plugin "mine" of asc-mine 0\.1\.0 requires asc-core >=9'),
        ({"point": "nowhere_to_be_found"}, r'cannot be imported from "nowhere_to_be_found": ModuleNotFoundError'),
        ({"path": "Unset"}, r"could not be made from its settings: TypeError: .*takes 1 positional argument but 2"),
    ],
)
def test_where_a_package_cannot_be_used_a_sentence_says_why(
    install: Install, broken: dict[str, str], sentence: str
) -> None:
    install(**broken)
    with pytest.raises(AssertionError, match=sentence) as caught:
        installed("predictor", "sound")
    assert caught.value.__context__ is None  # a sentence, and no tracebacks of asc's own


def test_where_it_is_missing_the_next_step_is_named() -> None:
    with pytest.raises(AssertionError, match=r'There is no predictor "sound"') as caught:
        installed("predictor", "sound")
    assert str(caught.value).endswith("or the package was never installed here, type: pip install -e .")
