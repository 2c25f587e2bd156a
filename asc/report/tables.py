"""The report's tables: what everything cost, what became of the candidates, and how the run was configured."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from asc.records.folders import CONFIG
from asc.records.numbers import finite
from asc.report.charts import bar, legend
from asc.report.markup import Html, section, table, tag
from asc.report.run_data import CandidateCounts, RunData
from asc.types import Horizon, Outcome
from asc.views import figures

ROWS = 300
"""Rows of a table at most; a table says how many rows it leaves out."""

_ASKED = {"hits": "look-ups that found a leap", "misses": "look-ups that found none"}

HORIZONS = 12
"""Horizons shown at most: for each predictor, those with the most candidates."""


def outcome(run: RunData) -> Html:
    """Return what the backend says of the final state."""
    found = run.summary.get("outcome")
    if not found:
        return Html()
    rows, plain = list(_flat("", found)), run.summary.get("plain_outcome")
    if not plain:
        return section("Outcome", table("The final state.", ("name", "value"), _bounded(rows, 2), numbers_from=2))
    beside = dict(_flat("", plain))
    both = [(name, value, beside.get(name, "")) for name, value in rows]
    caption = "The final state, and that of the plain run."
    return section("Outcome", table(caption, ("name", "value", "plain run"), _bounded(both, 3), numbers_from=3))


def ledger(run: RunData) -> Html:
    """Return what everything cost, the most costly first, and the time that is in no entry."""
    booked: dict[str, Any] = run.summary.get("ledger") or {}
    if not booked:
        return section("Ledger", tag("p", {"class": "soft"}, "The ledger is written when the run ends."))
    entries = sorted(
        ((_number(entry, "seconds"), kind, entry) for kind, entry in booked.items()), reverse=True, key=_first
    )
    account = run.account()
    if account is not None and account.unbooked:
        entries.append((account.rest, "in no entry", {}))
    whole = (sum(seconds for seconds, _, _ in entries) if account is None else account.clock) or 1.0
    rows: list[tuple[str, ...]] = [
        (
            kind,
            figures.duration(seconds),
            figures.percent(seconds / whole),
            bar((seconds / whole, "work" if kind in ("plain", "in no entry") else "boundary")),
            figures.amount(entry.get("count")),
            figures.amount(entry.get("steps")),
        )
        for seconds, kind, entry in entries
    ]
    rows.append((tag("b", None, "in all"), figures.duration(whole), figures.percent(1), "", "", ""))
    caption = "Everything that took time on the run's clock. The last column is its price in plain steps."
    return section("Ledger", table(caption, ("kind", "time", "share", "", "times", "plain steps"), rows))


def cache(run: RunData) -> Html:
    """Return what the trajectory cache held at the end, and how often it was asked."""
    counts: dict[str, Any] = run.summary.get("cache") or {}
    rows = [(_ASKED.get(name, name.replace("_", " ")), figures.count(value)) for name, value in counts.items()]
    caption = (
        "At the end of the run. After a leap the cache is asked again, for the next leap of a chain. While it is "
        "empty, it is not asked."
    )
    return section("Trajectory cache", table(caption, ("figure", "count"), rows)) if rows else Html()


def horizons(run: RunData) -> Html:
    """Return how many candidates were accepted and rejected, by the steps ahead that they reached."""
    groups = _grouped(run.horizons())
    if not groups:
        return Html()
    most = max(horizon.settled for _, horizon in groups)
    rows = [
        (
            name,
            figures.count(settled),
            figures.count(accepted),
            figures.percent(accepted / settled),
            bar((accepted / most, "gain"), ((settled - accepted) / most, "miss")),
        )
        for name, (settled, accepted) in groups
    ]
    caption = (
        f"Acceptance rate {figures.percent(run.acceptance_rate())}: the share of the settled candidates (accepted or "
        "rejected) that were accepted. Mean accepted horizon "
        f"{figures.amount(run.mean_accepted_horizon())} steps: how far ahead an accepted candidate reaches on average "
        "(vLLM calls it acceptance length)."
    )
    head = ("steps ahead", "settled", "accepted", "acceptance rate", "")
    key = legend(("gain", "accepted"), ("miss", "rejected"))
    return section("Candidates by horizon", table(caption, head, rows), key)


def _grouped(horizons: Mapping[int, Horizon]) -> list[tuple[str, Horizon]]:
    """Return the horizons with their names; where they are many, those between two powers of two are one group."""
    if len(horizons) <= HORIZONS:
        return [(figures.count(steps) if steps else "0, in place", horizon) for steps, horizon in horizons.items()]
    groups: dict[int, Horizon] = {}
    for steps, horizon in horizons.items():
        before = groups.get(steps.bit_length(), Horizon(0, 0))
        together = Horizon(before.settled + horizon.settled, before.accepted + horizon.accepted)
        groups[steps.bit_length()] = together
    return [(_between(bits), horizon) for bits, horizon in sorted(groups.items())]


def _between(bits: int) -> str:
    """Name the horizons that have so many binary digits."""
    if bits < 2:
        return "1" if bits else "0, in place"
    return f"{figures.count(2 ** (bits - 1))} to {figures.count(2**bits - 1)}"


def predictors(run: RunData) -> Html:
    """Return what became of each predictor's candidates, for each horizon that was planned."""
    if not run.candidates:
        return section("Predictors", tag("p", {"class": "soft"}, "No predictor was asked."))
    rows: list[tuple[str, ...]] = []
    settled = ("accepted", "rejected", "acceptance rate", "gain")
    head = ("predictor", "horizon", *settled, "silent", "raised", "late", "not judged")
    for name, by_horizon in sorted(run.candidates.items()):
        every = CandidateCounts()
        for counts in by_horizon.values():
            every.add(counts)
        which = "all" if len(by_horizon) > 1 else figures.count(*by_horizon)
        rows.append((tag("b", None, name), which, *_settled(every), *_unsettled(every)))
        most = sorted(by_horizon, key=lambda horizon: -by_horizon[horizon].outcomes.total())[:HORIZONS]
        if len(by_horizon) > 1:
            rows += [("", figures.count(h), *_settled(by_horizon[h]), *_unsettled(by_horizon[h])) for h in sorted(most)]
        if len(by_horizon) > HORIZONS:
            rows.append(("", f"{len(by_horizon) - HORIZONS:,} more", *[""] * (len(head) - 2)))
    caption = (
        "What became of the candidates, by predictor and planned horizon. The gain is in plain steps. A silent "
        "predictor made no prediction. A late candidate came after the run had passed its position. A candidate is not "
        "judged where the validator raised."
    )
    shown: list[str] = [table(caption, head, _bounded(rows, len(head)))]
    if run.raised:
        shown.append(tag("p", None, "What predictors raised, and why candidates were not judged:"))
        shown.append(tag("ul", None, *(tag("li", None, tag("code", None, text)) for text in run.raised)))
    return section("Predictors", *shown)


def _settled(counts: CandidateCounts) -> tuple[str, ...]:
    numbers = (figures.count(counts.outcomes[kind.value]) for kind in (Outcome.ACCEPTED, Outcome.REJECTED))
    return (*numbers, figures.percent(counts.acceptance_rate), figures.amount(counts.gain))


def _unsettled(counts: CandidateCounts) -> tuple[str, ...]:
    kinds = (Outcome.SILENT, Outcome.FAILED, Outcome.LATE, Outcome.UNJUDGED)
    return tuple(figures.count(counts.outcomes[kind.value]) for kind in kinds)


def regimes(run: RunData) -> Html:
    """Return what became of the candidates in each regime, for a run that counts its boundaries by regime."""
    counted = run.summary.get("regimes") or {}
    if not counted:
        return Html()
    rows = [
        (label, figures.count(number), *_settled(run.by_label.get(label, CandidateCounts())))
        for label, number in sorted(counted.items(), key=lambda item: -item[1])
    ]
    head = ("regime", "boundaries", "accepted", "rejected", "acceptance rate", "gain")
    caption = "What became of the candidates in each regime. The gain is in plain steps."
    return section("By regime", table(caption, head, rows))


def sources(run: RunData) -> Html:
    """Return which predictors and workers the leaps came from."""
    if not run.sources:
        return Html()
    ordered = sorted(run.sources.items(), key=lambda item: -item[1][1])
    rows = [(source, figures.count(number), figures.count(steps)) for source, (number, steps) in ordered]
    return section(
        "Where leaps came from", table("Leaps by source.", ("source", "leaps", "steps skipped"), _bounded(rows, 3))
    )


def state_words(run: RunData) -> Html:
    """Return which state words ever changed, and which of them steps read before they wrote them."""
    excited = [str(word) for word in run.summary.get("excited") or ()]
    read = {str(word) for word in run.summary.get("read") or ()}
    if not excited:
        return Html()
    caption = (
        f"{len(excited):,} of {figures.count(run.summary.get('words'))} state words (the named values of the state) "
        "ever changed between boundaries: they are excited. Predictors see all words that are numbers or texts. A "
        "prediction is accepted if it is right about the words that steps read before they wrote them. "
    )
    if read:
        caption += f"So {len(read.intersection(excited)):,} of the excited words had to be predicted."
    else:
        caption += "Which these are is not known here, because no superstep was recorded."
    ordered = sorted(excited, key=lambda word: (word not in read, word))
    rows = [(tag("code", None, word), ("yes" if word in read else "no") if read else "not known") for word in ordered]
    return section("Excited state words", table(caption, ("excited word", "read by steps"), _bounded(rows, 2), 2))


def config(run: RunData) -> Html:
    """Return the configuration, one row for each setting."""
    given = run.config.get("config") or run.summary.get("config")
    if not given:
        return Html()
    rows = list(_flat("", given))
    caption = f"The complete configuration. {_again(run)}"
    return section("Configuration", table(caption, ("setting", "value"), _bounded(rows, 2), numbers_from=2))


def _again(run: RunData) -> str:
    """Say how to make the run again: `asc run` takes the settings from its record."""
    record = run.config
    if "program" in record or "backend" not in record:
        return "Only the call from Python that made the run can make it again."
    typed = [str(word) for word in record.get("command") or ()]
    plugins = [word for before, word in pairwise(["", *typed]) if "--plugin" in (before, word.partition("=")[0])]
    flags = ["--shadow"] * bool(record.get("shadow")) + ["--no-speculation"] * (not record.get("speculate", True))
    words = ["asc", "run", str(record["backend"]), "--config", str(run.folder / CONFIG), *flags, *plugins]
    return f"To make the run again, type: {shlex.join(words)}"


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield every value of nested settings with its dotted name."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping | list | tuple) for inner in value):
        for index, inner in enumerate(value):
            yield from _flat(f"{prefix}[{index}]", inner)
    else:
        text = ", ".join(map(_written, value)) if isinstance(value, list | tuple) and value else _written(value)
        yield prefix, text if len(text) <= 500 else f"{text[:500]}… ({len(text):,} characters)"


def _written(value: object) -> str:
    """Return a setting's value as a configuration file has it; an empty value is "none"."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value or value == 0 else "none"


def _bounded(rows: Sequence[tuple[str, ...]], columns: int) -> Sequence[tuple[str, ...]]:
    if len(rows) <= ROWS:
        return rows
    return [*rows[:ROWS], (f"and {len(rows) - ROWS:,} more", *[""] * (columns - 1))]


def _number(entry: Mapping[str, Any], name: str) -> float:
    return finite(entry.get(name)) or 0.0


def _first(entry: tuple[float, str, Any]) -> tuple[float, str]:
    return entry[:2]
