"""A distribution that is damaged, whether it has plugins or not: it is named once, and everything else goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from asc.errors import AscError
from asc.plugins import load

FINE = """
import asc

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "fine", "fine:Fine", "predicts nothing")
"""
NAMED = b"Metadata-Version: 2.1\nName: other\nVersion: 1.5\n"
REINSTALL = "Reinstall it: pip install --force-reinstall other"


class Damage(NamedTuple):
    folder: str
    files: Mapping[str, bytes]
    told: str  # {} stands for the folder


DAMAGES = {
    "a broken line of another group": Damage(
        "other-1.5.dist-info",
        {"METADATA": NAMED, "entry_points.txt": b"[console_scripts]\n# a = b\ntool: other.tool\n"},
        "The distribution other 1.5 cannot be read, so none of its plugins is loaded: line 3 of {}/entry_points.txt is "
        f'"tool: other.tool"; expected NAME = PACKAGE.MODULE. {REINSTALL}',
    ),
    "a broken line of the plugins": Damage(
        "other-1.5.dist-info",
        {"METADATA": NAMED, "entry_points.txt": b"[asc]\nmine = other\nbroken\n"},
        "The distribution other 1.5 cannot be read, so none of its plugins is loaded: line 3 of {}/entry_points.txt is "
        f'"broken"; expected NAME = PACKAGE.MODULE. {REINSTALL}',
    ),
    "entry points that are not UTF-8": Damage(
        "other-1.5.dist-info",
        {"METADATA": NAMED, "entry_points.txt": b"[asc]\nm\xff = other\n"},
        "The distribution other 1.5 cannot be read, so none of its plugins is loaded: {}/entry_points.txt is not UTF-8 "
        f"(invalid start byte at byte 7). {REINSTALL}",
    ),
    "metadata that are not UTF-8": Damage(
        "other-1.5.dist-info",
        {"METADATA": NAMED + b"Author: \xe9\n", "entry_points.txt": b"[asc]\nmine = other\n"},
        "The distribution other 1.5 cannot be read, so none of its plugins is loaded: {}/METADATA is not UTF-8 "
        f"(invalid continuation byte at byte 55). {REINSTALL}",
    ),
    "metadata without a name": Damage(
        "other-1.5.dist-info",
        {"METADATA": b"Metadata-Version: 2.1\nVersion: 1.5\n", "entry_points.txt": b"[asc]\nmine = other\n"},
        "The distribution other 1.5 cannot be read, so none of its plugins is loaded: its metadata have no name. "
        f"{REINSTALL}",
    ),
    "a folder without a name": Damage(
        "-1.5.dist-info",
        {},
        'A distribution in "{}" cannot be read, so none of its plugins is loaded: its folder has no name. '
        "Delete that folder.",
    ),
    "what an installation left behind": Damage(
        "~ther-1.5.dist-info",
        {"METADATA": NAMED, "entry_points.txt": b"[asc]\nbroken\n"},
        'A distribution in "{}" cannot be read, so none of its plugins is loaded: line 2 of {}/entry_points.txt is '
        '"broken"; expected NAME = PACKAGE.MODULE. Delete that folder.',
    ),
}


@pytest.fixture(params=DAMAGES.values(), ids=DAMAGES.keys())
def damage(request: pytest.FixtureRequest) -> Damage:
    found: Damage = request.param
    return found


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed distributions, of which one is sound."""
    (tmp_path / "fine.py").write_text(FINE)
    add(tmp_path, "fine-1.dist-info", b"Metadata-Version: 2.1\nName: fine\nVersion: 1\n", b"[asc]\nfine = fine\n")
    return tmp_path


def add(site: Path, folder: str, metadata: bytes, points: bytes) -> None:
    (site / folder).mkdir()
    (site / folder / "METADATA").write_bytes(metadata)
    (site / folder / "entry_points.txt").write_bytes(points)


def damaged(site: Path, damage: Damage) -> str:
    """Add a damaged distribution; return what has to be told about it."""
    folder = site / damage.folder
    folder.mkdir()
    for name, content in damage.files.items():
        (folder / name).write_bytes(content)
    return damage.told.replace("{}", str(folder))


def test_it_is_one_warning_and_the_other_plugins_are_loaded(
    damage: Damage, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    before = {(status.name, status.error) for status in load(environ={}).statuses}
    told = damaged(site, damage)
    plugins = load(environ={})
    assert {(status.name, status.error) for status in plugins.statuses} - before == {
        (damage.folder.partition("-")[0] or "unknown distribution", told)
    }
    assert before <= {(status.name, status.error) for status in plugins.statuses}
    assert "fine" in plugins.registry.names("predictor")


def test_a_component_that_may_be_in_it_is_missed_with_that_reason(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = damaged(site, DAMAGES["a broken line of the plugins"])
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(AscError) as caught:
        load(environ={}).registry.get("predictor", "other")
    assert told in str(caught.value)


def test_the_choice_of_plugins_leaves_it_out(damage: Damage, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = damaged(site, damage)
    monkeypatch.syspath_prepend(str(site))
    assert [status.error for status in load(environ={"ASC_LOAD_PLUGINS": "fine"}).statuses] == [None, None]
    with pytest.raises(AscError) as caught:
        load(environ={"ASC_LOAD_PLUGINS": "mine"})
    assert str(caught.value).endswith(told)


def test_the_first_of_two_on_the_path_counts(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As it does where no distribution is damaged."""
    later = tmp_path_factory.mktemp("later")
    add(later, "fine-0.dist-info", b"Metadata-Version: 2.1\nName: fine\nVersion: 0\n", b"[asc]\nold = fine\n")
    damaged(later, DAMAGES["a folder without a name"])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(later))
        patch.syspath_prepend(str(site))
        assert {status.version for status in load(environ={}).statuses if status.distribution == "fine"} == {"1"}


def test_a_run_and_a_call_of_the_library_go_on(site: Path) -> None:
    """Pydantic looks for plugins of its own in all distributions."""
    told = damaged(site, DAMAGES["a broken line of another group"])
    code = (
        "from asc.cli.main import call\n"
        "call(['run', 'toy', '--program', 'collatz', '--n', '50', '--workers', '0', '--quiet'])"
    )
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=site,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stderr == f"warning: {told}\n"
    assert "position" in found.stdout
