"""Training in miniature: a noisy descent. No worker can confirm its candidates, so a validator judges them."""

from __future__ import annotations

import math
from itertools import islice
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.drawing import columns
from asc.demo.page import Room, Tempo
from asc.engine import Observer
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed
from asc.reference.descent import Descent
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.types import Boundary, Decision, Outcome
from asc.validators.paired import Paired
from asc.views import figures

EVERY, STEPS, SEED = 5, 300, 1
_HIGHEST = 12  # rows of the curve
_MOST = 12  # candidates listed
_LOOK_S = 0.3
_STYLES = {"stable": "bold green", "transition": "bold", "chaotic": "bold red", "unknown": "dim"}


class Passed(NamedTuple):
    """A boundary: its position and regime, the position that a leap from there reached, and the loss there."""

    position: int
    regime: str
    reached: int
    loss: float


class NoisyDescent(Observer):
    """Trains with speculation, boundary by boundary, and plainly from the same start beside it."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self.descent, self.plain = (Descent(STEPS, SEED, rate=0.004, noise=0.05) for _ in range(2))
        self.passed: list[Passed] = []
        self.plain_losses: list[float] = []  # at every EVERY-th step
        self.settled: list[tuple[int, Decision]] = []
        regimes = Similarity.Config(
            every=EVERY, thresholds=Fixed.Config(chaotic=0.9, stable=0.98), speculate_in=("stable", "transition")
        )
        self.engine = assemble(
            self.descent,
            {"linear": Linear(), "quadratic": Quadratic()},
            recognizer=Similarity(regimes),
            validator=Paired(),
            scheduler=JudgedScheduler.Config(horizons=(3 * EVERY, 6 * EVERY)),
            observer=self,
        )

    def play(self) -> None:
        """Train to the end, both ways."""
        self.engine.run()
        self._follow(STEPS)

    @property
    def accepted(self) -> int:
        """Candidates that the validator has accepted."""
        return self.engine.speculator.outcomes.counts[Outcome.ACCEPTED.value]

    def boundary(self, boundary: Boundary) -> None:
        """Note the candidates, the regime and the loss."""
        self.settled += [
            (boundary.position, decision)
            for decision in boundary.decisions
            if decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
        ]
        self.passed.append(Passed(boundary.position, boundary.label, self.descent.position(), loss(self.descent)))
        self._follow(self.descent.position())
        self._tempo.wait(_LOOK_S)

    def _follow(self, position: int) -> None:
        """Take the plain run to this position."""
        while True:
            if len(self.plain_losses) <= self.plain.position() // EVERY:
                self.plain_losses.append(loss(self.plain))
            if self.plain.position() >= position:
                break
            self.plain.advance(EVERY)

    def draw(self, room: Room) -> RenderableType:
        """Return both losses, the regimes below them, the newest candidates and the figures."""
        spare = room.height - 11  # rows beside the fixed ones
        air = [Text()] if spare > 1 else []
        height = max(2, min(_HIGHEST, spare // 2 + 2))
        shown = max(1, min(_MOST, 2 + spare - (height - 2) - len(air)))
        curve = _curve(self.passed, self.plain_losses, room.width - 10, height)
        return Group(curve, Text(), self._candidates(shown), *air, self._figures(room))

    def _candidates(self, shown: int) -> RenderableType:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("at step", justify="right", width=7)
        table.add_column("candidate, newest on top", width=24)
        table.add_column("loss by", justify="right", width=8)
        table.add_column("verdict", width=8)
        for position, decision in islice(reversed(self.settled), shown):
            accepted = decision.outcome is Outcome.ACCEPTED
            table.add_row(
                str(position),
                f"{decision.plan.predictor}, {decision.plan.horizon} ahead",
                figures.UNKNOWN if decision.change is None else f"{decision.change:+.3f}",
                Text("accepted", style="bold green") if accepted else Text("rejected", style="bold red"),
            )
        return table

    def _figures(self, room: Room) -> Text:
        outcomes = self.engine.speculator.outcomes
        line = Text.assemble(
            ("leaps ", "dim"),
            (str(self.engine.ledger.leaps), "bold"),
            ("  accepted ", "dim"),
            (f"{self.accepted} of {len(self.settled)}", "bold"),
        )
        if room.roomy:
            line.append("  acceptance rate ", style="dim")
            line.append(figures.percent(outcomes.acceptance_rate), style="bold")
            line.append("  mean accepted horizon ", style="dim")
            line.append(figures.amount(outcomes.mean_accepted_horizon), style="bold")
        if self.plain.finished():
            line.append("  loss ", style="dim").append(f"{loss(self.descent):.3g}", style="bold")
            return line.append(", plain ", style="dim").append(f"{loss(self.plain):.3g}", style="bold")
        return line.append(f"  step {self.descent.position()} of {STEPS}", style="dim")


def loss(descent: Descent) -> float:
    """Return the mean held-out loss of the present vector."""
    return float(descent.score(None, 0).mean())


def _curve(passed: list[Passed], plain: list[float], width: int, height: int) -> RenderableType:
    """Return both losses on one scale, with a column for every few steps. Columns that a leap skipped stay empty."""
    number = 1 + max((boundary.reached for boundary in passed), default=0) // EVERY
    heights: list[float | None] = [None] * number
    regimes, leaps = [Text(" ") for _ in range(number)], [Text(" ") for _ in range(number)]
    for boundary in passed:
        start, end = boundary.position // EVERY, boundary.reached // EVERY
        heights[end] = _logarithm(boundary.loss)
        regimes[start] = Text(boundary.regime[0], style=_STYLES[boundary.regime])
        leaps[start:end] = [Text("»", style="bold green") for _ in range(start, end)]
    beside = [_logarithm(value) for value in plain[:number]]
    drawn = [value for value in (*heights, *beside) if value is not None] or [0.0]
    low, high = min(drawn) - 0.1, max(drawn)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", width=7)
    table.add_column()
    for name, curve, style in (("loss", heights, "blue"), ("plain", beside, "magenta")):
        for row, line in enumerate(columns(curve[-width:], low, high, max(1, height // 2))):
            table.add_row("" if row else name, Text(line, style=style))
    table.add_row("regime", Text().join(regimes[-width:]))
    table.add_row("leaps", Text().join(leaps[-width:]))
    table.add_row("", _legend())
    return table


def _logarithm(value: float) -> float:
    return math.log10(max(value, 1e-9))


def _legend() -> Text:
    text = Text()
    for regime, style in _STYLES.items():
        text.append(regime[0], style=style).append(f" {regime}   ", style="dim")
    return text
