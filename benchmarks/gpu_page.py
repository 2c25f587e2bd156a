"""Writes `docs/gpu.md` from the results that were measured on a GPU, as far as there are any.

`python benchmarks/gpu_page.py`, after each of the commands that the page names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

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
MISSING = "not measured yet"
PAPER = ("table-1", "table-2", "table-2-recalibrated", "table-3-recalibrated", "table-4", "table-5")
BEYOND = ("table-6", "ledger")
SWEEP = ("observe", "recognise", "current", "predict", "validate", "report")  # what is done at a snapshot

Result = Mapping[str, Any]
Results = Mapping[str, Result]
Told = tuple[str, bool | None]  # a figure, and whether it meets its goal


def load() -> dict[str, Result]:
    """Return the results that are there."""
    paths = {name: RESULTS / f"{name}.json" for name in FILES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def page(results: Results) -> str:
    """Return the page."""
    parts = [
        "# On a GPU",
        "What only a GPU can show, one command each, in order of worth. They are made for machines that are there for "
        "minutes and keep nothing: studies and recipes stop by themselves after nine, and the same command goes on with "
        "what is left, by whole seeds, arms or rows. With `--results FOLDER` it reads and writes its files elsewhere; a copy of the project "
        "without git says in `ASC_COMMIT` which commit it is. Written by `python benchmarks/gpu_page.py` from the files in "
        "`benchmarks/results/`.",
        *([] if results else ["Nothing has been measured yet, since no GPU has been at hand."]),
        *_cards(results),
        _summary(results),
        *_studies(results),
    ]
    if "recipes-gpu" in results:
        parts += ["## Seconds to target", recipes(dict(results["recipes-gpu"]))]
    return "\n\n".join(parts) + "\n"


def _cards(results: Results) -> Iterator[str]:
    lines = []
    for name, result in results.items():
        rows = [row for row in result.get("rows", ()) if "machine" in row]
        runs = result.get("runs", {}).values() or rows or [result]
        told = {f"{_card(run)}, torch {run['versions'].get('torch', '')}" for run in runs}
        lines.append(f"- `{name}.json`: {'; '.join(sorted(told))}")
    if lines:
        yield "\n".join(lines)


def _card(run: Result) -> str:
    cards: Sequence[str] = run["machine"].get("cards", ())
    return " and ".join(cards) if cards else f"no GPU, {run['machine']['processor']}"


# -- the list of what is to be measured


def _summary(results: Results) -> str:
    lines = ["| what | goal | figure | met | command |", "|---|---|---|---|---|"]
    for file, what, goal, command, tell in _LIST:
        figure, met = MISSING, ""
        if file in results and (told := tell(results[file])) is not None:
            figure, met = told[0], {True: "yes", False: "no", None: ""}[told[1]]
        lines.append(f"| {what} | {goal} | {figure} | {met} | `{command}` |")
    return "\n".join(lines)


def _row(result: Result, name: str) -> Result | None:
    return next((row for row in result["rows"] if row["row"] == name), None)


def _correct(result: Result) -> Told | None:
    row = _row(result, "correctness")
    if row is None:
        return None
    failed = [check["check"] for check in row["checks"] if check["outcome"] not in ("passed", "skipped")]
    told = f"{row['passed']} passed, {row['failed']} failed, {row['skipped']} skipped"
    return told + (f": {', '.join(failed)}" if failed else ""), row["met"]


def _momentum(result: Result) -> Told | None:
    rows = {(row["form"], row["precision"]): row["ratio"] for row in result["data"]["rows"]}
    held, coded = rows.get(("corrected, held", "float32")), rows.get(("as coded", "float16"))
    if held is None or coded is None:
        return None
    near = {k: value for k, value in held.items() if int(k) <= 10}
    low = min(coded.values(), key=lambda value: float("inf") if value is None else value)
    told = f"corrected {', '.join(map(number, near.values()))} at K = {', '.join(near)}; as coded, half precision, {number(low)} and more"
    return told, all(value is not None and value <= 1.1 for value in near.values()) and (low is None or low >= 100)


def _sum(what: str) -> Callable[[Result], Told | None]:
    def tell(result: Result) -> Told | None:
        row = _row(result, "sums")
        if row is None:
            return None
        told, shares = list[str](), list[float]()
        for model, found in row["models"].items():
            ways = {way: each["share_of_copy"]["median"] for way, each in found[what].items()}
            shares.append(ways.pop("in place"))
            others = "".join(f", {way} {share:.0%}" for way, share in ways.items())
            told.append(
                f"{model} ({found['parameters'] / 1e6:,.0f}M): {shares[-1]:.0%} of {found['copy_gb_s']['median']:,.0f} "
                f"GB/s{others}"
            )
        return "; ".join(told), min(shares) >= 0.8

    return tell


def _parts(result: Result) -> Told | None:
    row = _row(result, "parts")
    if row is None:
        return None
    told = [f"{name} {each['in_steps']['median']:.3f} ({each['booked']:.3f})" for name, each in row["parts"].items()]
    return f"{', '.join(told)}; a step is {1000 * row['step_s']['median']:.1f} ms", None


def _overhead(result: Result) -> Told | None:
    row = _row(result, "overhead")
    if row is None:
        return None
    one, other = row["ratio"], row["ratio_to_one_that_reads_no_loss"]
    told = (
        f"{one['median']:.3f} ({one['low']:.3f} to {one['high']:.3f}); of one that reads no loss {other['median']:.3f}"
    )
    return told, row["met"]


def _memory(result: Result) -> Told | None:
    row = _row(result, "memory")
    return None if row is None else (f"{row['in_units_of_the_weights']:.2f} × the weights", row["met"])


def _sweep(result: Result) -> Told | None:
    """Seconds of the sweep of one training; those of several that ran beside one another are longer for it."""
    runs, took = result.get("runs", {}), dict[int, list[float]]()
    for seed in result["data"]["seeds"]:
        if seed["end"] is not None:
            ledger = seed["end"]["ledger"]
            beside = runs.get(f"seed-{seed['seed']}", {}).get("side_by_side", 1)
            took.setdefault(beside, []).append(sum(ledger[kind]["seconds"] for kind in SWEEP if kind in ledger))
    if not took:
        return None
    told = [
        f"{mean(seconds):.0f} s" + (f" with {beside} seeds side by side" if beside > 1 else " alone")
        for beside, seconds in sorted(took.items())
    ]
    return ", ".join(told), mean(took[min(took)]) <= 120


def _done(result: Result) -> Told | None:
    seeds = [seed["seed"] for seed in result["data"]["seeds"] if seed["end"] is not None]
    told = f"{result['config']['steps']:,} steps, seeds {', '.join(map(str, seeds))}" if seeds else "no seed to its end"
    return f"{told}; tables below", None


def _recipe(name: str) -> Callable[[Result], Told | None]:
    def tell(result: Result) -> Told | None:
        row = _row(result, name)
        if row is None:
            return None
        net = row["arms"]["speculation"]["net_speedup"]
        told = f"{net['median']:.2f} ({net['low']:.2f} to {net['high']:.2f})" if net else "not reached by every seed"
        return f"{told} times sooner than plain, {len(row['seeds'])} seeds; below", row["met"]

    return tell


_RECIPES = "--device cuda --model gpt2 --steps 600 --any-commit --minutes 9"
_TEXT = "--data FOLDER"
_LIST: tuple[tuple[str, str, str, str, Callable[[Result], Told | None]], ...] = (
    ("gpu", "correctness on CUDA", "every check passes", "python benchmarks/gpu.py correctness", _correct),
    (
        "study-gpu-momentum",
        "momentum at 124M, after 100 steps, predicted over current loss",
        "corrected <= 1.1 up to K = 10, as coded >= 100",
        "python benchmarks/studies.py gpu-momentum",
        _momentum,
    ),
    (
        "study-gpu-momentum-later",
        "the same after 500, 1,000 and 1,500 steps",
        "corrected <= 1.1 up to K = 10, as coded >= 100",
        "python benchmarks/studies.py gpu-momentum-later",
        _momentum,
    ),
    ("gpu", "a linear leap, share of a copy's bandwidth", ">= 0.8", "python benchmarks/gpu.py sums", _sum("leap")),
    (
        "gpu",
        "a weighted sum of five snapshots, likewise; in place that is 14 passes where 6 would do",
        ">= 0.8",
        "python benchmarks/gpu.py sums",
        _sum("five"),
    ),
    (
        "gpu",
        "snapshot, fingerprint, gate pass and a whole candidate, in training steps (as booked)",
        "report",
        "python benchmarks/gpu.py parts",
        _parts,
    ),
    ("gpu", "our loop without speculation over a bare one", "<= 1.005", "python benchmarks/gpu.py overhead", _overhead),
    ("gpu", "extra peak memory at default settings", "<= 3", "python benchmarks/gpu.py memory", _memory),
    (
        "study-gpu-leap-verify",
        "the paper's study, GPT-2 124M from scratch",
        "seeds 42-46",
        "python benchmarks/studies.py gpu-leap-verify",
        _done,
    ),
    (
        "study-gpu-leap-verify",
        "the sweep of one of its trainings",
        "<= 2 minutes",
        "python benchmarks/studies.py gpu-leap-verify --seeds 42",
        _sweep,
    ),
    (
        "study-gpu-wikitext",
        "the same on WikiText",
        "report",
        f"python benchmarks/studies.py gpu-wikitext {_TEXT}",
        _done,
    ),
    (
        "recipes-gpu",
        "seconds to the plain run's loss, the paper's recipe",
        ">= 2",
        f"python benchmarks/recipes.py paper {_RECIPES}",
        _recipe("paper"),
    ),
    (
        "recipes-gpu",
        "the same at the best rate of a sweep",
        "not worse",
        f"python benchmarks/recipes.py tuned {_RECIPES} --rates 2e-4 6e-4 1e-3",
        _recipe("tuned"),
    ),
    (
        "study-gpu-qwen",
        "the study, Qwen2.5-1.5B's shape from scratch",
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
        yield f"## {title}"
        corpora = {run.get("corpus") for run in result.get("runs", {}).values()}
        if len(corpora) > 1:
            yield f"Its seeds are of {len(corpora)} corpora: the built-in one is that of the Python that runs."
        if result["state"] != "finished":
            yield "It was stopped before its end: these are the results so far."
        if result["study"] == "momentum":
            yield study_table(result, "momentum")
        else:
            there = {table["name"] for table in result["tables"]}
            yield from (study_table(result, name) for name in PAPER + BEYOND if name in there)


_TITLES = {
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
