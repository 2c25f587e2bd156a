"""What a shell offers after Tab: names that can be typed next, at once, and never an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from asc.cli.completion import _NothingLarge
from asc.cli.main import COMMANDS, main
from asc.cli.run import OPTIONS
from tests.cli.conftest import ASC, HANG_S, environment

Offered = Callable[..., list[str]]

RUNS = ("2026-01-02T000000-toy-aaaa", "2026-01-01T000000-toy-bbbb")
PLUGIN = """
import asc
print("loaded")

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "own-idea", "nowhere:Nothing", "an idea")
"""


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offered:
    """Return what bash is offered for the last of some words, in a folder that has runs; nothing else is printed."""
    for run in RUNS:
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / "config.json").write_text("{}")
    (tmp_path / "runs" / "other").mkdir()
    (tmp_path / "own.py").write_text(PLUGIN)
    (tmp_path / "broken.py").write_text("raise SystemExit('broken')")
    monkeypatch.chdir(tmp_path)

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("_ASC_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["asc", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            main([])
        found = capsys.readouterr()
        assert (ended.value.code, found.err) == (0, "")
        return found.out.split()

    return ask


def plain(*names: str) -> list[str]:
    return [f"plain,{name}" for name in names]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), plain(*COMMANDS)),
        (("bench",), plain("bench-predictor")),
        (("explain", "last"), plain("last-value")),
        (("explain", "--plugin", "own.py", "own"), plain("own-idea")),
        (("run", "toy", "--recognizer", "rec"), plain("recurring")),
        (("run", "toy", "--predictors", "linear,aff"), plain("linear,affine")),
        (("run", "toy", "--plugin", "own.py", "--predictors=own"), plain("own-idea")),
        (("run", "toy", "--program", "lcg-"), None),
        (("run", "toy", "--exec"), plain("--executor")),
        (("run", "toy", "--resume", "2026-01"), plain(*RUNS)),
        (("report", ""), plain("latest", *RUNS)),
        (("report", "--out", "nowhere", ""), ["dir,"]),
        (("report", "./ru"), ["dir,./ru"]),
        (("bench-predictor", "linear", "--on", "l"), plain("latest")),
        (("bench-predictor", "linear", "--beside", "affine,o"), plain("affine,own")),
        (("bench-predictor", "lin"), None),
        (("new", "j"), plain("judged-backend")),
        (("install", "./a"), ["dir,./a"]),
        (("uninstall", "asc-t"), plain("asc-toy")),
        (("plugins", "--plugin", "o"), ["file,o"]),
        (("explain", "--plugin", "broken.py", "lin"), []),
        (("explain", "--plugin", "nowhere.py", "lin"), []),
        (("run", "nowhere", "--"), []),
    ],
)
def test_what_can_be_typed_next_is_offered(offered: Offered, words: Sequence[str], expected: list[str] | None) -> None:
    pytest.importorskip("asc_toy")
    found = offered(*words)
    if expected is None:
        assert found
        assert all(name.startswith(f"plain,{words[-1]}") for name in found)
    else:
        assert found == expected


def test_a_study_is_offered_by_its_name(offered: Offered) -> None:
    pytest.importorskip("asc_nn_training")
    assert offered("study", "ver") == plain("verdicts")


IMPORTED = """
import os, sys
os.environ |= {"_ASC_COMPLETE": "bash_complete", "COMP_WORDS": "asc run nn_training --", "COMP_CWORD": "3"}
try:
    from asc.cli import main
    main([])
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def test_a_backend_that_needs_a_large_package_is_completed_without_it() -> None:
    """The options that every backend has are offered; its own ones would take seconds."""
    pytest.importorskip("asc_nn_training")
    found = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) >= {f"plain,{option.opts[-1]}" for option in OPTIONS} | {"plain,--validator"}
    assert set(found.stderr.split()).isdisjoint({"torch", "transformers", "datasets"})


@pytest.mark.parametrize(("size", "refused"), [(199_999, False), (200_001, True)])
def test_a_package_with_many_files_is_large(
    size: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heavy-1.0.dist-info").mkdir()
    (tmp_path / "heavy-1.0.dist-info" / "RECORD").write_bytes(b"x" * size)
    (tmp_path / "heavy.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [_NothingLarge(), *sys.meta_path])
    if refused:
        with pytest.raises(ImportError, match="heavy is too large"):
            __import__("heavy")
    else:
        __import__("heavy")
    sys.modules.pop("heavy", None)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_with_the_script_that_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "runs" / RUNS[0]).mkdir(parents=True)
    (tmp_path / "runs" / RUNS[0] / "config.json").write_text("{}")
    script = (
        'eval "$(_ASC_COMPLETE=bash_source asc)"; COMP_WORDS=(asc report 2026); COMP_CWORD=2; _asc_completion asc; '
        'echo "${COMPREPLY[@]}"'
    )
    path = os.pathsep.join([str(Path(ASC).parent), os.environ["PATH"]])
    found = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=tmp_path,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )
    assert (found.stdout, found.stderr) == (f"{RUNS[0]}\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ASC_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert f"_ASC_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_a_shell_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_ASC_COMPLETE", "tcsh_source")
    with pytest.raises(SystemExit) as ended:
        main([])
    told = 'error: There is no completion for "tcsh"; expected _ASC_COMPLETE=bash_source, or zsh or fish.'
    assert (ended.value.code, " ".join(capsys.readouterr().err.split())) == (1, told)
