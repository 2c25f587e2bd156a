"""In a fresh environment: the tutorial, followed literally, and the package that is an example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("asc_toy")

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "first-predictor.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS for line in re.sub(r" \\\n\s*", " ", block).splitlines()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make a fresh environment with this checkout in it. It borrows installed libraries, and downloads nothing."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=True)
    borrowed = sysconfig.get_path("purelib")
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    for name in ("pip", "pytest"):  # borrowed as well, but for this environment
        command = folder / "bin" / name
        program = f"import runpy\n\nrunpy.run_module({name!r}, run_name='__main__', alter_sys=True)\n"
        command.write_text(f"#!{folder / 'bin' / 'python'}\n{program}", encoding="utf-8")
        command.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    offline = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environ = {**os.environ, **offline, "PATH": path, "VIRTUAL_ENV": str(folder), "COLUMNS": "80"}
    environ.pop("PYTHONPATH", None)
    parts = [option for part in (".", "backends/toy") for option in ("-e", str(ROOT / part))]
    subprocess.run(["pip", "install", "--quiet", "--no-deps", *parts], env=environ, check=True)
    return environ


def typed(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Type a command into a shell in this folder; return what it printed."""
    found = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert found.returncode == 0, f"$ {command}\n{found.stdout}\n{found.stderr}"
    return found.stdout + found.stderr


@pytest.mark.timeout(300)
def test_the_tutorial_can_be_followed_literally(environment: dict[str, str], tmp_path: Path) -> None:
    """Each command of the page in turn, in one shell's folder, with the file that the page begins with."""
    shutil.copy(ROOT / "examples" / "my_predictor.py", tmp_path)
    printed: dict[str, str] = {}
    folder = tmp_path
    for command in COMMANDS:
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
        else:
            printed[command] = typed(command, folder, environment)
    assert "passed" in printed["pytest"]
    assert "cost of a call" in printed["pytest"]
    assert re.search(r"damped +predictor +asc-damped", printed["asc plugins"])
    compared = [text for command, text in printed.items() if "--compare" in command]
    assert len(compared) == 2
    assert all("identical end" in text for text in compared)


def test_the_tutorial_has_every_step() -> None:
    assert [command.split()[:2] for command in COMMANDS if command.startswith(("asc new", "pip", "pytest"))] == [
        ["asc", "new"],
        ["pip", "install"],
        ["pytest"],
    ]


def test_the_example_package_is_installed_tested_and_run(environment: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "third_party_plugin"
    shutil.copytree(ROOT / "examples" / "third_party_plugin", package, ignore=shutil.ignore_patterns("__pycache__"))
    typed("pip install -e '.[test]'", package, environment)
    assert "passed" in typed("pytest -p asc.testing.pytest_plugin", package, environment)
    assert re.search(r"gf2-affine +predictor +asc-gf2", typed("asc plugins", package, environment))
    run = "asc run toy --program cellular --n 15000 --predictors gf2-affine --compare"
    assert "identical end" in typed(run, package, environment)
