"""Writes the README's tables from the committed result files: `python benchmarks/tables.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def table(result: dict[str, Any]) -> str:
    """Return the table of measured speed-ups, and where it comes from, as Markdown."""
    pairs = max(len(row["pairs"]) for row in result["rows"])
    lines = [
        f"Measured with `make bench-toy` on {result['machine']['cores']} cores ({result['machine']['processor']}), "
        f"{result['rows'][0]['origin']['date'][:10]}, up to {pairs} pairs of runs each; net speed-up as "
        "median and range, everything on the clock. C is the machine's parallel capacity and f the tracking cost, both "
        "measured between the pairs; one worker's bound is 1 + (C − 1)/f. Where speculation is to be refused, the two "
        "take turns in a hundred slices each, since whole runs on a shared machine differ by more than what is asked.",
        "",
        "| case | plain | hand-written | numpy | net speed-up | C | f | bound | of it | goal | met |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        net, numpy_s = row["net_speedup"], row["numpy_s"]
        goal = {"bound": "≥ 0.9 of the bound", "none": "", "refused": "refused, ≥ 0.97"}.get(row["goal"], row["goal"])
        cells = [
            row["label"],
            f"{row['plain_s']['median']:.2f} s",
            f"{row['hand_written_s']:.2f} s",
            "" if numpy_s is None else f"{numpy_s:.2f} s",
            f"**{net['median']:.2f}** ({net['low']:.2f}–{net['high']:.2f})",
            f"{row['capacity']['median']:.2f}",
            f"{row['tracking']['median']:.2f}",
            f"{row['bound']['median']:.2f}",
            f"{row['of_bound']:.0%}" if row["goal"] == "bound" else "",
            goal,
            {True: "yes", False: "no", None: ""}[row["met"]],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    identical = all(row["identical"] for row in result["rows"])
    lines += ["", f"Final states bit-identical in every pair: {'yes' if identical else 'NO'}. "]
    lines[-1] += f"An idle boundary of the engine costs {result['idle_boundary_us']:.1f} µs."
    lines += ["", *simulated(result)]
    return "\n".join(lines)


def simulated(result: dict[str, Any]) -> list[str]:
    """Return the scaling table, marked as simulated."""
    rows = [row for row in result["rows"] if row["goal"] == "bound"]
    cores = [entry["cores"] for entry in rows[0]["simulated"]]
    lines = [
        "*Simulated*, not measured: speed-up by number of cores, from the costs measured in the same runs "
        "(`asc_toy/simulate.py`; no bandwidth, no memory):",
        "",
        "| program | " + " | ".join(str(count) for count in cores) + " |",
        "|---" * (len(cores) + 1) + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row['label']} | " + " | ".join(f"{entry['speedup']:.3g}" for entry in row["simulated"]) + " |"
        )
    return lines


def network(result: dict[str, Any]) -> str:
    """Return what was measured of the network backend, as Markdown."""
    lines = [
        f"Measured with `make bench-network` on {result['machine']['cores']} cores ({result['machine']['processor']}), "
        f"torch {result['torch']}.",
        "",
        "| what | figure | goal | met |",
        "|---|---|---|---|",
    ]
    for row in result["rows"]:
        told = _TOLD[row["row"]](row)
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        lines.append(f"| {told} | {row['goal']} | {met} |")
    return "\n".join(lines)


def _between(values: dict[str, float], digits: int = 3) -> str:
    return f"{values['median']:.{digits}f} ({values['low']:.{digits}f}–{values['high']:.{digits}f})"


_TOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "transparent": lambda row: (
        f"{row['steps']} steps with every candidate refused ({row['refused']} judged), against a plain run | "
        f"{'bit-identical' if row['bit_identical'] else 'DIFFERENT'}"
    ),
    "resumed": lambda row: (
        f"killed {row['kills']} times and resumed, and run twice, {row['steps']} steps | "
        f"{'bit-identical' if row['bit_identical'] else 'DIFFERENT'}"
    ),
    "overhead": lambda row: (
        f"plain loop over a bare PyTorch loop, {row['slices']} slices of each in turns | {_between(row['ratio'])}"
    ),
    "leap": lambda row: (
        f"linear leap of {row['parameters'] / 1e6:.0f}M fp32 weights, bandwidth over a plain copy's | "
        f"{_between(row['share_of_copy'], 2)}"
    ),
    "share": lambda row: (
        f"recognizer, copies and judging at default settings, share of {row['steps']} plain steps | "
        f"{row['share_in_plain_steps']:.1%} in steps, {row['share_in_seconds']:.1%} in seconds"
    ),
    "memory": lambda row: (
        f"extra peak memory, {row['model']} ({row['parameters'] / 1e6:.0f}M), average off | "
        f"{row['in_units_of_the_weights']:.2f} × the weights"
    ),
    "target": lambda row: (
        f"seconds to the plain run's dev loss, {row['model']}, {row['steps']} steps, lr {row['lr']:g}, "
        f"{len(row['seeds'])} seeds | {_between(row['net_speedup'], 2) if row['net_speedup'] else 'not reached'}"
    ),
}


def main() -> None:
    """Replace what stands between each file's markers."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, make in (("toy", table), ("network", network)):
        result = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        before, rest = text.split(f"<!-- {name} -->")
        after = rest.split(f"<!-- /{name} -->")[1]
        text = f"{before}<!-- {name} -->\n{make(result)}\n<!-- /{name} -->{after}"
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
