"""The report's pictures over time: main thread and workers, steps, hits and misses, curves, regimes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add
from typing import Any

from asc.records.numbers import finite
from asc.report.charts import HEIGHT, area, chart, legend, line, marks, rules, strokes
from asc.report.markup import Html, join, section, tag
from asc.report.run_data import BINS, Bins, RunData
from asc.views import figures

LANES = 16
"""Lanes for workers at most; where there are more workers, the last lane is the mean of the rest."""

SPARSE = 120
"""Columns of a chart in which each column is visible."""


def timeline(run: RunData) -> Html:
    """Return what the main thread and each worker did over time, and when there were hits and misses."""
    if not run.length:
        return section("Where the time went", tag("p", None, "The record holds no time yet."))
    width = run.length / BINS
    work = [value / width for value in run.work.values]
    boundary = [value / width for value in run.boundary.values]
    sentence = _time_went(run)
    main = chart("main", "Main thread", sentence, "lane", BINS, area(work, "work"), area(boundary, "boundary", work))
    rows = [tag("span", None, "main thread"), main]
    asked = () if run.plain else (("hits", run.hits, "gain"), ("misses", run.misses, "miss"))
    for name, bins, style in asked:
        count = figures.count(sum(bins.values))
        rows += [
            tag("span", None, name),
            chart(name, f"When there were {name}", count, "marks", BINS, marks(bins.values, style)),
        ]
    for index, (name, lane) in enumerate(_lanes(run.workers, width)):
        busy = f"Busy {figures.percent(sum(lane) / BINS)} of the time."
        rows += [tag("span", None, name), chart(f"worker-{index}", name, busy, "lane", BINS, area(lane, "worker"))]
    named = [("work", "between boundaries"), ("boundary", "at boundaries")]
    named += [(style, name) for name, _, style in asked] + ([("worker", "a worker's task")] if run.workers else [])
    return section(
        "Where the time went",
        tag("p", {"class": "soft"}, sentence),
        tag("div", {"class": "lanes"}, *rows, _times(run.length)),
        legend(*named),
    )


def _time_went(run: RunData) -> str:
    """Say what the time went into by the ledger; by the event log, where the run has no ledger."""
    account = run.account()
    if account is None:
        at_work, at_boundaries = sum(run.work.values), sum(run.boundary.values)
        return (
            f"Of {figures.duration(run.length)}, the main thread spent {figures.duration(at_work)} between boundaries, "
            f"and {figures.duration(at_boundaries)} at boundaries."
        )
    parts = [f"{figures.duration(account.plain)} went into plain steps"]
    parts += [] if run.plain else [f"{figures.duration(account.speculation)} into speculation"]
    parts += [f"{figures.duration(account.checkpoints)} into checkpoints"] if account.checkpoints else []
    parts += [f"{figures.duration(account.rest)} into what no entry of the ledger has"] if account.unbooked else []
    sentence = f"By the ledger, {figures.duration(account.clock)}: {', '.join(parts)}."
    preparing = finite(run.summary.get("preparing_seconds"))
    if preparing is not None:
        sentence += (
            " The clock starts with the first step, when all is prepared (which took another "
            f"{figures.duration(preparing)}), and stops after the last step, before the state is saved and evaluated."
        )
    return sentence


def steps(run: RunData) -> Html:
    """Return how many steps had been executed and skipped at each time."""
    executed, skipped = (list(accumulate(bins.values)) for bins in (run.executed, run.skipped))
    top = max(1.0, *map(add, executed, skipped))
    low, high = [value / top for value in executed], [value / top for value in skipped]
    sentence = f"{figures.count(executed[-1])} steps were executed and {figures.count(skipped[-1])} skipped."
    shapes = (area(low, "work"), area(high, "gain", low), rules(BINS, 4))
    picture = chart("steps", "Steps executed and skipped over time", sentence, "tall", BINS, *shapes)
    return section(
        "Steps executed and skipped",
        tag("p", {"class": "soft"}, sentence),
        _scaled(picture, ((figures.count(top), 0.5), (figures.count(top / 2), 0.5), ("0", 0.0)), run.length),
        legend(("gain", "skipped"), ("work", "executed")),
    )


def curves(run: RunData) -> Html:
    """Return the curves that a backend reports, such as losses: against steps, and against seconds.

    The curves of a plain run that was compared with this one are dashed, and leaps are vertical lines.
    """
    shown, beside = _drawable(run.summary.get("curves")), _drawable(run.summary.get("plain_curves"))
    if not shown:
        return Html()
    beside = {name: points for name, points in beside.items() if name in shown}
    every = [*shown.values(), *beside.values()]
    values = [value for points in every for _, _, value in points]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    styles = dict(zip(shown, ("work", "boundary", "miss", "worker", "soft"), strict=False))
    key = [(style, name.replace("_", " ")) for name, style in styles.items()]
    key += [("dashed", "the plain run")] if beside else []
    key += [("gain stroke", "a leap")] if sum(run.hits.values) else []
    drawn: list[str] = []
    for axis, unit, leaps, length in (
        (0, "steps", run.leaps_by_step, run.last_position),
        (1, "seconds", run.hits, run.length),
    ):
        last = max(points[-1][axis] for points in every) or 1.0
        places = [(index + 0.5) / BINS * length / last for index, value in enumerate(leaps.values) if value]
        lines = [
            line([(point[axis] / last, (point[2] - low) / spread) for point in points[name]], style + dashed, BINS)
            for points, dashed in ((shown, ""), (beside, " dashed"))
            for name, style in styles.items()
            if name in points
        ]
        sentence = f"{', '.join(styles)} against {unit}, from {figures.amount(high)} to {figures.amount(low)}."
        shapes = (rules(BINS, 4), strokes(places, "gain", BINS), *lines)
        picture = chart(f"curves-{unit}", sentence, sentence, "tall", BINS, *shapes)
        labels = [figures.duration(last * i / 4) if axis else figures.count(last * i / 4) for i in range(5)]
        scale = ((figures.amount(high), 0.5), (figures.amount((low + high) / 2), 0.5), (figures.amount(low), 0.0))
        drawn += [tag("p", {"class": "soft"}, sentence), _framed(picture, scale, labels)]
    return section("Curves", *drawn, legend(*key))


def _drawable(curves: object) -> dict[str, list[list[float]]]:
    """Return the curves that have two points or more, without points that are not finite."""
    given: dict[str, Any] = curves if isinstance(curves, dict) else {}
    finite_points = {
        name: [[float(x) for x in point] for point in points if all(finite(x) is not None for x in point)]
        for name, points in given.items()
    }
    return {name: points for name, points in finite_points.items() if len(points) > 1}


def regimes(run: RunData) -> Html:
    """Return when boundaries were in which regime, and when candidates were accepted and rejected."""
    if not run.summary.get("regimes"):
        return Html()
    rows: list[str] = []
    styles = {"stable": "gain", "transition": "work", "chaotic": "boundary"}
    counted = run.summary["regimes"]
    for label, bins in sorted(run.labels.items(), key=lambda item: -sum(item[1].values)):
        sentence = f"{figures.count(counted.get(label, sum(bins.values)))} boundaries"
        shapes = marks(bins.values, styles.get(label, "worker"))
        picture = chart(f"label-{len(rows)}", f"{label}: {sentence}", sentence, "marks", BINS, shapes)
        rows += [tag("span", None, label), picture]
    for name, bins, style in (("accepted", run.accepted, "gain"), ("rejected", run.rejected, "miss")):
        sentence = f"{figures.count(sum(bins.values))} candidates {name}"
        rows += [tag("span", None, name), chart(name, sentence, sentence, "marks", BINS, marks(bins.values, style))]
    return section("Regimes and candidates", tag("div", {"class": "lanes"}, *rows, _times(run.length)))


def cache(run: RunData) -> Html:
    """Return hits over time above a line, and misses below it."""
    if run.plain:
        return Html()
    hits, misses = _coarse(run.hits), _coarse(run.misses)
    up, down = max(1.0, *hits), max(1.0, *misses)
    # One scale for both, and some height for the rarer of the two.
    ground = min(0.85, max(0.15, down / (up + down)))
    unit = min((1 - ground) / up, ground / down)
    sunk = [max(value * unit, float(value > 0) / HEIGHT) for value in misses]
    counted = figures.count(sum(hits) + sum(misses))
    sentence = (
        f"Of {counted} boundaries, {figures.count(sum(hits))} had a leap or a chain of leaps (a hit), and "
        f"{figures.count(sum(misses))} had none (a miss)."
    )
    shapes = (
        area([value * unit for value in hits], "gain", [ground] * SPARSE),
        area(sunk, "miss", [ground - value for value in sunk]),
    )
    picture = chart("cache", "Hits and misses over time", sentence, "tall", SPARSE, *shapes)
    labels = ((figures.count((1 - ground) / unit), 1 - ground), ("0", ground), (figures.count(ground / unit), 0.0))
    return section(
        "Hits and misses",
        tag("p", {"class": "soft"}, sentence),
        _scaled(picture, labels, run.length),
        legend(("gain", "hits, upwards"), ("miss", "misses, downwards")),
    )


def _lanes(workers: dict[str, Bins], width: float) -> list[tuple[str, list[float]]]:
    ordered = sorted(workers.items(), key=lambda item: (len(item[0]), item[0]))
    lanes = [(name, [value / width for value in bins.values]) for name, bins in ordered]
    if len(lanes) <= LANES:
        return lanes
    rest = [lane for _, lane in lanes[LANES - 1 :]]
    mean = [sum(values) / len(rest) for values in zip(*rest, strict=True)]
    return [*lanes[: LANES - 1], (f"{len(rest)} more, mean", mean)]


def _coarse(bins: Bins) -> list[float]:
    size = BINS // SPARSE
    return [sum(bins.values[index : index + size]) for index in range(0, BINS, size)]


def _scaled(picture: Html, labels: Sequence[tuple[str, float]], length: float) -> Html:
    """Return a picture over the whole run with labels beside it."""
    return _framed(picture, labels, [figures.duration(length * quarter / 4) for quarter in range(5)])


def _framed(picture: Html, labels: Sequence[tuple[str, float]], axis: Sequence[str]) -> Html:
    """Return a picture with an axis below it and labels beside it: from the top down, with the height below each."""
    scale = []
    for label, below in labels:
        scale += [tag("span", None, label), tag("span", {"style": f"flex:{below:.3f}"})]
    return tag("div", {"class": "lanes"}, tag("span", {"class": "scale"}, *scale), picture, _axis(axis))


def _times(length: float) -> Html:
    return _axis([figures.duration(length * quarter / 4) for quarter in range(5)])


def _axis(labels: Sequence[str]) -> Html:
    return tag("div", {"class": "axis"}, join([tag("span", None, label) for label in labels]))
