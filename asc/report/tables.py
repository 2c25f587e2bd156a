"""The report's tables: what everything cost, what became of the guesses, and how the run was set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asc.records.numbers import known
from asc.report.account import Account, Tries
from asc.report.charts import bar
from asc.report.page import Html, section, table, tag
from asc.types import Outcome
from asc.views import figures

ROWS = 300
"""Rows of a table, at most; a table says how many it leaves out."""

UNBOOKED = 0.002
"""Share of the clock below which time that is in no entry is rounding."""

HORIZONS = 12
"""Horizons shown for each predictor, those that were tried most."""


def outcome(account: Account) -> Html:
    """Return what the computation arrived at, in the backend's own words."""
    arrived = account.summary.get("outcome")
    if not arrived:
        return Html()
    rows = list(_flat("", arrived))
    return section("Outcome", table("What the run arrived at.", ("name", "value"), _bounded(rows, 2), numbers_from=2))


def ledger(account: Account) -> Html:
    """Return what everything cost, dearest first, and what of the clock is in no entry."""
    booked: dict[str, Any] = account.summary.get("ledger") or {}
    if not booked:
        return section("Ledger", tag("p", {"class": "soft"}, "The ledger is written when a run ends."))
    entries = sorted(
        ((_number(entry, "seconds"), kind, entry) for kind, entry in booked.items()), reverse=True, key=_first
    )
    clock = known(account.summary.get("seconds"))
    total = sum(seconds for seconds, _, _ in entries)
    if clock is not None and clock - total > UNBOOKED * clock:
        entries.append((clock - total, "in no entry", {}))
    whole = max(total, clock or 0.0) or 1.0
    rows = [
        (
            kind,
            figures.duration(seconds),
            figures.percent(seconds / whole),
            bar(seconds / whole, "work" if kind in ("plain", "in no entry") else "boundary"),
            figures.amount(entry.get("count")),
            figures.amount(entry.get("steps")),
        )
        for seconds, kind, entry in entries
    ]
    caption = "Everything that took time; the last column is its price in plain steps."
    return section("Ledger", table(caption, ("kind", "time", "share", "", "times", "plain steps"), rows))


def cache(account: Account) -> Html:
    """Return what the trajectory cache held at the end, and what it was asked."""
    counts: dict[str, Any] = account.summary.get("cache") or {}
    rows = [(name.replace("_", " "), figures.count(value)) for name, value in counts.items()]
    return section("Trajectory cache", table("At the end of the run.", ("figure", "count"), rows)) if rows else Html()


def predictors(account: Account) -> Html:
    """Return what became of each predictor's guesses, for each horizon."""
    if not account.tries:
        return section("Predictors", tag("p", {"class": "soft"}, "No guess was made."))
    rows: list[tuple[str, ...]] = []
    for name, horizons in sorted(account.tries.items()):
        every = Tries()
        for tries in horizons.values():
            every.add(tries)
        which = "all" if len(horizons) > 1 else figures.count(*horizons)
        rows.append((tag("b", None, name), which, *_counts(every)))
        most = sorted(horizons, key=lambda horizon: -horizons[horizon].outcomes.total())[:HORIZONS]
        if len(horizons) > 1:
            rows += [("", figures.count(horizon), *_counts(horizons[horizon])) for horizon in sorted(most)]
        if len(horizons) > HORIZONS:
            rows.append(("", f"{len(horizons) - HORIZONS:,} more", *[""] * 8))
    head = ("predictor", "horizon", "settled", "accepted", "rejected", "silent", "raised", "late", "acceptance", "gain")
    caption = (
        "What became of the guesses. Acceptance is the share among guesses that were made; a silent predictor made "
        "none. The gain is in plain steps."
    )
    parts: list[str] = [table(caption, head, _bounded(rows, len(head)))]
    if account.raised:
        parts.append(tag("p", None, "Predictors that raised said:"))
        parts.append(tag("ul", None, *(tag("li", None, tag("code", None, told)) for told in account.raised)))
    return section("Predictors", *parts)


def _counts(tries: Tries) -> tuple[str, ...]:
    kinds = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SILENT, Outcome.FAILED, Outcome.LATE)
    counts = (figures.count(tries.outcomes[kind.value]) for kind in kinds)
    return (figures.count(tries.settled), *counts, figures.percent(tries.acceptance), figures.amount(tries.gain))


def regimes(account: Account) -> Html:
    """Return what became of a judged run's candidates in each regime."""
    counted = account.summary.get("regimes") or {}
    if not counted:
        return Html()
    rows = []
    for label, number in sorted(counted.items(), key=lambda item: -item[1]):
        tries = account.regimes.get(label, Tries())
        kinds = (Outcome.ACCEPTED, Outcome.REJECTED)
        counts = [figures.count(tries.outcomes[kind.value]) for kind in kinds]
        rows.append(
            (label, figures.count(number), *counts, figures.percent(tries.acceptance), figures.amount(tries.gain))
        )
    head = ("regime", "boundaries", "accepted", "rejected", "acceptance", "gain")
    return section("By regime", table("What became of candidates; the gain is in plain steps.", head, rows))


def sources(account: Account) -> Html:
    """Return which predictors or workers the leaps came from."""
    if not account.sources:
        return Html()
    ordered = sorted(account.sources.items(), key=lambda item: -item[1][1])
    rows = [(source, figures.count(number), figures.count(steps)) for source, (number, steps) in ordered]
    return section(
        "Where leaps came from", table("Leaps by source.", ("source", "leaps", "steps skipped"), _bounded(rows, 3))
    )


def excited(account: Account) -> Html:
    """Return the words that ever changed."""
    words = [str(word) for word in account.summary.get("excited") or ()]
    if not words:
        return Html()
    number = account.summary.get("words")
    told = (
        f"{len(words):,} of {figures.count(number)} words ever changed between boundaries; predictors see only these."
    )
    shown = [tag("li", None, tag("code", None, word)) for word in words[:ROWS]]
    more = tag("p", {"class": "soft"}, f"and {len(words) - ROWS:,} more") if len(words) > ROWS else Html()
    return section("Excited words", tag("p", {"class": "soft"}, told), tag("ul", {"class": "words"}, *shown), more)


def config(account: Account) -> Html:
    """Return the configuration, one row for each setting."""
    given = account.config.get("config") or account.summary.get("config")
    if not given:
        return Html()
    rows = list(_flat("", given))
    caption = "The complete configuration; config.json runs it again."
    return section("Configuration", table(caption, ("setting", "value"), _bounded(rows, 2), numbers_from=2))


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield every leaf of nested settings with its dotted name."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping | list | tuple) for inner in value):
        for index, inner in enumerate(value):
            yield from _flat(f"{prefix}[{index}]", inner)
    else:
        text = ", ".join(map(_said, value)) if isinstance(value, list | tuple) and value else _said(value)
        yield prefix, text if len(text) <= 500 else f"{text[:500]}… ({len(text):,} characters)"


def _said(value: object) -> str:
    """Return a setting's value as a config file would say it; nothing is "none"."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value or value == 0 else "none"


def _bounded(rows: Sequence[tuple[str, ...]], columns: int) -> Sequence[tuple[str, ...]]:
    if len(rows) <= ROWS:
        return rows
    return [*rows[:ROWS], (f"and {len(rows) - ROWS:,} more", *[""] * (columns - 1))]


def _number(entry: Mapping[str, Any], name: str) -> float:
    return known(entry.get(name)) or 0.0


def _first(entry: tuple[float, str, Any]) -> tuple[float, str]:
    return entry[:2]
