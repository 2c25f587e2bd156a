"""A page of the tour: machine code, what a stretch of its loop reads and writes, and the same end sooner."""

from __future__ import annotations

import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.drawing import bar
from asc.demo.page import Page, Room, Tempo
from asc.engine import Engine
from asc.predictors.ensemble import Ensemble
from asc.testing.assembly import assemble
from asc.types import Advanced
from asc.views import figures
from asc_riscv.computation import RiscvComputation
from asc_riscv.effect import Effect
from asc_riscv.elf import Program, Segment
from asc_riscv.process import Process
from asc_riscv.registers import names_in

TURNS = 1000
"""Turns of the loop in the stretch that is shown."""

_ROUNDS = 610  # times 4,096 turns
_EVERY = 4096  # turns in a superstep
_WIDE = 76  # columns from which on code and figures stand side by side
_CODE, _DATA, _TURN, _MEMORY = 0x10000, 0x20000, 12, 1 << 18
_A0, _A1 = 10, 11


class Line(NamedTuple):
    """An instruction: its label, its text and its bits."""

    label: str
    text: str
    bits: int


_BEFORE = (0x00100513, _ROUNDS << 12 | 0x5B7, 0x00100813)  # a0 = 1, a1 = turns, a6 = 1
LOOP = (
    Line("turn", "mv   a3, a0", 0x00050693),
    Line("step", "andi a4, a3, 1", 0x0016F713),
    Line("", "beqz a4, even", 0x00070863),
    Line("", "slli a4, a3, 1", 0x00169713),
    Line("", "add  a3, a3, a4", 0x00E686B3),
    Line("", "addi a3, a3, 1", 0x00168693),
    Line("even", "srli a3, a3, 1", 0x0016D693),
    Line("", "addi a2, a2, 1", 0x00160613),
    Line("", "bne  a3, a6, step", 0xFF0692E3),
    Line("", "addi a0, a0, 1", 0x00150513),
    Line("", "bne  a0, a1, turn", 0xFCB51CE3),
)
"""For a0 = 1, 2, 3 and so on: take a3 from a0 to 1 by the Collatz map, and count its steps in a2."""
_BEHIND = (0x05D00893, 0x00000513, 0x00000073)  # exit(0)


def program() -> Program:
    """Return the program; it needs no compiler."""
    code = struct.pack(f"<{len(_BEFORE) + len(LOOP) + 3}I", *_BEFORE, *(line.bits for line in LOOP), *_BEHIND)
    segments = (Segment(_CODE, code, len(code), True, False), Segment(_DATA, b"", 4096, False, True))
    return Program("loop", _CODE, segments, range(_CODE, _CODE + len(code)), _DATA, {}, (0, 0, 0))


class InterruptibleProgram(RiscvComputation):
    """The program from its start, which ends as soon as the page is left."""

    def __init__(self, tempo: Tempo) -> None:
        super().__init__(Process(program(), memory_bytes=_MEMORY), head=_CODE + _TURN)
        self._tempo = tempo

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Run on."""
        self._tempo.wait(0)
        return super().advance(max_steps, record)

    @property
    def share(self) -> float:
        """Share of the program that is done."""
        registers = self.process.machine.registers
        return 1.0 if self.finished() else float(registers[_A0]) / max(1.0, float(registers[_A1]))


class MachineCode:
    """Shows a stretch, then runs the program plainly, then with one worker."""

    def __init__(self, tempo: Tempo) -> None:
        self.effect: Effect | None = None
        self.plain, self.speculative = InterruptibleProgram(tempo), InterruptibleProgram(tempo)
        self.seconds: list[float] = []
        """Of the plain run and of the other one, as far as they have ended."""
        self.engine: Engine = assemble(
            self.speculative,
            {"ensemble": Ensemble()},
            every=_EVERY,
            executor=lambda: ThreadPoolExecutor(1),
            workers=1,
        )

    def play(self) -> None:
        """Compute everything."""
        process = Process(program(), memory_bytes=_MEMORY)
        process.machine.set_breakpoints((_CODE + _TURN,))
        process.run(arrivals=2)
        process.machine.begin_stretch()
        process.machine.run_tracked(arrivals=TURNS)
        self.effect = process.machine.effect()
        began = time.perf_counter()
        while not self.plain.finished():
            self.plain.advance(16 * _EVERY)
        self.seconds.append(time.perf_counter() - began)
        try:
            began = time.perf_counter()
            self.engine.run()
            self.seconds.append(time.perf_counter() - began)
        finally:
            self.engine.speculator.close()

    def draw(self, room: Room) -> RenderableType:
        """Return the code, the stretch, and both runs as bars."""
        code = Table.grid(padding=(0, 1, 0, 0))
        for line in LOOP:
            code.add_row(Text(line.label, style="magenta"), Text(line.text, style="bold"))
        width = room.width - 26 if room.width >= _WIDE else room.width
        found = Group(*self._stretch(), Text(), self._bars(width), *self._last_lines())
        if room.width < _WIDE:
            return found
        side_by_side = Table.grid(padding=(0, 3, 0, 0))
        side_by_side.add_row(code, found)
        return side_by_side

    def _stretch(self) -> list[Text]:
        if self.effect is None:
            return []
        effect = self.effect
        rows = (
            ("read ", effect.registers_read, effect.read_registers),
            ("wrote", effect.registers_written, effect.written_registers),
            ("added", effect.registers_added, effect.added),
        )
        lines = [Text(f"{TURNS:,} turns, {effect.instructions:,} instructions:")]
        for deed, registers, values in rows:
            pairs = zip(names_in(registers), values.tolist(), strict=True)
            lines.append(Text.assemble((f"{deed} ", "dim"), ", ".join(f"{name} = {value:,}" for name, value in pairs)))
        return lines

    def _bars(self, width: int) -> RenderableType:
        bars = Table.grid(padding=(0, 2, 0, 0))
        for number, (name, run, style) in enumerate(
            (("plain", self.plain, "blue"), ("asc", self.speculative, "green"))
        ):
            taken = f"{self.seconds[number]:.2f} s" if len(self.seconds) > number else ""
            bars.add_row(name, bar(run.share, max(8, width - 24), style), f"{run.share:4.0%}", taken)
        return bars

    def _last_lines(self) -> list[Text]:
        leaps = Text.assemble(("leaps ", "dim"), (figures.count(self.engine.ledger.leaps), "bold"))
        if len(self.seconds) < 2:
            return [leaps]
        same = self.plain.digest() == self.speculative.digest()
        speedup = figures.ratio(self.seconds[0] / self.seconds[1])
        return [
            leaps.append("   speed-up ", style="dim").append(speedup, style="bold").append(" measured", style="dim"),
            Text("Both ended in the same state, bit for bit." if same else "THE ENDS DIFFER: please report it."),
        ]


PAGE = Page(
    "Machine code",
    "A compiled program is registers and memory. A worker notes what its turns of this loop read, wrote and only added "
    "to. Only what they read must be predicted; the sum in a2 is added, whatever it is. Nothing waits here: for a "
    "speed-up, two cores must be free.",
    MachineCode,
)
"""The page."""
