"""Speculative runs beside plain ones: pairs that take turns, since a machine's speed drifts."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from asc import answers
from asc.backend import Backend
from asc.records.numbers import strict
from asc.speculators.speculator import Speculator

_CLOSE = 0.9  # a measured speed-up of at least this share of the estimated one needs no explanation
CANNOT_SAY = (
    "The backend cannot say which run was better, and how much sooner: give it compare(speculative, plain), as "
    "asc.backend.Backend describes it."
)
NOT_COMPARED = "A run to compare with was interrupted, so there are fewer pairs than were asked for."


def compare_pairs(
    summary: dict[str, Any],
    again: Callable[[bool], dict[str, Any]],
    pairs: int,
    speculator: Speculator,
    backend: Backend[Any],
) -> None:
    """Put plain runs' figures into a finished speculative run's summary.

    `again(speculate)` makes another run and returns its summary. The runs go A B, B A, A B …, the first of them being
    the one whose summary this is; of several pairs the net speed-up is the median, and `pairs` holds each.
    """
    found: list[dict[str, Any]] = []
    for number in range(pairs):
        if number == 0:
            speculative, plain = summary, again(False)
        elif number % 2:
            plain, speculative = again(False), again(True)
        else:
            speculative, plain = again(True), again(False)
        if {plain["state"], speculative["state"]} != {"finished"}:
            summary["warnings"].append(NOT_COMPARED)
            break
        found.append(compare(speculative, plain, speculator, backend))
        if number == 0 and plain.get("curves"):
            summary["plain_curves"] = plain["curves"]  # the report draws them beside those of this run
    if not found:
        return
    summary.update(found[0])
    if summary["identical"] is None and backend.compare(summary, plain) is None:
        summary["warnings"].append(CANNOT_SAY)
    ratios = [pair["net_speedup"] for pair in found if pair["net_speedup"] is not None]
    summary["net_speedup"] = statistics.median(ratios) if len(ratios) == len(found) else None
    if len(found) > 1:
        summary["pairs"] = found
        ends = [pair["identical"] for pair in found]
        summary["identical"] = None if None in ends else all(ends)


def compare(
    speculative: Mapping[str, Any], plain: Mapping[str, Any], speculator: Speculator, backend: Backend[Any]
) -> dict[str, Any]:
    """Return one pair's figures. Where the ends differ, the backend says what was reached, and how much sooner."""
    pair = {"seconds": speculative["seconds"], "plain_seconds": plain["seconds"]}
    pair |= speculator.compare(speculative, plain)
    if pair["identical"] and (shortfall := _shortfall(speculative, plain)):
        pair["reason"] = f"{speculative['reason']} {shortfall}"
    found = backend.compare(speculative, plain)
    answers.instance("compare", found, Mapping | None, "a dictionary or None")
    return pair | dict(strict(found or {}))


def _shortfall(speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    """Say why less is measured than was estimated, where steps were slower beside workers; nothing otherwise."""
    estimated, work = speculative.get("estimated_speedup"), speculative.get("ledger", {}).get("plain", {})
    if not (estimated and work.get("steps") and plain.get("position") and speculative["seconds"]):
        return ""
    measured = plain["seconds"] / speculative["seconds"]
    slower = work["seconds"] / work["steps"] / (plain["seconds"] / plain["position"]) - 1
    if measured > _CLOSE * estimated or slower < 1 - _CLOSE:
        return ""
    return (
        f"{estimated:.2f}× by the account, {measured:.2f}× measured: a plain step took {slower:.0%} longer beside the "
        "workers than alone, so see that a core is free for each of them."
    )
