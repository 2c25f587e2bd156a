"""The report of a run: one HTML file that needs nothing else, made from what the folder holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from asc.records.folders import write_text
from asc.records.numbers import known
from asc.report import pictures, tables
from asc.report.account import Account
from asc.report.page import Html, join, page, tag
from asc.types import Outcome
from asc.views import figures

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Write `report.html` into a run's folder and return its path; a run cut short gives what its record tells."""
    path = folder / REPORT
    write_text(path, report(Account(folder)))
    return path


def report(account: Account) -> str:
    """Return the whole page."""
    backend = str(account.summary.get("backend", account.config.get("backend", "run")))
    return page(
        f"{backend} {account.folder.resolve().name}",
        _heading(account, backend),
        _cards(account),
        tables.outcome(account),
        pictures.curves(account),
        pictures.regimes(account),
        pictures.timeline(account),
        pictures.steps(account),
        pictures.cache(account),
        tables.ledger(account),
        tables.cache(account),
        tables.predictors(account),
        tables.regimes(account),
        tables.sources(account),
        tables.excited(account),
        tables.config(account),
    )


def _heading(account: Account, backend: str) -> Html:
    summary, config = account.summary, account.config
    settings = config.get("config") or {}
    program = settings.get("program") or settings.get("model")
    started = known(config.get("started"))
    when = "" if started is None else time.strftime(", started %Y-%m-%d %H:%M:%S", time.localtime(started))
    version = f", asc {config['asc_version']}" if config.get("asc_version") else ""
    parts: list[str] = [
        tag("h1", None, f"{backend}: {program}" if program else backend),
        tag("p", {"class": "soft"}, f"Run {account.folder.resolve().name}{when}{version}"),
    ]
    if summary.get("reason"):
        parts.append(tag("p", {"class": "lead"}, str(summary["reason"])))
    parts += [tag("p", {"class": "warning"}, warning) for warning in _warnings(account)]
    return tag("header", None, *parts)


def _warnings(account: Account) -> Iterator[str]:
    if not account.summary:
        yield "There is no summary: the run is still going on, or it was killed. This is what its record tells."
    if account.summary.get("shadow"):
        yield "A shadow run: everything was judged and nothing applied."
    if account.full_at is not None:
        at = figures.duration(account.full_at)
        yield f"The record was full after {at}: pictures and predictors show the run up to there."
    if account.resumed:
        times = "once" if account.resumed == 1 else f"{account.resumed} times"
        yield f"The run was resumed {times}; steps after the last checkpoint were executed again."
    yield from (str(warning) for warning in account.summary.get("warnings") or ())


def _cards(account: Account) -> Html:
    get = account.summary.get
    outcomes = get("outcomes") or account.outcomes()
    accepted = get("accepted", outcomes.get(Outcome.ACCEPTED.value, 0))
    rejected = get("rejected", outcomes.get(Outcome.REJECTED.value, 0))
    hits, misses = (get(name, sum(bins.values)) for name, bins in (("hits", account.hits), ("misses", account.misses)))
    skipped, position = get("skipped", sum(account.skipped.values)), get("position", account.position)
    rate = get("hit_rate", skipped / position if position else None)
    total = f"of {figures.count(get('total'))} steps" if get("total") is not None else "steps"
    net = known(get("net_speedup"))
    took = known(get("plain_seconds"))
    plain = "no plain run to compare with" if took is None else f"plain run {figures.duration(took)}"
    same = "not compared" if get("identical") is None else "yes" if get("identical") else "no"
    since = get("resumed_from")
    stretch = f"since it went on at step {figures.count(since)}" if since else "everything included"
    ceiling = "" if get("regimes") else f"ceiling {figures.ratio(get('ceiling'))}"  # a judged run knows none
    cards = [
        ("State", str(get("state", "running or killed")), ""),
        ("Position", figures.count(position), total),
        ("Time", figures.duration(get("seconds", account.length)), stretch),
        ("Net speed-up", "not measured" if net is None else figures.ratio(net), plain),
        ("Estimated speed-up", figures.ratio(get("estimated_speedup")), ceiling),
        ("Same end as the plain run", same, ""),
        (
            "Hit rate",
            figures.percent(rate),
            f"of steps; {figures.count(hits)} hits, {figures.count(misses)} misses",
        ),
        ("Steps skipped", figures.count(skipped), ""),
        ("Guesses accepted", figures.count(accepted), f"{figures.count(rejected)} rejected"),
        ("Workers", figures.count(get("workers", len(account.workers))), ""),
    ]
    if get("regimes"):  # of a judged run, where steps are not what is found again
        without = ("Hit rate", "Steps skipped", "Same end as the plain run", "Workers", "Guesses accepted")
        judged = f"{figures.count(accepted)} candidates accepted, {figures.count(rejected)} rejected"
        cards = [card for card in cards if card[0] not in without]
        cards.append(("Leaps taken", figures.count(hits), judged))
        cards += [
            (name.replace("_", " ").capitalize(), figures.amount(get(name)), "nats")
            for name in ("dev_loss", "test_loss", "average_test_loss")
            if get(name) is not None
        ]
    shown = [
        tag(
            "div",
            None,
            tag("dt", None, name),
            tag("dd", {"class": "figure"}, value),
            tag("dd", {"class": "note"}, note),
        )
        for name, value, note in cards
    ]
    digest = str(get("final_digest") or "")
    last = tag("p", None, "Final state, SHA-256: ", tag("code", None, digest)) if digest else Html()
    return join([tag("dl", {"class": "cards"}, *shown), last])
