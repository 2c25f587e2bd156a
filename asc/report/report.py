"""The report of a run: one HTML file that needs nothing else, made from the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asc.records.folders import understood, write_text
from asc.records.numbers import finite
from asc.report import pictures, tables
from asc.report.markup import Html, document, join, tag
from asc.report.run_data import RunData
from asc.report.texts import texts
from asc.views import figures

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Write `report.html` into a run's folder and return its path. A killed run is reported from its event log."""
    path = folder / REPORT
    with understood(folder):
        page = report(RunData(folder))
    write_text(path, page)
    return path


def report(run: RunData) -> str:
    """Return the whole document."""
    backend = str(run.summary.get("backend", run.config.get("backend", "run")))
    return document(
        f"{backend} {run.folder.resolve().name}",
        _heading(run, backend),
        _cards(run),
        tables.outcome(run),
        pictures.curves(run),
        texts(run),
        pictures.regimes(run),
        tables.horizons(run),
        pictures.timeline(run),
        pictures.steps(run),
        pictures.cache(run),
        tables.ledger(run),
        tables.cache(run),
        tables.predictors(run),
        tables.regimes(run),
        tables.sources(run),
        tables.state_words(run),
        tables.config(run),
    )


def _heading(run: RunData, backend: str) -> Html:
    summary, config = run.summary, run.config
    settings = config.get("config") or {}
    program = settings.get("program") or settings.get("model") or config.get("program")
    started = figures.moment(config.get("started"), seconds=True)
    when = f", started {started}" if started else ""
    version = f", asc {config['asc_version']}" if config.get("asc_version") else ""
    shown: list[str] = [
        tag("h1", None, f"{backend}: {program}" if program else backend),
        tag("p", {"class": "soft"}, f"Run {run.folder.resolve().name}{when}{version}"),
    ]
    if summary.get("reason"):
        shown.append(tag("p", {"class": "lead"}, str(summary["reason"])))
    shown += [tag("p", {"class": "warning"}, warning) for warning in _warnings(run)]
    return tag("header", None, *shown)


def _warnings(run: RunData) -> Iterator[str]:
    if not run.summary:
        yield "There is no summary: the run has not ended, or it was killed. This report is made from its event log."
    if run.summary.get("shadow"):
        yield "A shadow run: everything was judged and nothing applied."
    if run.full_at is not None:
        at = figures.duration(run.full_at)
        yield f"The event log was full after {at}: pictures and predictors show the run up to there."
    if run.resumed:
        times = "once" if run.resumed == 1 else f"{run.resumed} times"
        yield f"The run was resumed {times}; steps after the last checkpoint were executed again."
    yield from (str(warning) for warning in run.summary.get("warnings") or ())


def _cards(run: RunData) -> Html:
    shown = [
        tag(
            "div",
            None,
            tag("dt", None, name),
            tag("dd", {"class": "figure"}, value),
            tag("dd", {"class": "note"}, note),
        )
        for name, value, note in _figures(run)
    ]
    digest = str(run.summary.get("final_digest") or "")
    last = tag("p", None, "Final state, SHA-256: ", tag("code", None, digest)) if digest else Html()
    return join([tag("dl", {"class": "cards"}, *shown), last])


def _figures(run: RunData) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and note of each card; a figure that the run does not have gets none."""
    get = run.summary.get
    position, total = get("position", run.position), get("total")
    yield "State", str(get("state", "running or killed")), ""
    yield "Position", figures.count(position), "steps" if total is None else f"of {figures.count(total)} steps"
    since = get("resumed_from")
    part = "from the first step to the last"
    if since:
        part = f"since the resume at step {figures.count(since)}; {figures.duration(run.length)} in all"
    yield "Time", figures.duration(get("seconds", run.length)), part
    yield "Net speed-up", *_net(run)
    if get("estimated_speedup") is not None:
        ceiling = f"ceiling {figures.ratio(get('ceiling'))}" if get("ceiling") is not None else ""
        yield "Estimated speed-up", figures.ratio(get("estimated_speedup")), ceiling
    if get("identical") is not None:
        yield "Same end as the plain run", "yes" if get("identical") else "no", ""
    if get("hit_rate") is not None and not run.plain:
        yield "Hit rate", figures.percent(get("hit_rate")), "of the steps"
    if not run.plain:
        hits, misses = get("hits", sum(run.hits.values)), get("misses", sum(run.misses.values))
        counted = f"of {figures.count(hits + misses)}"
        yield "Boundaries with a leap", figures.count(hits), counted
    skipped = get("skipped", sum(run.skipped.values))
    yield "Steps skipped", figures.count(skipped), f"{figures.percent(skipped / position)} of all" if position else ""
    yield from _acceptance(run)
    workers = get("workers", len(run.workers))
    if workers:
        yield "Workers", figures.count(workers), ""


def _net(run: RunData) -> tuple[str, str]:
    """Return the measured speed-up, and what it is measured against."""
    net, plain = finite(run.summary.get("net_speedup")), finite(run.summary.get("plain_seconds"))
    if plain is None:
        return "not measured", "no plain run to compare with"
    if net is None:
        return "none", f"the end of a plain run of {figures.duration(plain)} was not reached"
    what = "a plain run of" if run.summary.get("identical") is not None else "the end of a plain run of"
    pairs = len(run.summary.get("pairs") or ())
    return figures.ratio(net), f"to {what} {figures.duration(plain)}" + (f"; median of {pairs} pairs" if pairs else "")


def _acceptance(run: RunData) -> Iterator[tuple[str, str, str]]:
    horizons = run.horizons().values()
    settled, accepted = sum(horizon.settled for horizon in horizons), sum(horizon.accepted for horizon in horizons)
    if settled:
        counted = f"{figures.count(accepted)} candidates accepted, {figures.count(settled - accepted)} rejected"
        yield "Acceptance rate", figures.percent(run.acceptance_rate()), counted
    if accepted:
        horizon = figures.amount(run.mean_accepted_horizon())
        yield "Mean accepted horizon", horizon, "steps ahead (vLLM: acceptance length)"
