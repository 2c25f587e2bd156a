"""What the README says is so: its code runs, its commands exist, its figures are those of the result file."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asc_toy")

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LITTLE = (
    "--max-bytes 500000 --vocabulary 512 --length 16 --batch 2 --gate-sequences 8 --dev-sequences 4 --test-sequences 4 "
    "--data-cache tokens"
)
COMMANDS = re.findall(r"^    (asc .*?)(?:  #.*)?$", re.sub(r" \\\n\s*", " ", README), re.MULTILINE)


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code.replace("500_000", "3_000"), "README", "exec"), {"__name__": "readme"})
    longest, *_ = capsys.readouterr().out.split()
    assert int(longest) == 216  # of the starts up to 3000, the longest takes 216 steps


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, tmp_path: Path) -> None:
    """With little to do, where it runs something."""
    asc = str(Path(sys.executable).with_name("asc"))
    arguments = shlex.split(command)[1:]
    if arguments[:2] == ["run", "nn_training"] and "--help" not in arguments:
        pytest.importorskip("asc_nn_training")
        arguments += shlex.split(f"--steps 2 {LITTLE} --gate-subsets 4")
    elif arguments[:2] == ["run", "riscv"]:
        pytest.importorskip("ziglang")
        arguments[2] = "20000"  # the program's size
    elif arguments[0] == "study":
        pytest.importorskip("asc_nn_training")
        less = "--steps 110 --horizons 1,5" if "--at" in arguments else "--steps 40 --snapshot-every 10"
        arguments += shlex.split(f"{less} {LITTLE} --out study")
    elif arguments[0] == "demo":
        arguments += ["--speed", "10"]
    elif arguments[0] == "run" and "--help" not in arguments:
        arguments += ["--n", "200"]
    if arguments[0] in ("advise", "bench-predictor"):
        arguments += ["--seconds", "0.5"]
    if arguments[0] in ("report", "bench-predictor"):
        subprocess.run([asc, "run", "toy", "--n", "200", "--quiet"], cwd=tmp_path, check=True, capture_output=True)
    found = subprocess.run([asc, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert found.returncode == 0, found.stderr


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 9


def test_the_figures_are_those_of_the_result_files() -> None:
    tables = runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))
    results = tables["read_results"]()
    assert tables["headline"](results) in README
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == tables["page"](results)


def test_the_readme_is_short() -> None:
    words = re.sub(r"<!-- headline -->.*<!-- /headline -->", "", README, flags=re.DOTALL).split()
    assert 500 < len(words) <= 900
