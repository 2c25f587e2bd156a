"""The report's pictures: where the time went, how the steps added up, when the cache hit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

from asc.records.numbers import known
from asc.report.account import BINS, Account, Bins
from asc.report.charts import HEIGHT, area, chart, legend, line, marks, rules
from asc.report.page import Html, join, section, tag
from asc.views import figures

LANES = 16
"""Workers that get a lane of their own; the others share one."""

SPARSE = 120
"""Columns of a chart whose single columns are to be seen."""


def timeline(account: Account) -> Html:
    """Return what the main thread and each worker did, and when there were hits and misses."""
    if not account.length:
        return section("Where the time went", tag("p", None, "The record holds no time yet."))
    width = account.length / BINS
    work = [value / width for value in account.work.values]
    boundary = [value / width for value in account.boundary.values]
    at_work, at_boundaries = sum(account.work.values), sum(account.boundary.values)
    told = (
        f"Of {figures.duration(account.length)}, {figures.duration(at_work)} were spent on steps between boundaries "
        f"and {figures.duration(at_boundaries)} at boundaries, on speculation."
    )
    other = account.length - at_work - at_boundaries
    if other > account.length / 200:
        told += f" For {figures.duration(other)} it made no step: starting, ending, saving."
    main = chart("main", "Main thread", told, "lane", BINS, area(work, "work"), area(boundary, "boundary", work))
    rows = [tag("span", None, "main thread"), main]
    for name, bins, style in (("hits", account.hits, "gain"), ("misses", account.misses, "miss")):
        count = figures.count(sum(bins.values))
        rows += [
            tag("span", None, name),
            chart(name, f"When there were {name}", count, "marks", BINS, marks(bins.values, style)),
        ]
    for index, (name, lane) in enumerate(_lanes(account.workers, width)):
        busy = f"Busy {figures.percent(sum(lane) / BINS)} of the time."
        rows += [tag("span", None, name), chart(f"worker-{index}", name, busy, "lane", BINS, area(lane, "worker"))]
    workers = [("worker", "a worker's supersteps")] if account.workers else []
    return section(
        "Where the time went",
        tag("p", {"class": "soft"}, told),
        tag("div", {"class": "lanes"}, *rows, _times(account.length)),
        legend(("work", "plain steps"), ("boundary", "at boundaries"), ("gain", "hits"), ("miss", "misses"), *workers),
    )


def steps(account: Account) -> Html:
    """Return steps executed and skipped, added up over time."""
    executed, skipped = (list(accumulate(bins.values)) for bins in (account.executed, account.skipped))
    top = max(1.0, *map(add, executed, skipped))
    low, high = [value / top for value in executed], [value / top for value in skipped]
    told = f"{figures.count(executed[-1])} steps were executed and {figures.count(skipped[-1])} skipped."
    shapes = (area(low, "work"), area(high, "gain", low), rules(BINS, 4))
    picture = chart("steps", "Steps executed and skipped over time", told, "tall", BINS, *shapes)
    return section(
        "Steps executed and skipped",
        tag("p", {"class": "soft"}, told),
        _scaled(picture, ((figures.count(top), 0.5), (figures.count(top / 2), 0.5), ("0", 0.0)), account.length),
        legend(("gain", "skipped"), ("work", "executed")),
    )


def curves(account: Account) -> Html:
    """Return what the computation measured of itself, such as losses: against steps, and against seconds."""
    given = account.summary.get("curves") or {}
    known = {
        name: [[float(x) for x in point] for point in points if all(known(x) is not None for x in point)]
        for name, points in given.items()
    }
    shown = {name: points for name, points in known.items() if len(points) > 1}
    if not shown:
        return Html()
    values = sorted(value for points in shown.values() for _, _, value in points)
    low, high = values[0], values[-1]
    spread = (high - low) or 1.0
    named = list(zip(shown.items(), ("work", "gain", "miss", "worker", "boundary"), strict=False))
    parts: list[str] = []
    for place, unit in ((0, "steps"), (1, "seconds")):
        last = max(points[-1][place] for points in shown.values()) or 1.0
        lines = [
            line([(point[place] / last, (point[2] - low) / spread) for point in points], style, BINS)
            for (_, points), style in named
        ]
        told = f"{', '.join(shown)} against {unit}, from {figures.amount(high)} to {figures.amount(low)}."
        picture = chart(f"curves-{unit}", told, told, "tall", BINS, rules(BINS, 4), *lines)
        labels = [figures.duration(last * i / 4) if place else figures.count(last * i / 4) for i in range(5)]
        scale = ((figures.amount(high), 0.5), (figures.amount((low + high) / 2), 0.5), (figures.amount(low), 0.0))
        parts += [tag("p", {"class": "soft"}, told), _framed(picture, scale, labels)]
    names = legend(*((style, name.replace("_", " ")) for (name, _), style in named))
    return section("Curves", *parts, names)


def regimes(account: Account) -> Html:
    """Return which regime each boundary of a judged run was found in, and where candidates were judged."""
    if not account.summary.get("regimes"):
        return Html()
    rows: list[str] = []
    styles = {"stable": "gain", "transition": "work", "chaotic": "boundary"}
    for label, bins in sorted(account.labels.items(), key=lambda item: -sum(item[1].values)):
        told = f"{figures.count(sum(bins.values))} boundaries"
        picture = chart(f"label-{len(rows)}", f"{label}: {told}", told, "marks", BINS, marks(bins.values, "worker"))
        if label in styles:
            shapes = marks(bins.values, styles[label])
            picture = chart(f"label-{len(rows)}", f"{label}: {told}", told, "marks", BINS, shapes)
        rows += [tag("span", None, label), picture]
    for name, bins, style in zip(("accepted", "rejected"), account.judged, ("gain", "miss"), strict=True):
        told = f"{figures.count(sum(bins.values))} candidates {name}"
        rows += [tag("span", None, name), chart(name, told, told, "marks", BINS, marks(bins.values, style))]
    return section("Regimes and candidates", tag("div", {"class": "lanes"}, *rows, _times(account.length)))


def cache(account: Account) -> Html:
    """Return hits above and misses below a middle line, by time."""
    hits, misses = _coarse(account.hits), _coarse(account.misses)
    up, down = max(1.0, *hits), max(1.0, *misses)
    # One scale for both, and room for a rare kind.
    ground = min(0.85, max(0.15, down / (up + down)))
    unit = min((1 - ground) / up, ground / down)
    sunk = [max(value * unit, float(value > 0) / HEIGHT) for value in misses]
    told = f"{figures.count(sum(hits))} leaps, and {figures.count(sum(misses))} boundaries without one."
    shapes = (
        area([value * unit for value in hits], "gain", [ground] * SPARSE),
        area(sunk, "miss", [ground - value for value in sunk]),
    )
    picture = chart("cache", "Hits and misses over time", told, "tall", SPARSE, *shapes)
    labels = ((figures.count((1 - ground) / unit), 1 - ground), ("0", ground), (figures.count(ground / unit), 0.0))
    return section(
        "Hits and misses",
        tag("p", {"class": "soft"}, told),
        _scaled(picture, labels, account.length),
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
    """Set labels beside a picture of the whole run."""
    return _framed(picture, labels, [figures.duration(length * part / 4) for part in range(5)])


def _framed(picture: Html, labels: Sequence[tuple[str, float]], axis: Sequence[str]) -> Html:
    """Set labels beside a picture, from the top down, each with the share of the height below it, and an axis below."""
    scale = []
    for label, below in labels:
        scale += [tag("span", None, label), tag("span", {"style": f"flex:{below:.3f}"})]
    return tag("div", {"class": "lanes"}, tag("span", {"class": "scale"}, *scale), picture, _axis(axis))


def _times(length: float) -> Html:
    return _axis([figures.duration(length * part / 4) for part in range(5)])


def _axis(labels: Sequence[str]) -> Html:
    return tag("div", {"class": "axis"}, join([tag("span", None, label) for label in labels]))
