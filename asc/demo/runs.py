"""A speculative run that can be watched: a real engine with threads for workers, and what became of each superstep."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from asc.demo.drawing import Cell
from asc.engine import Observer
from asc.predictors.ensemble import Ensemble
from asc.reference.registers import Registers
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.testing.assembly import assemble
from asc.types import Boundary, Outcome

WORKERS = 2
_TASK_LENGTH = 2  # supersteps that a worker runs at most, so that leaps are short enough to be seen


class WatchedRun(Observer):
    """One run of a register machine, `every` steps a superstep; without workers it only remembers its own steps."""

    def __init__(self, machine: Registers, every: int, workers: int = WORKERS) -> None:
        self.machine, self.every = machine, every
        self.began: float | None = None
        self.ended: float | None = None
        self._passed = [Cell.OPEN] * -(-machine.total() // every)
        self._ahead: dict[int, int] = {}  # where tasks start, and their steps
        self.engine = assemble(
            machine,
            {"ensemble": Ensemble()},
            every=every,
            executor=lambda: ThreadPoolExecutor(workers),
            workers=workers,
            scheduler=ExecutedScheduler.Config(task_length=_TASK_LENGTH),
            observer=self,
        )
        self.engine.ledger.processor = self.engine.ledger.clock  # its steps wait in the place of computing

    def run(self) -> None:
        """Run to the end."""
        self.began = time.perf_counter()
        try:
            self.engine.run()
        finally:
            self.ended = time.perf_counter()
            self.engine.speculator.close()

    @property
    def seconds(self) -> float:
        """Seconds so far, or in all once the run has ended."""
        return 0.0 if self.began is None else (self.ended or time.perf_counter()) - self.began

    @property
    def leaps(self) -> int:
        """Leaps that the engine has taken."""
        return self.engine.ledger.leaps

    @property
    def rejected(self) -> int:
        """Candidates that were rejected."""
        return self.engine.speculator.outcomes.counts[Outcome.REJECTED.value]

    @property
    def hit_rate(self) -> float:
        """Share of the steps so far that the cache supplied."""
        return self.engine.speculator.hit_rate(self.engine.found, self.machine.position()) or 0.0

    @property
    def cost(self) -> float:
        """The time that speculation has taken, relative to the plain work of the main thread."""
        ledger = self.engine.ledger
        return (ledger.spent + ledger.started) / ledger.plain if ledger.plain else 0.0

    def cells(self) -> list[Cell]:
        """Return what became of each superstep, or what happens there at present."""
        here = -(-self.machine.position() // self.every)
        cells = [Cell.PLAIN if cell is Cell.OPEN and i < here else cell for i, cell in enumerate(self._passed)]
        for start, steps in self._ahead.items():
            for index in self._covered(start, steps):
                if index >= here and cells[index] is Cell.OPEN:
                    cells[index] = Cell.AHEAD
        return cells

    def boundary(self, boundary: Boundary) -> None:
        """Note leaps, rejected candidates and new tasks."""
        position = boundary.position
        outcomes = [decision.outcome for decision in boundary.decisions]
        if Outcome.REJECTED in outcomes and position < self.machine.total():
            self._passed[position // self.every] = Cell.REJECTED
        for leap in boundary.leaps:
            for index in self._covered(position, leap.steps):
                self._passed[index] = Cell.LEAPT
            position += leap.steps
        under_way = {start: steps for start, steps in self._ahead.items() if start > position}
        plans = [decision.plan for decision in boundary.decisions if decision.outcome is Outcome.LAUNCHED]
        self._ahead = under_way | {position + plan.horizon: plan.steps for plan in plans}

    def _covered(self, start: int, steps: int) -> range:
        return range(start // self.every, min(len(self._passed), -(-(start + steps) // self.every)))
