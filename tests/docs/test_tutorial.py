"""In a fresh environment: the tutorial, followed literally, and a package of somebody else's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytest.importorskip("asc_toy")

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "first-predictor.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make a fresh environment with this checkout in it; what others have made is borrowed, and nothing downloaded."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True, symlinks=True)
    borrowed = sysconfig.get_path("purelib")
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    command = folder / "bin" / "pytest"  # borrowed as well, but for this environment
    command.write_text(
        f"#!{folder / 'bin' / 'python'}\nimport pytest\n\nraise SystemExit(pytest.main())\n", encoding="utf-8"
    )
    command.chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    offline = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environ = {**os.environ, **offline, "PATH": path, "VIRTUAL_ENV": str(folder), "COLUMNS": "80"}
    environ.pop("PYTHONPATH", None)
    subprocess.run(
        ["pip", "uninstall", "--quiet", "--yes", "setuptools"], env=environ, check=True
    )  # Python's own is old
    for part in (".", "backends/toy"):
        subprocess.run(["pip", "install", "--quiet", "--no-deps", "-e", str(ROOT / part)], env=environ, check=True)
    return environ


@pytest.mark.timeout(300)
def test_it_can_be_followed_to_the_letter(environment: dict[str, str], tmp_path: Path) -> None:
    """Each command of the page in turn, in one shell's folder, with the file that the page begins with."""
    shutil.copy(ROOT / "examples" / "my_predictor.py", tmp_path)
    said: dict[str, str] = {}
    folder = tmp_path
    for command in COMMANDS:
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
            continue
        found = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
        )
        assert found.returncode == 0, f"$ {command}\n{found.stdout}\n{found.stderr}"
        said[command] = found.stdout + found.stderr
    assert "passed" in said["pytest"]
    assert "cost of a call" in said["pytest"]
    assert re.search(r"damped +predictor +asc-damped", said["asc plugins"])
    compared = [text for command, text in said.items() if "--compare" in command]
    assert len(compared) == 2
    assert all("identical end" in text for text in compared)


def test_the_page_has_every_step() -> None:
    assert [command.split()[:2] for command in COMMANDS if command.startswith(("asc new", "pip", "pytest"))] == [
        ["asc", "new"],
        ["pip", "install"],
        ["pytest"],
    ]


def test_a_package_of_somebody_else_s_is_installed_tested_and_run(environment: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "third_party_plugin"
    shutil.copytree(ROOT / "examples" / "third_party_plugin", package, ignore=shutil.ignore_patterns("__pycache__"))

    def said(command: str) -> str:
        found = subprocess.run(
            command, shell=True, cwd=package, env=environment, capture_output=True, text=True, check=False, timeout=200
        )
        assert found.returncode == 0, f"$ {command}\n{found.stdout}\n{found.stderr}"
        return found.stdout

    said("pip install -e '.[test]'")
    assert "passed" in said("pytest -p asc.testing.pytest_plugin")
    assert re.search(r"gf2-affine +predictor +asc-gf2", said("asc plugins"))
    ran = said("asc run toy --program cellular --n 40000 --predictors gf2-affine --compare")
    assert "identical end" in ran
