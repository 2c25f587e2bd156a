"""A race of one program with itself: plainly, and with speculation. Both run while they are looked at."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.bars import bar
from asc.demo.cells import Cell, blocks, legend, strip
from asc.demo.pace import Left, Pace, Paced
from asc.demo.page import Room
from asc.demo.watched import Watched
from asc.reference.registers import Registers, Step
from asc.views import figures
from asc.words import Word

EVERY = 4  # steps in a superstep
_IN_A_LINE = 20  # supersteps, where there is room for large ones
_TIGHT = 14  # rows below which none is left empty


class Race:
    """Runs both side by side; afterwards it knows what was gained, and whether they came to the same end."""

    def __init__(
        self,
        pace: Pace,
        step: Step,
        words: Mapping[str, Word],
        sums: tuple[str, ...] = (),
        *,
        supersteps: int,
        step_s: float,
    ) -> None:
        self._pace = pace
        self._step, steps = Paced(step, step_s, pace), supersteps * EVERY
        self.plain = Registers(self._step, words, steps, sums)
        self.watched = Watched(Registers(self._step, words, steps, sums), EVERY)
        self.plain_seconds: float | None = None
        self._began: float | None = None

    def play(self) -> None:
        """Run both to their ends."""
        beside = threading.Thread(target=self._run_plain, name="asc-demo-plain")
        self._began = time.perf_counter()
        beside.start()
        try:
            self.watched.run()
        except BaseException:
            self._pace.leave()
            raise
        finally:
            beside.join()

    def _run_plain(self) -> None:
        began = time.perf_counter()
        try:
            self.plain.advance(self.plain.total())
        except Left:
            return
        self.plain_seconds = time.perf_counter() - began

    @property
    def over(self) -> bool:
        """Whether both have arrived."""
        return self.plain_seconds is not None and self.watched.ended is not None

    @property
    def speedup(self) -> float | None:
        """Plain seconds over the others', once both are known."""
        return None if not self.over or self.plain_seconds is None else self.plain_seconds / self.watched.seconds

    @property
    def identical(self) -> bool:
        """Whether both have come to the same state, bit for bit."""
        return self.plain.digest() == self.watched.machine.digest()

    @property
    def remaining(self) -> float | None:
        """Seconds that the plain run still needs at its pace so far, once only that is waited for."""
        done = self.plain.position()
        if self.watched.ended is None or self.over or self._began is None or not done:
            return None
        return (time.perf_counter() - self._began) * (self.plain.total() - done) / done

    def draw(self, room: Room) -> RenderableType:
        """Return both runs as bars, the speculative one's supersteps as cells, and its figures."""
        watched = self.watched
        so_far = 0.0 if self._began is None else time.perf_counter() - self._began
        seconds = so_far if self.plain_seconds is None else self.plain_seconds
        bars = Table.grid(padding=(0, 2, 0, 0))
        for name, machine, style, taken in (
            ("plain", self.plain, "blue", seconds),
            ("asc", watched.machine, "green", watched.seconds),
        ):
            share = machine.position() / machine.total()
            bars.add_row(name, bar(share, room.width - 28, style), f"{share:4.0%}", f"{taken:.1f} s")
        cells, air = watched.cells(), [Text()] if room.height >= _TIGHT else []
        return Group(
            bars,
            Text(f"In both runs {self._step.told}.", style="dim"),
            Text(),
            blocks(cells, _IN_A_LINE) if room.roomy else strip(cells, room.width),
            *([Text()] if room.roomy else []),
            legend([Cell.PLAIN, Cell.LEAPT, Cell.AHEAD, Cell.REFUSED], in_full=room.roomy),
            *air,
            *self._figures(),
        )

    def _figures(self) -> list[Text]:
        watched = self.watched
        line = Text.assemble(
            ("hit rate ", "dim"),
            (figures.percent(watched.hit_rate), "bold"),
            ("   leaps ", "dim"),
            (figures.count(watched.leaps), "bold"),
            ("   refused ", "dim"),
            (figures.count(watched.refused), "bold"),
            ("   cost ", "dim"),
            (figures.percent(watched.cost), "bold"),
        )
        speedup, known = (self.speedup, "measured") if self.over else (watched.engine.ledger.speedup(), "estimated")
        gain = Text.assemble(("speed-up ", "dim"), (figures.ratio(speedup), "bold"), (f" {known}", "dim"))
        return [line, gain, Text(self._last_line())]

    def _last_line(self) -> str:
        if self.over:
            return (
                "Both ended in the same state, bit for bit." if self.identical else "THE ENDS DIFFER: please report it."
            )
        if self.remaining is None:
            return ""
        return f"asc is done; plain needs some {math.ceil(self.remaining)} s more, then the speed-up is measured."
