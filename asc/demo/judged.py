"""Training in miniature: a noisy descent, whose guesses nobody can execute, so that a validator judges them."""

from __future__ import annotations

import math
from itertools import islice
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.allocator import Allocator
from asc.demo.bars import columns
from asc.demo.pace import Pace
from asc.demo.page import Room
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed
from asc.reference.descent import Descent
from asc.testing.assembly import assemble
from asc.types import Attempt, Boundary, Outcome
from asc.validators.paired import Paired
from asc.views import figures

EVERY, STEPS, SEED = 5, 300, 1
_HIGHEST = 12  # rows of the curve
_MOST = 12  # candidates listed
_LOOK_S = 0.3
_STYLES = {"stable": "bold green", "transition": "bold", "chaotic": "bold red", "unknown": "dim"}


class Seen(NamedTuple):
    """A boundary: where, in which regime, how far a leap led from there, and with what loss."""

    position: int
    regime: str
    reached: int
    loss: float


class Judged:
    """Trains with speculation, boundary by boundary; a plain run from the same start ends beside it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.descent, self.plain = (Descent(STEPS, SEED, rate=0.004, noise=0.05) for _ in range(2))
        self.seen: list[Seen] = []
        self.judged: list[tuple[int, Attempt]] = []
        regimes = Similarity.Config(
            every=EVERY, thresholds=Fixed.Config(chaotic=0.9, stable=0.98), speculate_in=("stable", "transition")
        )
        self.engine = assemble(
            self.descent,
            {"linear": Linear(), "quadratic": Quadratic()},
            recognizer=Similarity(regimes),
            validator=Paired(),
            allocator=Allocator.Config(horizons=(3 * EVERY, 6 * EVERY)),
            on_boundary=self._note,
        )

    def play(self) -> None:
        """Train to the end, then plainly to the same place."""
        self.engine.run()
        self.plain.advance(STEPS)

    @property
    def accepted(self) -> int:
        """Candidates that the validator has let through."""
        return sum(attempt.outcome is Outcome.ACCEPTED for _, attempt in self.judged)

    def _note(self, boundary: Boundary) -> None:
        self.judged += [
            (boundary.position, attempt)
            for attempt in boundary.attempts
            if attempt.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
        ]
        self.seen.append(Seen(boundary.position, boundary.label, self.descent.position(), loss(self.descent)))
        self._pace.wait(_LOOK_S)

    def draw(self, room: Room) -> RenderableType:
        """Return the loss, the regimes below it, the newest candidates and the figures."""
        spare = room.height - 11  # rows beside the fixed ones
        air = [Text()] if spare > 1 else []
        height = max(2, min(_HIGHEST, spare // 2 + 2))
        shown = max(1, min(_MOST, 2 + spare - (height - 2) - len(air)))
        ledger = self.engine.ledger
        line = Text.assemble(
            ("leaps ", "dim"),
            (str(ledger.leaps), "bold"),
            ("  accepted ", "dim"),
            (f"{self.accepted} of {len(self.judged)}", "bold"),
        )
        if self.plain.finished():
            line.append("  loss ", style="dim").append(f"{loss(self.descent):.3g}", style="bold")
            line.append(", plain ", style="dim").append(f"{loss(self.plain):.3g}", style="bold")
        else:
            line.append(f"  step {self.descent.position()} of {STEPS}", style="dim")
        return Group(_curve(self.seen, room.width - 10, height), Text(), self._candidates(shown), *air, line)

    def _candidates(self, shown: int) -> RenderableType:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("at step", justify="right", width=7)
        table.add_column("candidate, newest on top", width=24)
        table.add_column("loss by", justify="right", width=8)
        table.add_column("verdict", width=8)
        for position, attempt in islice(reversed(self.judged), shown):
            accepted = attempt.outcome is Outcome.ACCEPTED
            table.add_row(
                str(position),
                f"{attempt.plan.predictor}, {attempt.plan.horizon} ahead",
                figures.UNKNOWN if attempt.change is None else f"{attempt.change:+.3f}",
                Text("accepted", style="bold green") if accepted else Text("refused", style="bold red"),
            )
        return table


def loss(descent: Descent) -> float:
    """Return the mean held-out loss of the present vector."""
    return float(descent.score(None, 0).mean())


def _curve(seen: list[Seen], width: int, height: int) -> RenderableType:
    """Return a column for every few steps; where a leap has led across, nothing stands, since nobody was there."""
    number = 1 + max((boundary.reached for boundary in seen), default=0) // EVERY
    heights: list[float | None] = [None] * number
    regimes, leaps = [Text(" ") for _ in range(number)], [Text(" ") for _ in range(number)]
    for boundary in seen:
        start, end = boundary.position // EVERY, boundary.reached // EVERY
        heights[end] = math.log10(max(boundary.loss, 1e-9))
        regimes[start] = Text(boundary.regime[0], style=_STYLES[boundary.regime])
        leaps[start:end] = [Text("»", style="bold green") for _ in range(start, end)]
    known = [value for value in heights if value is not None] or [0.0]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", width=7)
    table.add_column()
    for row, line in enumerate(columns(heights[-width:], min(known) - 0.1, max(known), height)):
        table.add_row("" if row else "loss", Text(line, style="blue"))
    table.add_row("regime", Text().join(regimes[-width:]))
    table.add_row("leaps", Text().join(leaps[-width:]))
    table.add_row("", _legend())
    return table


def _legend() -> Text:
    text = Text()
    for regime, style in _STYLES.items():
        text.append(regime[0], style=style).append(f" {regime}   ", style="dim")
    return text
