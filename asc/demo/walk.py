"""The idea in eight steps: a walk, a guess, somebody who runs ahead from it, the check, the leap."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.pace import Pace
from asc.demo.page import Room
from asc.demo.programs import triple
from asc.predictors.affine import Affine
from asc.reference.registers import Registers, run_superstep
from asc.trajectory import SegmentHistory
from asc.types import Plan, Snapshot

STEPS = 7
_SEEN = 3  # states that the predictor is shown
_PLAN = Plan("affine", horizon=2, steps=3)
_LOOK_S = 1.5
_NARROW, _WIDE = 5, 9  # columns for a state


class Walk:
    """Takes the parts of the engine one by one, so that each is seen at its work."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.machine = Registers(triple, {"x": 2}, STEPS)
        self._main: dict[int, Text] = {}
        self._guess: dict[int, Text] = {}
        self._worker: dict[int, Text] = {}
        self.told: list[tuple[str, str]] = []

    def play(self) -> None:
        """Walk, predict, run ahead, check, leap."""
        machine, history = self.machine, list[Snapshot]()
        for place in range(_SEEN):
            history.append(machine.observe())
            self._arrive()
            self._pace.wait(_LOOK_S / 2)
            if place < _SEEN - 1:
                machine.advance(1)
        self._predict(history)

    def _predict(self, history: list[Snapshot]) -> None:
        machine, pace = self.machine, self._pace
        prediction = Affine().predict(SegmentHistory(history, machine), _PLAN.horizon)
        candidate = None if prediction is None else machine.materialise(prediction, history, _PLAN)
        assert candidate is not None, "three terms of a linear congruence have a law"
        place, guessed = candidate.start + candidate.horizon, str(candidate.state["x"])
        self._guess[place] = Text(guessed, style="magenta")
        self.told.append(("predict", f"after {_SEEN} states: step {place} will have {guessed}"))
        pace.wait(_LOOK_S)
        self.told.append(("run ahead", f"a worker goes on from it; main walks to step {place}"))
        self._worker[place] = self._guess[place]
        for ahead in range(1, _PLAN.steps + 1):
            going = run_superstep(triple, (), candidate.state, place, steps=ahead)
            self._worker[place + ahead] = Text(str(going.effect.written["x"]), style="magenta")
            if machine.position() < place:
                machine.advance(1)
                self._arrive()
            pace.wait(_LOOK_S)
        same = machine.agrees(going)
        here = str(machine.words["x"])
        self.told.append(
            (
                "check",
                f"the worker read {guessed}, main has {here}: {'the same' if same else 'another'}",
            )
        )
        pace.wait(_LOOK_S)
        if same:
            machine.apply(going)
            for passed in range(place + 1, STEPS):
                self._main[passed] = Text("»", style="bold green")
            self._arrive("bold green")
            self.told.append(("leap", f"{going.steps} steps at once, to step {machine.position()}"))

    def _arrive(self, style: str = "bold") -> None:
        self._main[self.machine.position()] = Text(str(self.machine.words["x"]), style=style)

    def draw(self, room: Room) -> RenderableType:
        """Return who has which states, and what has happened so far."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("step", style="dim", width=7)
        for place in range(STEPS + 1):
            table.add_column(str(place), justify="right", width=_WIDE if room.roomy else _NARROW)
        for name, row in (("main", self._main), ("guess", self._guess), ("worker", self._worker)):
            table.add_row(name, *(row.get(place, Text("")) for place in range(STEPS + 1)))
        told = Table.grid(padding=(0, 2, 0, 0))
        told.add_column(style="bold", width=9)
        told.add_column()
        for number, (what, words) in enumerate(self.told, 1):
            told.add_row(f"{number} {what}" if what != "run ahead" else f"{number} run on", words)
        return Group(table, Text(), told)
