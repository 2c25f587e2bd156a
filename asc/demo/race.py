"""A race of one program with itself: plainly, and with speculation. Both run while the reader watches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.drawing import Cell, bar, large_cells, legend, small_cells
from asc.demo.page import PageLeft, Room, Tempo
from asc.demo.programs import Slowed
from asc.demo.runs import WatchedRun
from asc.reference.registers import Registers, Step
from asc.views import figures
from asc.words import Word

EVERY = 4  # steps in a superstep
_IN_A_LINE = 20  # supersteps, where there is room for large cells
_TIGHT = 14  # rows below which no row is left empty


class Race:
    """Runs both side by side. Afterwards it knows what was gained, and whether both have ended in the same state."""

    def __init__(
        self,
        tempo: Tempo,
        step: Step,
        words: Mapping[str, Word],
        sums: tuple[str, ...] = (),
        *,
        supersteps: int,
        step_s: float,
    ) -> None:
        self._tempo = tempo
        self._step, steps = Slowed(step, step_s, tempo), supersteps * EVERY
        self.plain = Registers(self._step, words, steps, sums)
        self.speculative = WatchedRun(Registers(self._step, words, steps, sums), EVERY)
        self.plain_seconds: float | None = None
        self._began: float | None = None

    def play(self) -> None:
        """Run both to their ends."""
        beside = threading.Thread(target=self._run_plain, name="asc-demo-plain")
        self._began = time.perf_counter()
        beside.start()
        try:
            self.speculative.run()
        except BaseException:
            self._tempo.leave()
            raise
        finally:
            beside.join()

    def _run_plain(self) -> None:
        began = time.perf_counter()
        try:
            self.plain.advance(self.plain.total())
        except PageLeft:
            return
        self.plain_seconds = time.perf_counter() - began

    @property
    def over(self) -> bool:
        """Whether both have ended."""
        return self.plain_seconds is not None and self.speculative.ended is not None

    @property
    def speedup(self) -> float | None:
        """Seconds of the plain run over those of the speculative run, once both are known."""
        return None if not self.over or self.plain_seconds is None else self.plain_seconds / self.speculative.seconds

    @property
    def identical(self) -> bool:
        """Whether both have ended in the same state, bit for bit."""
        return self.plain.digest() == self.speculative.machine.digest()

    @property
    def remaining(self) -> float | None:
        """Seconds that the plain run still needs at its speed so far; None unless only the plain run is still going."""
        done = self.plain.position()
        if self.speculative.ended is None or self.over or self._began is None or not done:
            return None
        return (time.perf_counter() - self._began) * (self.plain.total() - done) / done

    def draw(self, room: Room) -> RenderableType:
        """Return both runs as bars, the supersteps of the speculative run as cells, and its figures."""
        run = self.speculative
        so_far = 0.0 if self._began is None else time.perf_counter() - self._began
        seconds = so_far if self.plain_seconds is None else self.plain_seconds
        bars = Table.grid(padding=(0, 2, 0, 0))
        for name, machine, style, taken in (
            ("plain", self.plain, "blue", seconds),
            ("asc", run.machine, "green", run.seconds),
        ):
            share = machine.position() / machine.total()
            bars.add_row(name, bar(share, room.width - 28, style), f"{share:4.0%}", f"{taken:.1f} s")
        cells, air = run.cells(), [Text()] if room.height >= _TIGHT else []
        return Group(
            bars,
            Text(f"In both runs {self._step.sentence}.", style="dim"),
            Text(),
            large_cells(cells, _IN_A_LINE) if room.roomy else small_cells(cells, room.width),
            *([Text()] if room.roomy else []),
            legend([Cell.PLAIN, Cell.LEAPT, Cell.AHEAD, Cell.REJECTED], in_full=room.roomy),
            *air,
            *self._figures(),
        )

    def _figures(self) -> list[Text]:
        run = self.speculative
        line = Text.assemble(
            ("hit rate ", "dim"),
            (figures.percent(run.hit_rate), "bold"),
            ("   leaps ", "dim"),
            (figures.count(run.leaps), "bold"),
            ("   rejected ", "dim"),
            (figures.count(run.rejected), "bold"),
            ("   cost ", "dim"),
            (figures.percent(run.cost), "bold"),
        )
        speedup, how = (self.speedup, "measured") if self.over else (run.engine.ledger.speedup(), "estimated")
        gain = Text.assemble(("speed-up ", "dim"), (figures.ratio(speedup), "bold"), (f" {how}", "dim"))
        return [line, gain, Text(self._last_line())]

    def _last_line(self) -> str:
        if self.over:
            return (
                "Both ended in the same state, bit for bit." if self.identical else "THE ENDS DIFFER: please report it."
            )
        if self.remaining is None:
            return ""
        return f"asc has ended. Plain needs about {math.ceil(self.remaining)} s more; then the speed-up is measured."
