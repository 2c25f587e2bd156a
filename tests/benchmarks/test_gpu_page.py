"""The page on GPUs matches the committed results, if there are any, and its commands exist."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest

from asc.cli import main

pytest.importorskip("asc_nn_training")

import torch

ROOT = Path(__file__).parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"
PAGE = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"`python (benchmarks/\S+\.py) ([^`]+)`", PAGE)


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(BENCHMARKS / "gpu_page.py"))


def result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BENCHMARKS / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def row(name: str, **figures: Any) -> dict[str, Any]:
    return {"row": name, "met": False, **figures}


def test_the_page_matches_the_results(script: dict[str, Any]) -> None:
    assert script["page"](script["load"]()) == PAGE


def table(page: str, head: str) -> list[str]:
    """Return the rows of the table with this head."""
    lines = page.splitlines()
    rows = lines[lines.index(head) + 2 :]
    return rows[: rows.index("")] if "" in rows else rows


COMMANDS_HEAD = "| what is measured | goal | command |"
FIGURES_HEAD = "| what was measured | figure | goal | met |"


def test_without_results_there_is_one_table_of_commands(script: dict[str, Any]) -> None:
    page = script["page"]({})
    assert len(table(page, COMMANDS_HEAD)) == len(script["CHECKS"])
    assert len(re.findall(r"^\|---", page, re.MULTILINE)) == 1
    assert page.endswith("No result has been measured yet.\n")


def test_results_of_studies_and_recipes_are_shown(script: dict[str, Any]) -> None:
    """Results of the same studies at another size, under the names of those on a GPU."""
    given = {
        "study-gpu-momentum": result("study-momentum"),
        "study-gpu-leap-verify": result("study-leap-verify"),
        "study-gpu-qwen": {**result("study-cascades"), "state": "stopped"},
        "recipes-gpu": result("recipes"),
    }
    page = script["page"](given)
    assert len(table(page, FIGURES_HEAD)) == 6, "only what was measured has a row"
    assert "corrected 1.131, 1.570 at K = 5, 10; as coded, half precision, 5,798 and more |" in page
    assert "as coded >= 100 | no |" in page
    assert "2,000 steps, seeds 42, 43, 44; tables below" in page
    assert "This study was stopped before its end" in page
    assert "**Table 1: snapshots in each regime, mean ± std over seeds**" in page
    assert "no GPU, AMD EPYC" in page


def test_measurements_are_shown(script: dict[str, Any]) -> None:
    share = {"share_of_copy": {"median": 0.5}}
    ways = {"in place": share, "by one launch": {"share_of_copy": {"median": 0.9}}}
    sums = {"gpt2": {"parameters": 124e6, "copy_gb_s": {"median": 3000.0}, "leap": ways, "five": {"in place": share}}}
    middle = {"median": 1.01, "low": 1.0, "high": 1.02}
    checks = [{"check": "test_a", "outcome": "failure"}, {"check": "test_b", "outcome": "passed"}]
    rows = [
        row("correctness", passed=1, failed=1, skipped=0, checks=checks),
        row("sums", models=sums),
        row("parts", step_s={"median": 0.02}, parts={"gate": {"in_steps": {"median": 0.5}, "booked": 0.7}}),
        row("overhead", ratio=middle, ratio_to_one_that_reads_no_loss=middle),
        row("memory", in_units_of_the_weights=2.5),
    ]
    machine = {"cards": ["NVIDIA H100 80GB HBM3, 580.1, 81559 MiB"], "processor": "x"}
    where = {"machine": machine, "versions": {"torch": "2.11.0+cu130"}}
    page = script["page"]({"gpu": {"rows": [{**each, **where} for each in rows], **where}})
    for expected in (
        "`gpu.json`: NVIDIA H100 80GB HBM3, 580.1, 81559 MiB, torch 2.11.0+cu130",
        "1 passed, 1 failed, 0 skipped: test_a | every check passes | no |",
        "gpt2 (124M): 50% of 3,000 GB/s, by one launch 90% | >= 0.8 | no |",
        "gate 0.500 (0.700); a step is 20.0 ms | none |  |",
        "1.010 (1.000 to 1.020); over a bare loop that reads no loss 1.010 | <= 1.005 | no |",
        "2.50 × the weights | <= 3 | no |",
    ):
        assert expected in page


def test_the_commands_exist() -> None:
    assert len(COMMANDS) > 10
    studies = runpy.run_path(str(BENCHMARKS / "studies.py"))["ON_GPU"]
    rows = {
        "benchmarks/studies.py": set(studies),
        "benchmarks/gpu.py": set(runpy.run_path(str(BENCHMARKS / "gpu.py"))["ROWS"]),
        "benchmarks/recipes.py": {"paper", "tuned"},
    }
    for path, arguments in COMMANDS:
        assert shlex.split(arguments)[0] in rows[path], arguments
    named = {shlex.split(arguments)[0] for path, arguments in COMMANDS if path == "benchmarks/studies.py"}
    assert named == set(studies), "every study that needs a GPU is on the page"


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU it would run")
@pytest.mark.parametrize("name", ["gpu-momentum", "gpu-momentum-later", "gpu-leap-verify", "gpu-wikitext", "gpu-qwen"])
def test_its_studies_need_nothing_but_a_gpu(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = shlex.split(runpy.run_path(str(BENCHMARKS / "studies.py"))["ON_GPU"][name])
    alone = ["--workers", "1"] if "--workers" in command else []
    with pytest.raises(SystemExit) as left:
        main(["study", *command, *alone, "--out", str(tmp_path / "study")])
    assert left.value.code == 1
    assert "The device 'cuda' was asked for" in " ".join(capsys.readouterr().err.split())
