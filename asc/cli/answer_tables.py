"""How predictors' answers are shown: the new ones first, each horizon and regime, and what to make of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from asc.records.numbers import known
from asc.run.replay.answers import Answers, Tally, Try
from asc.run.replay.conclude import conclude
from asc.types import Outcome
from asc.views import figures

_ALL = "all"
_MARK = "* "  # of a new predictor


def ranked(answers: Sequence[Answers]) -> list[Answers]:
    """Return the new ones in the order given, then the others, those that gain most first."""

    def merit(one: Answers) -> tuple[float, float]:
        best = one.best()
        tally = Tally.of([] if best is None else one.at(best))
        return -(tally.gain or 0.0), -(tally.guess if tally.guess is not None else -math.inf)

    return [one for one in answers if one.new] + sorted((one for one in answers if not one.new), key=merit)


def parts(answers: Answers) -> Iterator[tuple[int, str, list[Try]]]:
    """Yield the tries of each horizon, together and by regime where there is more than one."""
    for horizon in answers.horizons():
        tries = answers.at(horizon)
        yield horizon, _together(tries), tries
        if _together(tries) == _ALL:
            for regime in dict.fromkeys(one.regime for one in tries):
                yield horizon, regime, [one for one in tries if one.regime == regime]


def _together(tries: Sequence[Try]) -> str:
    """The regime that tries have in common."""
    regimes = {one.regime for one in tries}
    return _ALL if len(regimes) > 1 else regimes.pop()


def verdicts(answers: Sequence[Answers], exact: bool) -> Table:
    """Return the main table."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("predictor", overflow="fold", min_width=12)
    table.add_column("ahead", justify="right", no_wrap=True)
    if not exact:
        table.add_column("regime", no_wrap=True)
    columns = ["asked", "silent", "right" if exact else "taken", "gain"]
    columns += [] if exact else ["guess", "of real"]
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in ranked(answers):
        style, name = ("bold", f"{_MARK}{one.name}") if one.new else ("", one.name)
        whole = _whole(one) if exact else None
        rows = [whole] if whole else [_cells(*part, exact) for part in _shown(one)]
        rows = rows or [["raised" if one.fault else "never"]]
        for first, cells in zip([name, *[""] * len(rows)], rows, strict=False):
            table.add_row(*(Text(cell) for cell in (first, *cells)), style=style)
    return table


def _whole(answers: Answers) -> list[str] | None:
    """One row for all horizons of an exact run, where a predictor is all right or all wrong at every one of them."""
    horizons, tally = answers.horizons(), Tally.of(answers.tries)
    if len(horizons) < 2 or tally.accepted not in (0, tally.asked):
        return None
    gains = [figures.amount(Tally.of(answers.at(horizon)).gain) for horizon in horizons]
    gain = gains[0] if gains[0] == gains[-1] else f"{gains[0]}–{gains[-1]}"
    share = figures.UNKNOWN if tally.share is None else f"{tally.share:.0%}"
    return [f"{horizons[0]}–{horizons[-1]}", figures.count(tally.asked), figures.count(tally.silent), share, gain]


def _shown(answers: Answers) -> Iterator[tuple[int, str, list[Try]]]:
    """All of a new one; of another, each horizon, or the best alone where nothing of it is taken."""
    best = answers.best()
    if answers.new:
        yield from parts(answers)
    elif best is not None:
        taken = any(one.outcome is Outcome.ACCEPTED for one in answers.tries)
        for horizon in answers.horizons() if taken else [best]:
            tries = answers.at(horizon)
            yield horizon, _together(tries), tries


def calls(answers: Sequence[Answers]) -> Table:
    """Return how long a call of each predictor takes, and what it raised."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("predictor", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("a call takes", justify="right", no_wrap=True)
    raised = any(one.fault for one in answers)
    if raised:
        table.add_column("raised", overflow="fold")
    for one in ranked(answers):
        cells = [one.name, figures.count(one.calls), figures.duration(one.seconds / one.calls if one.calls else None)]
        table.add_row(*(Text(cell) for cell in (*cells, *([one.fault] if raised else []))))
    return table


def conclusions(answers: Sequence[Answers], exact: bool) -> list[str]:
    """Return a sentence or two for each new predictor, and what goes for all of them."""

    def ahead(horizon: int) -> str:
        if exact:
            return f"{horizon} superstep{'s' * (horizon > 1)} ahead"
        return f"{horizon} steps ahead" if horizon else "in place"

    def amount(gain: float) -> str:
        return f"{figures.amount(gain)} steps" if exact else f"{gain:.3g} nats"

    new, others = ([one for one in answers if one.new is wanted] for wanted in (True, False))
    return conclude(new, others, ahead, amount)


def data(answers: Sequence[Answers], exact: bool) -> dict[str, Any]:
    """Return the same in values that JSON can hold, regimes of every predictor included."""
    return {
        "unit": "steps" if exact else "nats",
        "predictors": [
            {
                "name": one.name,
                "new": one.new,
                "calls": one.calls,
                "seconds_a_call": one.seconds / one.calls if one.calls else None,
                "raised": one.fault or None,
                "rows": [_row(*part) for part in parts(one)],
            }
            for one in ranked(answers)
        ],
        "conclusions": conclusions(answers, exact),
    }


def _row(horizon: int, regime: str, tries: Sequence[Try]) -> dict[str, Any]:
    tally = Tally.of(tries)
    return {
        "horizon": horizon,
        "regime": regime or None,
        "asked": tally.asked,
        "silent": tally.silent,
        "accepted": tally.accepted,
        "gain": known(tally.gain),
        "gain_of_a_guess": known(tally.guess),
        "share_of_real_steps": known(tally.of_real),
    }


def _cells(horizon: int, regime: str, tries: Sequence[Try], exact: bool) -> list[str]:
    tally = Tally.of(tries)
    share = figures.UNKNOWN if tally.share is None else f"{tally.share:.0%}"
    counts = [figures.count(tally.asked), figures.count(tally.silent), share]
    if exact:
        return [str(horizon), *counts, figures.amount(tally.gain)]
    of_real = figures.UNKNOWN if tally.of_real is None else _percent(tally.of_real)
    return [str(horizon), regime, *counts, _nats(tally.gain), _nats(tally.guess), of_real]


def _nats(gain: float | None) -> str:
    """Signed, in few characters whatever its size."""
    if gain is None:
        return figures.UNKNOWN
    return f"{gain:+.4f}" if abs(gain) < 100 else f"{gain:+.0e}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if abs(share) < 100 else f"{100 * share:.0e}%"


def legend(exact: bool) -> str:
    """Return what the columns mean."""
    if exact:
        return "ahead: in supersteps; right: share of the guesses; gain: steps skipped, each time it is asked."
    return (
        "ahead: in steps, 0 in place; taken: share of the guesses that the run's validator accepts; gain: fall of the "
        "loss on sequences that do not judge, in nats, each time it is asked, nothing where nothing is taken; guess: "
        "the same of a guess, taken or not; of real: the guesses' gain over that of as many real steps."
    )
