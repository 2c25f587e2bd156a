"""One dial from order to chaos: the logistic map at several r, and how much of each run could be leapt over."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.drawing import bar, columns
from asc.demo.page import Room, Tempo
from asc.demo.programs import Slowed, logistic
from asc.demo.runs import WatchedRun
from asc.reference.registers import Registers
from asc.views import figures

DIAL = (2.8, 3.2, 3.5, 3.56, 3.7, 3.83, 4.0)
STEPS = 120
STEP_S = 0.03
_CURVE, _LONG_CURVE = 16, 40  # values of x that are drawn
_TIGHT = 11  # rows below which no row is left empty


class Dial:
    """Runs the settings of the dial one after another."""

    def __init__(self, tempo: Tempo) -> None:
        self._step = Slowed(logistic, STEP_S, tempo)
        self.runs = {r: WatchedRun(Registers(self._step, {"x": 0.3, "r": r}, STEPS), 1, workers=0) for r in DIAL}

    def play(self) -> None:
        """Run them all."""
        for run in self.runs.values():
            run.run()

    def draw(self, room: Room) -> RenderableType:
        """Return a bar of hit rate for each setting, beside the curve of x from the end of the run on."""
        drawn, height = (_LONG_CURVE, 2) if room.roomy else (_CURVE, 1)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("r", width=4)
        table.add_column("x, at the end", width=drawn)
        table.add_column("leapt over")
        table.add_column("", justify="right", width=6)
        table.add_column("speed-up", justify="right", width=8)
        for r, run in self.runs.items():
            begun, done = run.began is not None, run.ended is not None
            shown = Text(f"step {run.machine.position()}" if begun else "", style="dim")
            if done:
                rows = columns(curve(r, run.machine, drawn), 0.0, 1.0, height)
                shown = Text("\n".join(rows), style="magenta")
            table.add_row(
                f"{r:g}",
                shown,
                bar(run.hit_rate if begun else 0.0, room.width - drawn - 28, "green"),
                figures.percent(run.hit_rate).replace(" %", "%") if begun else "",
                figures.ratio(run.engine.ledger.speedup()) if begun else "",
            )
            if room.roomy:
                table.add_row()
        air = [Text()] if room.height >= _TIGHT else []
        return Group(table, *air, Text(f"In each run {self._step.sentence}.", style="dim"))


def curve(r: float, machine: Registers, iterations: int) -> list[float]:
    """Return the next values of x from the present state on."""
    x, values = machine.words["x"], list[float]()
    for _ in range(iterations):
        assert isinstance(x, float)
        values.append(x)
        x = r * x * (1.0 - x)
    return values
