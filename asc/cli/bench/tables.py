"""What a replay has found, as tables, sentences and JSON: new predictors first, by horizon and regime."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from asc.cli.bench.layouts import Layout, Part
from asc.records.numbers import finite
from asc.run.replay.conclude import conclude
from asc.run.replay.evaluations import Evaluations, Totals
from asc.types import Outcome
from asc.views import figures

_ALL = "all"
_MARK = "* "  # of a new predictor
_REGIME = "regime"  # heading of the one column of words, which may wrap


def ranked(evaluations: Sequence[Evaluations]) -> list[Evaluations]:
    """Return the new predictors in the order given, then the others, those that gain most first."""

    def merit(one: Evaluations) -> tuple[float, float]:
        best = one.best_horizon()
        totals = Totals.of([] if best is None else one.at(best))
        candidates = -math.inf if totals.candidate_gain is None else totals.candidate_gain
        return -(totals.applied_gain or 0.0), -candidates

    return [one for one in evaluations if one.new] + sorted((one for one in evaluations if not one.new), key=merit)


def parts(evaluations: Evaluations) -> Iterator[Part]:
    """Yield the evaluations of each horizon, in all and by regime where there are several."""
    for horizon in evaluations.horizons():
        whole = _whole(evaluations, horizon)
        yield whole
        if whole.regime == _ALL:
            for regime in dict.fromkeys(entry.regime for entry in whole.entries):
                yield Part(horizon, regime, [entry for entry in whole.entries if entry.regime == regime])


def verdicts(evaluations: Sequence[Evaluations], layout: Layout) -> Table:
    """Return the main table."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("predictor", overflow="fold", min_width=12)
    for heading in layout.headings:
        if heading == _REGIME:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for one in ranked(evaluations):
        style, name = ("bold", f"{_MARK}{one.name}") if one.new else ("", one.name)
        merged = layout.merged(one)
        rows = [merged] if merged else [layout.cells(part) for part in _shown(one)]
        rows = rows or [["raised" if one.fault else "never"]]
        for first, cells in zip([name, *[""] * len(rows)], rows, strict=False):
            table.add_row(*(Text(cell) for cell in (first, *cells)), style=style)
    return table


def calls(evaluations: Sequence[Evaluations]) -> Table:
    """Return how long a call of each predictor takes, and what it raised."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("predictor", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("a call takes", justify="right", no_wrap=True)
    raised = any(one.fault for one in evaluations)
    if raised:
        table.add_column("raised", overflow="fold")
    for one in ranked(evaluations):
        cells = [one.name, figures.count(one.calls), figures.duration(one.seconds / one.calls if one.calls else None)]
        table.add_row(*(Text(cell) for cell in (*cells, *([one.fault] if raised else []))))
    return table


def conclusions(evaluations: Sequence[Evaluations], layout: Layout) -> list[str]:
    """Return a sentence or two for each new predictor, and what holds for all of them."""
    new, others = ([one for one in evaluations if one.new is wanted] for wanted in (True, False))
    return conclude(new, others, layout.horizon, layout.gain)


def data(evaluations: Sequence[Evaluations], layout: Layout) -> dict[str, Any]:
    """Return the same in values that JSON can hold, with the regimes of every predictor."""
    return {
        "unit": layout.unit,
        "predictors": [
            {
                "name": one.name,
                "new": one.new,
                "calls": one.calls,
                "seconds_a_call": one.seconds / one.calls if one.calls else None,
                "raised": one.fault or None,
                "rows": [_row(part) for part in parts(one)],
            }
            for one in ranked(evaluations)
        ],
        "conclusions": conclusions(evaluations, layout),
    }


def _row(part: Part) -> dict[str, Any]:
    totals = Totals.of(part.entries)
    return {
        "horizon": part.horizon,
        "regime": part.regime or None,
        "asked": totals.asked,
        "silent": totals.silent,
        "accepted": totals.accepted,
        "gain": finite(totals.applied_gain),
        "candidate_gain": finite(totals.candidate_gain),
        "share_of_plain": finite(totals.share_of_plain),
    }


def _whole(evaluations: Evaluations, horizon: int) -> Part:
    """Return all evaluations of a horizon, with the regime that they have in common."""
    entries = evaluations.at(horizon)
    regimes = {entry.regime for entry in entries}
    return Part(horizon, _ALL if len(regimes) > 1 else regimes.pop(), entries)


def _shown(evaluations: Evaluations) -> Iterator[Part]:
    """Yield every part of a new predictor; of another, the horizons, or only the best where nothing is accepted."""
    best = evaluations.best_horizon()
    if evaluations.new:
        yield from parts(evaluations)
    elif best is not None:
        accepted = any(entry.outcome is Outcome.ACCEPTED for entry in evaluations.entries)
        for horizon in evaluations.horizons() if accepted else [best]:
            yield _whole(evaluations, horizon)
