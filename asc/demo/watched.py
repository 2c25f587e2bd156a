"""A speculative run that is watched: a real engine with threads for workers, and what became of each superstep."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from asc.allocator import Allocator
from asc.demo.cells import Cell
from asc.predictors.ensemble import Ensemble
from asc.reference.registers import Registers
from asc.testing.assembly import assemble
from asc.types import Boundary, Outcome

WORKERS = 2
STRETCH = 2  # supersteps that a worker runs at most, so that leaps are short enough to be seen


class Watched:
    """One run of a register machine, `every` steps a superstep; without workers it only remembers."""

    def __init__(self, machine: Registers, every: int, workers: int = WORKERS) -> None:
        self.machine, self.every = machine, every
        self.refused = 0
        self.began: float | None = None
        self.ended: float | None = None
        self._passed = [Cell.OPEN] * -(-machine.total() // every)
        self._ahead: dict[int, int] = {}
        self.engine = assemble(
            machine,
            {"ensemble": Ensemble()},
            every=every,
            executor=lambda: ThreadPoolExecutor(workers),
            workers=workers,
            allocator=Allocator.Config(stretch=STRETCH),
            on_boundary=self._note,
        )

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
        """Seconds so far, or in all."""
        return 0.0 if self.began is None else (self.ended or time.perf_counter()) - self.began

    @property
    def leaps(self) -> int:
        """Leaps that the engine has taken."""
        return self.engine.ledger.leaps

    @property
    def hit_rate(self) -> float:
        """Share of the steps so far for which the cache had a way on."""
        return min(1.0, self.engine.found / max(1, self.machine.position()))

    @property
    def cost(self) -> float:
        """What speculation has taken, relative to the plain work of this thread."""
        ledger = self.engine.ledger
        return (ledger.spent + ledger.started) / ledger.work if ledger.work else 0.0

    def cells(self) -> list[Cell]:
        """Return how each superstep was passed, or what is going on there."""
        here = -(-self.machine.position() // self.every)
        cells = [Cell.PLAIN if cell is Cell.OPEN and i < here else cell for i, cell in enumerate(self._passed)]
        for start, steps in self._ahead.items():
            for index in self._covered(start, steps):
                if index >= here and cells[index] is Cell.OPEN:
                    cells[index] = Cell.AHEAD
        return cells

    def _note(self, boundary: Boundary) -> None:
        position = boundary.position
        if any(attempt.outcome is Outcome.REJECTED for attempt in boundary.attempts):
            self.refused += sum(attempt.outcome is Outcome.REJECTED for attempt in boundary.attempts)
            if position < self.machine.total():
                self._passed[position // self.every] = Cell.REFUSED
        for leap in boundary.leaps:
            for index in self._covered(position, leap.steps):
                self._passed[index] = Cell.LEAPT
            position += leap.steps
        self._ahead = dict(self.engine.speculator.covered())

    def _covered(self, start: int, steps: int) -> range:
        return range(start // self.every, min(len(self._passed), -(-(start + steps) // self.every)))
