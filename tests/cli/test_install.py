"""`asc install` and `asc uninstall`: pip does it, and what went wrong is a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from asc.plugins import environment
from asc.plugins.environment import Component, Installed, why_not
from tests.cli.conftest import Asc, make_environment, one_sentence

MINE = """
import asc

class Mine(asc.Predictor):
    '''Predicts nothing.'''

    def predict(self, history, horizon):
        return None

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "mine", "asc_mine:Mine", "predicts nothing")
"""


def wheel(folder: Path, name: str, source: str, points: str = "", requires: str = "") -> None:
    """Write a wheel, which pip installs without a package index and without building anything."""
    info = f"{name}-1.0.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n{requires}"
    with ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", source)
        file.writestr(f"{info}/METADATA", about)
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/entry_points.txt", points)
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own in which `asc` runs, and a folder of wheels in place of a package index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    given = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "executable", str(make_environment(tmp_path / "venv")))
    return wheels


def test_a_plugin_is_installed_listed_and_uninstalled(asc: Asc, elsewhere: Path, tmp_path: Path) -> None:
    pytest.importorskip("pip")
    wheel(elsewhere, "asc_mine", MINE, "[asc]\nmine = asc_mine\n", "Requires-Dist: asc-core\nRequires-Dist: asc-more\n")
    wheel(elsewhere, "asc_more", "raise RuntimeError('broken')", "[asc]\nmore = asc_more\n")
    (tmp_path / "queue.py").write_text("raise SystemExit('the wrong queue')")  # pip must not import it
    done = asc("install", "asc-mine", ASC_LOAD_PLUGINS="toy")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"asc-mine 1.0 is installed in {sys.prefix}.",
        "Components: predictor mine.",
        "Next, type: asc explain mine",
    ]
    assert "Successfully installed asc-mine-1.0 asc-more-1.0" in done.stderr, "pip is seen at work"
    assert 'The plugin "more" of asc-more 1.0 cannot be imported' in done.stderr
    assert "Requirement already satisfied" not in done.stderr
    gone = asc("uninstall", "ASC_Mine")
    assert gone.stdout == "asc-mine 1.0 is uninstalled.\nComponents that are gone: predictor mine.\n"


@pytest.mark.parametrize(
    ("came", "state"), [([Installed("asc-mine", "1.0", True)], "is installed"), ([], "was installed already")]
)
def test_a_package_that_provides_no_plugin_is_told(
    asc: Asc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, came: list[Installed], state: str
) -> None:
    monkeypatch.setattr(environment, "install", lambda *_: came)
    monkeypatch.setattr(environment, "components", list)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.0")
    (tmp_path / "asc_mine-1.0-py3-none-any.whl").touch()
    for what in ("asc_mine>=1", "asc_mine-1.0-py3-none-any.whl"):
        found = asc("install", what)
        assert (found.returncode, found.stdout) == (0, f"asc-mine 1.0 {state} in {sys.prefix}.\n")
        assert found.stderr == (
            "warning: asc-mine provides no plugin of asc: it has no entry point of the group asc. To remove it again, "
            "type: pip uninstall asc-mine\n"
        )


def test_an_environment_without_pip_is_told(
    asc: Asc, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = str(tmp_path / "bare" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    monkeypatch.setattr(sys, "executable", python)
    found = asc("install", "asc-mine")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        "error: The environment that runs asc has no pip, so nothing can be installed. To add pip, type: "
        f"{python} -m ensurepip"
    )


NO_MATCH = "ERROR: Could not find a version that satisfies the requirement asc-mine (from versions: {})"
RETRYING = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken "
    "by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new "
    "connection: [Errno 111] Connection refused')': /simple/asc-mine/"
)
PYTHON = ".".join(map(str, sys.version_info[:2]))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            [NO_MATCH.format("none"), "ERROR: No matching distribution found for asc-mine"],
            f'There is no package "asc-mine" for Python {PYTHON} in the package index. Check the name; a folder is '
            "given by its path, such as ./asc-mine.",
        ),
        (
            [RETRYING, NO_MATCH.format("none"), "ERROR: No matching distribution found for asc-mine"],
            '"asc-mine" was not found, since no package index could be reached. Check the network, and try again.',
        ),
        (
            [NO_MATCH.format("0.5, 1.0")],
            f'The package index has no "asc-mine" for Python {PYTHON}; it has the versions 0.5, 1.0.',
        ),
        (
            ["error: externally-managed-environment", "", "× This environment is externally managed"],
            "The environment that runs asc is managed by the operating system, so pip must not change it. Install asc "
            "and its plugins into an environment of your own, which this makes: python3 -m venv FOLDER",
        ),
        (
            [
                "ERROR: Cannot install asc-old==1.0 because these package versions have conflicting dependencies.",
                "",
                "The conflict is caused by:",
                "    asc-old 1.0 depends on asc-core<0.2",
                "    The user requested (constraint) asc-core==0.2.0",
                "ERROR: ResolutionImpossible: for help visit",
            ],
            '"asc-mine" cannot be installed beside what is there: asc-old 1.0 depends on asc-core<0.2; The user '
            "requested (constraint) asc-core==0.2.0. Ask for another version of it, such as NAME==VERSION.",
        ),
        (
            ["error: subprocess-exited-with-error"],
            '"asc-mine" could not be installed: pip ended with code 2, and what it printed above says why.',
        ),
    ],
)
def test_why_pip_failed_is_a_sentence(lines: list[str], told: str) -> None:
    assert why_not("asc-mine", 2, lines) == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("install", "empty"), 'The folder "empty" has no pyproject.toml, so it is no package.'),
        (("install", "wrong"), 'pyproject.toml" cannot be read: '),
        (("install", "./nowhere"), '"./nowhere" does not exist; expected the folder of a package'),
        (("install", "nowhere.whl"), '"nowhere.whl" does not exist'),
        (("install", "mine.py"), '"mine.py" is a file; expected a folder. A single file needs no installation:'),
        (("install", "two words"), '"two words" is no name of a package, and there is no such folder;'),
        (("install", "--", "--index-url"), '"--index-url" is no name of a package'),
        (("install", "-e", "asc-mine"), '"asc-mine" is no folder; --editable takes the folder of a package.'),
        (("install", "ASC_core"), "asc-core is asc itself. For another version of it, type: pip install --upgrade"),
        (("install", "toy"), 'The backend "toy" comes with asc-toy. To install "toy", type: '),
        (("uninstall", "asc.core"), "asc-core is asc itself, and `asc uninstall` removes only plugins."),
        (("uninstall", "linear"), 'The predictor "linear" is a part of asc itself (asc-core), so it cannot be'),
        (("uninstall", "mine"), 'The predictor "mine" comes with asc-mine. Type: asc uninstall asc-mine'),
        (("uninstall", "asc-nine"), 'No distribution "asc-nine" provides a plugin of asc; did you mean "asc-mine"?'),
        (("uninstall", "numpy"), "Anything else is uninstalled with: pip uninstall numpy"),
        (("uninstall",), "Missing argument"),
    ],
)
def test_what_cannot_be_is_told_before_pip_is_asked(
    asc: Asc, tmp_path: Path, arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "pyproject.toml").write_text("name = ")
    (tmp_path / "mine.py").write_text(MINE)
    rows = [
        Component("predictor", name, f"asc-{home}", "1", None) for name, home in (("linear", "core"), ("mine", "mine"))
    ]
    monkeypatch.setattr(environment, "components", lambda: rows)
    monkeypatch.setattr(environment, "_pip", lambda *_: pytest.fail("pip is asked"))
    one_sentence(asc(*arguments), told)


def test_a_package_that_is_outside_the_environment_is_not_called_uninstalled(
    asc: Asc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip says so and ends as if all was well."""
    rows = [Component("predictor", "mine", "asc-mine", "1", None)]
    monkeypatch.setattr(environment, "components", lambda: rows)
    monkeypatch.setattr(environment, "_pip", lambda *_: (0, []))
    one_sentence(asc("uninstall", "asc-mine"), "pip left asc-mine where it is, outside the environment that runs asc")
