"""The trajectory cache: an entry matches every state in which the state words that it read have the same bits."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.cache import TrajectoryCache
from asc.demo.page import Room, Tempo
from asc.demo.programs import jump
from asc.reference.registers import Registers
from asc.types import Transition
from asc.words import Word

STEPS = 8
START: dict[str, Word] = {"node": 26, "key": 1, "total": 0, "name": "Ada"}
CHANGES: tuple[dict[str, Word], ...] = (
    {},
    {"total": 12345},
    {"name": "Grace"},
    {"node": 27},
    {"key": 2},
    {"node": 26.0},
)
"""How each looked-up state differs from the stored one."""
_LOOK_S = 1.6
_WIDE = 74  # columns from which on there is room for the reason


class Lookup(NamedTuple):
    """One look-up and its answer."""

    state: dict[str, Word]
    changed: frozenset[str]
    hit: bool


class Lookups:
    """Stores one superstep, then looks it up from states that differ from the stored one."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self.cache = TrajectoryCache()
        self.entry: Transition | None = None
        self.done: list[Lookup] = []

    def play(self) -> None:
        """Store, and look up."""
        machine = Registers(jump, START, STEPS, ("total",))
        self.entry = machine.advance(STEPS, record=True).recorded
        assert self.entry is not None, "`record` was asked for"
        self.cache.insert(self.entry)
        self._tempo.wait(_LOOK_S)
        for change in CHANGES:
            state = START | change
            found = self.cache.lookup(Registers(jump, state, STEPS, ("total",)))
            self.done.append(Lookup(state, frozenset(change), found is not None))
            self._tempo.wait(_LOOK_S)

    def draw(self, room: Room) -> RenderableType:
        """Return the entry, and the look-ups so far."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for name in START:
            table.add_column(name, justify="right", width=7)
        table.add_column("found?")
        if room.width >= _WIDE:
            table.add_column("because")
        for lookup in self.done:
            values = (
                Text(str(value), style="bold" if name in lookup.changed else "dim")
                for name, value in lookup.state.items()
            )
            answer = Text("yes, leap", style="bold green") if lookup.hit else Text("no, step", style="bold red")
            reason = [Text(self._reason(lookup), style="dim")] if room.width >= _WIDE else []
            table.add_row(*values, answer, *reason)
            if room.roomy:
                table.add_row()
        return Group(*self._stored(), Text(), table)

    def _reason(self, lookup: Lookup) -> str:
        if self.entry is None or not lookup.changed:
            return "nothing was changed"
        return ", ".join(f"{name} was {'' if name in self.entry.causal else 'not '}read" for name in lookup.changed)

    def _stored(self) -> list[Text]:
        if self.entry is None:
            return [Text("The cache is empty.")]
        effect: Any = self.entry.effect
        read = ", ".join(f"{name} = {START[name]!r}" for name in sorted(self.entry.causal, reverse=True))
        wrote = ", ".join(f"{name} = {value}" for name, value in effect.written.items())
        added = ", ".join(f"{name} + {value}" for name, value in effect.added.items())
        stored = f"stored, {self.entry.steps} steps   "
        return [
            Text.assemble((stored, "dim"), ("read ", "dim"), (read, "bold magenta")),
            Text.assemble((" " * len(stored), "dim"), ("then ", "dim"), f"{wrote}, {added}"),
        ]
