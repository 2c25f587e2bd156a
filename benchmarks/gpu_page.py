"""Writes `docs/gpu.md`: the commands of the checks on a GPU, and the results that there are.

Usage: `python benchmarks/gpu_page.py`, after each of the commands on the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from findings import number, study_table
from tables import recipes

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "gpu.md"

FILES = (
    "gpu",
    "study-gpu-momentum",
    "study-gpu-momentum-later",
    "study-gpu-leap-verify",
    "study-gpu-wikitext",
    "recipes-gpu",
    "study-gpu-qwen",
)
PAPER = ("table-1", "table-2", "table-2-recalibrated", "table-3-recalibrated", "table-4", "table-5")
BEYOND = ("table-6", "ledger")
SWEEP = ("observe", "recognise", "current", "predict", "validate", "report")  # kinds of work at a snapshot

Result = Mapping[str, Any]
Results = Mapping[str, Result]
Figure = tuple[str, bool | None]  # as text, and whether it meets its goal


class Check(NamedTuple):
    """One line of the page."""

    file: str  # of the results
    what: str
    goal: str
    command: str
    figure: Callable[[Result], Figure | None]  # None if the file does not have it


def load() -> dict[str, Result]:
    """Return the results that there are."""
    paths = {name: RESULTS / f"{name}.json" for name in FILES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def page(results: Results) -> str:
    """Return the page."""
    parts = [
        "# On a GPU",
        "These checks need a GPU. Each is one command; the most valuable ones come first. Studies and recipes stop after "
        "nine minutes, and the same command then continues with the seeds, arms or rows that are left. `--results FOLDER` "
        "names another folder for result files. In a copy of the project without git, set `ASC_COMMIT` to the commit. "
        "`python benchmarks/gpu_page.py` writes this page from the files in `benchmarks/results/`.",
        _commands(),
    ]
    if results:
        parts += ["## Results", *_cards(results), _figures(results), *_studies(results)]
    else:
        parts.append("No result has been measured yet.")
    if "recipes-gpu" in results:
        parts += ["## Seconds to target", recipes(dict(results["recipes-gpu"]))]
    return "\n\n".join(parts) + "\n"


def _cards(results: Results) -> Iterator[str]:
    lines = []
    for name, result in results.items():
        rows = [row for row in result.get("rows", ()) if "machine" in row]
        runs = result.get("runs", {}).values() or rows or [result]
        machines = {f"{_card(run)}, torch {run['versions'].get('torch', '')}" for run in runs}
        lines.append(f"- `{name}.json`: {'; '.join(sorted(machines))}")
    if lines:
        yield "\n".join(lines)


def _card(run: Result) -> str:
    cards: Sequence[str] = run["machine"].get("cards", ())
    return " and ".join(cards) if cards else f"no GPU, {run['machine']['processor']}"


# -- checks


def _commands() -> str:
    lines = ["| what is measured | goal | command |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {check.what} | {check.goal} | `{check.command}` |" for check in CHECKS)])


def _figures(results: Results) -> str:
    lines = ["| what was measured | figure | goal | met |", "|---|---|---|---|"]
    for check in CHECKS:
        figure = check.figure(results[check.file]) if check.file in results else None
        if figure is not None:
            met = {True: "yes", False: "no", None: ""}[figure[1]]
            lines.append(f"| {check.what} | {figure[0]} | {check.goal} | {met} |")
    return "\n".join(lines)


def _row(result: Result, name: str) -> Result | None:
    return next((row for row in result["rows"] if row["row"] == name), None)


def _correct(result: Result) -> Figure | None:
    row = _row(result, "correctness")
    if row is None:
        return None
    failed = [check["check"] for check in row["checks"] if check["outcome"] not in ("passed", "skipped")]
    text = f"{row['passed']} passed, {row['failed']} failed, {row['skipped']} skipped"
    return text + (f": {', '.join(failed)}" if failed else ""), row["met"]


def _momentum(result: Result) -> Figure | None:
    rows = {(row["form"], row["precision"]): row["ratio"] for row in result["data"]["rows"]}
    held, coded = rows.get(("corrected, held", "float32")), rows.get(("as coded", "float16"))
    if held is None or coded is None:
        return None
    near = {k: value for k, value in held.items() if int(k) <= 10}
    low = min(coded.values(), key=lambda value: float("inf") if value is None else value)
    text = f"corrected {', '.join(map(number, near.values()))} at K = {', '.join(near)}; as coded, half precision, {number(low)} and more"
    return text, all(value is not None and value <= 1.1 for value in near.values()) and (low is None or low >= 100)


def _sum(what: str) -> Callable[[Result], Figure | None]:
    def figure(result: Result) -> Figure | None:
        row = _row(result, "sums")
        if row is None:
            return None
        texts, shares = list[str](), list[float]()
        for model, found in row["models"].items():
            ways = {way: each["share_of_copy"]["median"] for way, each in found[what].items()}
            shares.append(ways.pop("in place"))
            others = "".join(f", {way} {share:.0%}" for way, share in ways.items())
            texts.append(
                f"{model} ({found['parameters'] / 1e6:,.0f}M): {shares[-1]:.0%} of {found['copy_gb_s']['median']:,.0f} "
                f"GB/s{others}"
            )
        return "; ".join(texts), min(shares) >= 0.8

    return figure


def _parts(result: Result) -> Figure | None:
    row = _row(result, "parts")
    if row is None:
        return None
    parts = [f"{name} {each['in_steps']['median']:.3f} ({each['booked']:.3f})" for name, each in row["parts"].items()]
    return f"{', '.join(parts)}; a step is {1000 * row['step_s']['median']:.1f} ms", None


def _overhead(result: Result) -> Figure | None:
    row = _row(result, "overhead")
    if row is None:
        return None
    one, other = row["ratio"], row["ratio_to_one_that_reads_no_loss"]
    text = f"{one['median']:.3f} ({one['low']:.3f} to {one['high']:.3f}); over a bare loop that reads no loss {other['median']:.3f}"
    return text, row["met"]


def _memory(result: Result) -> Figure | None:
    row = _row(result, "memory")
    return None if row is None else (f"{row['in_units_of_the_weights']:.2f} × the weights", row["met"])


def _sweep(result: Result) -> Figure | None:
    """Return the seconds of one training's sweep; a sweep takes longer if seeds ran side by side."""
    runs, took = result.get("runs", {}), dict[int, list[float]]()
    for seed in result["data"]["seeds"]:
        if seed["end"] is not None:
            ledger = seed["end"]["ledger"]
            beside = runs.get(f"seed-{seed['seed']}", {}).get("side_by_side", 1)
            took.setdefault(beside, []).append(sum(ledger[kind]["seconds"] for kind in SWEEP if kind in ledger))
    if not took:
        return None
    texts = [
        f"{mean(seconds):.0f} s" + (f" with {beside} seeds side by side" if beside > 1 else " alone")
        for beside, seconds in sorted(took.items())
    ]
    return ", ".join(texts), mean(took[min(took)]) <= 120


def _done(result: Result) -> Figure | None:
    seeds = [seed["seed"] for seed in result["data"]["seeds"] if seed["end"] is not None]
    done = f"{result['config']['steps']:,} steps, seeds {', '.join(map(str, seeds))}" if seeds else "no seed is done"
    return f"{done}; tables below", None


def _recipe(name: str) -> Callable[[Result], Figure | None]:
    def figure(result: Result) -> Figure | None:
        row = _row(result, name)
        if row is None:
            return None
        net = row["arms"]["speculation"]["net_speedup"]
        text = f"{net['median']:.2f} ({net['low']:.2f} to {net['high']:.2f})" if net else "not reached by every seed"
        return f"{text} times as fast as plain, {len(row['seeds'])} seeds; table below", row["met"]

    return figure


_RECIPES = "--device cuda --model gpt2 --steps 600 --any-commit --minutes 9"
_TEXT = "--data FOLDER"
CHECKS = (
    Check("gpu", "correctness on CUDA", "every check passes", "python benchmarks/gpu.py correctness", _correct),
    Check(
        "study-gpu-momentum",
        "momentum at 124M weights after 100 steps: predicted over current loss",
        "corrected <= 1.1 up to K = 10, as coded >= 100",
        "python benchmarks/studies.py gpu-momentum",
        _momentum,
    ),
    Check(
        "study-gpu-momentum-later",
        "the same after 500, 1,000 and 1,500 steps",
        "corrected <= 1.1 up to K = 10, as coded >= 100",
        "python benchmarks/studies.py gpu-momentum-later",
        _momentum,
    ),
    Check("gpu", "a linear leap: share of a copy's bandwidth", ">= 0.8", "python benchmarks/gpu.py sums", _sum("leap")),
    Check(
        "gpu",
        "a weighted sum of five snapshots: the same share; in place it takes 14 passes instead of 6",
        ">= 0.8",
        "python benchmarks/gpu.py sums",
        _sum("five"),
    ),
    Check(
        "gpu",
        "snapshot, fingerprint, gate pass and a whole candidate, in training steps (booked price in brackets)",
        "none",
        "python benchmarks/gpu.py parts",
        _parts,
    ),
    Check(
        "gpu",
        "our loop without speculation, over a bare loop",
        "<= 1.005",
        "python benchmarks/gpu.py overhead",
        _overhead,
    ),
    Check(
        "gpu",
        "extra peak memory at default settings, over the weights",
        "<= 3",
        "python benchmarks/gpu.py memory",
        _memory,
    ),
    Check(
        "study-gpu-leap-verify",
        "the paper's study, GPT-2 124M from scratch",
        "seeds 42-46",
        "python benchmarks/studies.py gpu-leap-verify",
        _done,
    ),
    Check(
        "study-gpu-leap-verify",
        "the sweep of one of its trainings",
        "<= 2 minutes",
        "python benchmarks/studies.py gpu-leap-verify --seeds 42",
        _sweep,
    ),
    Check(
        "study-gpu-wikitext",
        "the same study on WikiText",
        "none",
        f"python benchmarks/studies.py gpu-wikitext {_TEXT}",
        _done,
    ),
    Check(
        "recipes-gpu",
        "the paper's recipe: seconds to the plain run's loss, plain over speculative",
        ">= 2",
        f"python benchmarks/recipes.py paper {_RECIPES}",
        _recipe("paper"),
    ),
    Check(
        "recipes-gpu",
        "the same at the best learning rate of a sweep",
        "not worse",
        f"python benchmarks/recipes.py tuned {_RECIPES} --rates 2e-4 6e-4 1e-3",
        _recipe("tuned"),
    ),
    Check(
        "study-gpu-qwen",
        "the study with Qwen2.5-1.5B's shape, from scratch",
        "as many steps and seeds as the time allows",
        "python benchmarks/studies.py gpu-qwen",
        _done,
    ),
)


# -- the studies' tables


def _studies(results: Results) -> Iterator[str]:
    for file, title in _TITLES.items():
        if file not in results:
            continue
        result = results[file]
        yield f"### {title}"
        corpora = {run.get("corpus") for run in result.get("runs", {}).values()}
        if len(corpora) > 1:
            yield f"Its seeds have {len(corpora)} corpora, because the built-in corpus is the running Python's own library."
        if result["state"] != "finished":
            yield "This study was stopped before its end. These are the results so far."
        if result["study"] == "momentum":
            yield study_table(result, "momentum")
        else:
            there = {table["name"] for table in result["tables"]}
            yield from (study_table(result, name) for name in PAPER + BEYOND if name in there)


_TITLES: Mapping[str, str] = {
    "study-gpu-momentum": "Momentum at 124M, after 100 steps",
    "study-gpu-momentum-later": "Momentum at 124M, after 500, 1,000 and 1,500 steps",
    "study-gpu-leap-verify": "The paper's study, GPT-2 124M",
    "study-gpu-wikitext": "The paper's study, GPT-2 124M, on WikiText",
    "study-gpu-qwen": "The paper's study, Qwen2.5-1.5B's shape",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(load()), encoding="utf-8")


if __name__ == "__main__":
    main()
