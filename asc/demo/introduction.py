"""The idea in eight steps: states one by one, a prediction, a worker that starts from it, the check, the leap."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.page import Room, Tempo
from asc.demo.programs import triple
from asc.predictors.affine import Affine
from asc.reference.registers import Registers, run_superstep
from asc.trajectory import SegmentHistory
from asc.types import Plan, Snapshot

STEPS = 7
_SEEN = 3  # states that the predictor sees
_PLAN = Plan("affine", horizon=2, steps=3)
_LOOK_S = 1.5
_NARROW, _WIDE = 4, 9  # columns for a state


class Introduction:
    """Calls the parts of the engine one by one, so that the reader sees what each of them does."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self.machine = Registers(triple, {"x": 2}, STEPS)
        self._main: dict[int, Text] = {}
        self._predicted: dict[int, Text] = {}
        self._worker: dict[int, Text] = {}
        self.events: list[tuple[str, str]] = []

    def play(self) -> None:
        """Take steps, predict, run ahead, check, leap."""
        machine, history = self.machine, list[Snapshot]()
        for number in range(_SEEN):
            history.append(machine.observe())
            self._arrive()
            self._tempo.wait(_LOOK_S / 2)
            if number < _SEEN - 1:
                machine.advance(1)
        self._predict(history)

    def _predict(self, history: list[Snapshot]) -> None:
        machine, tempo = self.machine, self._tempo
        prediction = Affine().predict(SegmentHistory(history, machine), _PLAN.horizon)
        candidate = None if prediction is None else machine.materialise(prediction, history, _PLAN)
        assert candidate is not None, "three states determine an affine map"
        start, predicted = candidate.start + candidate.horizon, str(candidate.state["x"])
        self._predicted[start] = Text(predicted, style="magenta")
        self.events.append(("predict", f"after {_SEEN} states: step {start} will have {predicted}"))
        tempo.wait(_LOOK_S)
        self.events.append(("run ahead", f"a worker starts there; main walks to step {start}"))
        self._worker[start] = self._predicted[start]
        for ahead in range(1, _PLAN.steps + 1):
            result = run_superstep(triple, (), candidate.state, start, steps=ahead)
            self._worker[start + ahead] = Text(str(result.effect.written["x"]), style="magenta")
            if machine.position() < start:
                machine.advance(1)
                self._arrive()
            tempo.wait(_LOOK_S)
        same = machine.agrees(result)
        here = str(machine.words["x"])
        answer = "the same" if same else "not the same"
        self.events.append(("check", f"the worker read {predicted}, main has {here}: {answer}"))
        tempo.wait(_LOOK_S)
        if same:
            machine.apply(result)
            for passed in range(start + 1, STEPS):
                self._main[passed] = Text("»", style="bold green")
            self._arrive("bold green")
            self.events.append(("leap", f"{result.steps} steps at once, to step {machine.position()}"))

    def _arrive(self, style: str = "bold") -> None:
        self._main[self.machine.position()] = Text(str(self.machine.words["x"]), style=style)

    def draw(self, room: Room) -> RenderableType:
        """Return the states of main thread, predictor and worker, and what has happened so far."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("step", style="dim", width=9)
        for number in range(STEPS + 1):
            table.add_column(str(number), justify="right", width=_WIDE if room.roomy else _NARROW)
        for name, row in (("main", self._main), ("predicted", self._predicted), ("worker", self._worker)):
            table.add_row(name, *(row.get(number, Text("")) for number in range(STEPS + 1)))
        listed = Table.grid(padding=(0, 2, 0, 0))
        listed.add_column(style="bold", width=11)
        listed.add_column()
        for number, (what, words) in enumerate(self.events, 1):
            listed.add_row(f"{number} {what}", words)
        return Group(table, Text(), listed)
