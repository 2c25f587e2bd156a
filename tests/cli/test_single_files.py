"""Components of every kind work from a file that `--plugin` names: here, each template of `asc new` in one file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asc import scaffold
from tests.cli.conftest import Asc, parsed

REGISTER = """

@asc.hookimpl
def asc_register(registry):
    registry.add("{kind}", "{name}", __name__ + ":{class_name}", "in one file")
"""
JUDGED = ("run", "fit", "--plugin", "fit.py", "--steps", "200", "--quiet", "--json")


@pytest.fixture
def in_one_file(tmp_path: Path) -> Iterator[None]:
    """Write a file for each template, which is called after its component."""
    before = set(sys.modules)
    names = {"judged-backend": "fit", "backend": "sweep", "study": "descents"}
    for template in scaffold.KINDS:
        kind, name = scaffold.component(template), names.get(template, f"my-{template}")
        called = scaffold.names(kind, name)
        files = scaffold.render(template, name, "asc-core")
        package = [files.get(f"{called.package}/{module}.py", "") for module in ("computation", kind)]
        code = re.sub(r"^from (__future__|asc_\w+\.computation) import .*$", "", "\n".join(package), flags=re.MULTILINE)
        register = REGISTER.format(kind=kind, name=name, class_name=called.class_name)
        text = f"from __future__ import annotations\n{code}{register}"
        (tmp_path / f"{called.module}.py").write_text(text, encoding="utf-8")
    yield
    for name in [name for name in set(sys.modules) - before if name.startswith("_asc_plugin_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("in_one_file")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("predictor", ("--predictors", "my-predictor")),
        ("recognizer", ("--recognizer", "my-recognizer")),
        ("validator", ("--validator", "my-validator")),
    ],
)
def test_a_component_of_a_run_works_from_a_file_beside_a_backend_of_another(
    asc: Asc, kind: str, options: tuple[str, ...]
) -> None:
    summary = parsed(asc(*JUDGED, "--plugin", f"my_{kind}.py", *options))
    assert (summary["state"], summary["position"]) == ("finished", 200)
    chosen = summary["config"]["predictors"][0] if kind == "predictor" else summary["config"][kind]
    assert chosen["name"] == f"my-{kind}"


@pytest.mark.usefixtures("in_one_file")
def test_a_backend_works_from_a_file_and_its_run_is_resumed(asc: Asc) -> None:
    summary = parsed(
        asc("run", "sweep", "--plugin", "sweep.py", "--steps", "300", "--workers", "0", "--json", "--quiet")
    )
    assert summary["outcome"]["n"] == 301
    again = asc("run", "sweep", "--plugin", "sweep.py", "--resume", "latest")
    assert "is finished: nothing is left to resume" in again.stderr


@pytest.mark.usefixtures("in_one_file")
def test_a_study_works_from_a_file(asc: Asc) -> None:
    found = asc("study", "descents", "--plugin", "descents.py", "--seeds", "1", "--steps", "20", "--quiet")
    assert found.returncode == 0, found.stderr
    assert "Loss by learning rate" in found.stdout
