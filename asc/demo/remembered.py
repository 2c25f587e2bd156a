"""The trajectory cache: a way that is known is taken again wherever the words that it read have the same bits."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.cache import TrajectoryCache
from asc.demo.pace import Pace
from asc.demo.page import Room
from asc.demo.programs import lap
from asc.reference.registers import Registers
from asc.types import Transition
from asc.words import Word

STEPS = 8
START: dict[str, Word] = {"place": 26, "key": 1, "total": 0, "name": "Ada"}
CHANGES: tuple[dict[str, Word], ...] = (
    {},
    {"total": 12345},
    {"name": "Grace"},
    {"place": 27},
    {"key": 2},
    {"place": 26.0},
)
"""What is changed in the state that is looked up from, one after the other."""
_LOOK_S = 1.6
_WIDE = 74  # columns from which on there is room for the reason


class Asked(NamedTuple):
    """One look-up, and what came of it."""

    state: dict[str, Word]
    changed: frozenset[str]
    hit: bool


class Remembered:
    """Remembers one superstep, then looks it up from states that differ from its own."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.cache = TrajectoryCache()
        self.known: Transition | None = None
        self.asked: list[Asked] = []

    def play(self) -> None:
        """Remember, and ask."""
        machine = Registers(lap, START, STEPS, ("total",))
        self.known = machine.advance(STEPS, record=True).learnt
        assert self.known is not None, "it was asked to record"
        self.cache.insert(self.known)
        self._pace.wait(_LOOK_S)
        for change in CHANGES:
            state = START | change
            found = self.cache.lookup(Registers(lap, state, STEPS, ("total",)))
            self.asked.append(Asked(state, frozenset(change), found is not None))
            self._pace.wait(_LOOK_S)

    def draw(self, room: Room) -> RenderableType:
        """Return the entry, and the answers so far."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for name in START:
            table.add_column(name, justify="right", width=7)
        table.add_column("found?")
        if room.width >= _WIDE:
            table.add_column("since")
        for asked in self.asked:
            values = (
                Text(str(value), style="bold" if name in asked.changed else "dim")
                for name, value in asked.state.items()
            )
            answer = Text("yes, leap", style="bold green") if asked.hit else Text("no, walk", style="bold red")
            table.add_row(*values, answer, *([Text(self._since(asked), style="dim")] if room.width >= _WIDE else []))
            if room.roomy:
                table.add_row()
        return Group(*self._entry(), Text(), table)

    def _since(self, asked: Asked) -> str:
        if self.known is None or not asked.changed:
            return "nothing was changed"
        return ", ".join(f"{name} was {'' if name in self.known.causal else 'not '}read" for name in asked.changed)

    def _entry(self) -> list[Text]:
        if self.known is None:
            return [Text("Nothing is remembered yet.")]
        effect: Any = self.known.effect
        read = ", ".join(f"{name} = {START[name]!r}" for name in sorted(self.known.causal, reverse=True))
        wrote = ", ".join(f"{name} = {value}" for name, value in effect.written.items())
        added = ", ".join(f"{name} + {value}" for name, value in effect.added.items())
        return [
            Text.assemble(
                (f"remembered, {self.known.steps} steps   ", "dim"), ("read ", "dim"), (read, "bold magenta")
            ),
            Text.assemble((f"{'':{len('remembered, 8 steps')}}   ", "dim"), ("then ", "dim"), f"{wrote}, {added}"),
        ]
