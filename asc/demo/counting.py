"""Honest counting: the ledger of the race that was just seen, in which every second is somewhere."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.bars import bar
from asc.demo.page import Room
from asc.demo.race import Race
from asc.views import figures

_GROUPS = (
    ("plain steps", ("plain",)),
    ("steps run twice to check", ("spot-check",)),
    ("waiting for a worker", ("wait",)),
    ("predicting", ("observe", "recognise", "plan", "predict")),
    ("sending to workers", ("start", "warm-up", "dispatch", "hand-over")),
    ("looking up, leaping", ("collect", "lookup", "apply")),
    ("remembering own steps", ("track", "insert")),
)
_OUTSIDE = "in no account"


class Counting:
    """Shows a race's accounts; one that has not been run to its end yet is run first, and `how` says why."""

    def __init__(self, race: Race, play: Callable[[], None] | None, how: str = "") -> None:
        self.race, self._play, self._how = race, play, how

    def play(self) -> None:
        """Run what is still to be run."""
        if self._play is not None:
            self._play()

    def rows(self) -> list[tuple[str, float]]:
        """Return what the seconds went to; together they are the seconds of the run."""
        accounts = self.race.watched.engine.ledger.accounts()
        grouped = {kind for _, kinds in _GROUPS for kind in kinds}
        rows = [(name, sum(accounts[kind]["seconds"] for kind in kinds if kind in accounts)) for name, kinds in _GROUPS]
        rows += [(kind, account["seconds"]) for kind, account in accounts.items() if kind not in grouped]
        return [*rows, (_OUTSIDE, self.race.watched.seconds - sum(seconds for _, seconds in rows))]

    def draw(self, room: Room) -> RenderableType:
        """Return the accounts, and what they come to."""
        race = self.race
        if not race.over:
            return Text(f"The race is run {self._how}.")
        watched, ledger = race.watched, race.watched.engine.ledger
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=24)
        table.add_column(justify="right", width=8)
        table.add_column()
        table.add_column(justify="right", width=7)
        for name, seconds in self.rows():
            share = seconds / watched.seconds
            style = "blue" if name == "plain steps" else "magenta"
            table.add_row(name, figures.duration(seconds), bar(share, room.width - 47, style), figures.percent(share))
            for kind, part in self._parts(name) if room.roomy else ():
                table.add_row(Text(f"  {kind}", style="dim"), Text(figures.duration(part), style="dim"))
        table.add_row(Text("in all", style="bold"), Text(figures.duration(watched.seconds), style="bold"))
        worth = f"{figures.count(ledger.skipped)} of {figures.count(watched.machine.total())} steps"
        return Group(
            table,
            *([Text()] if room.height > 13 else []),
            Text.assemble(("leapt over ", "dim"), worth, f", in {watched.leaps} leaps"),
            Text.assemble(
                ("speed-up   ", "dim"),
                f"{figures.duration(race.plain_seconds)} plain / {figures.duration(watched.seconds)} = ",
                (figures.ratio(race.speedup), "bold"),
            ),
            *([Text(f"The race was run {self._how}.")] if self._how else []),
        )

    def _parts(self, name: str) -> list[tuple[str, float]]:
        """Return the accounts of a row that has several."""
        accounts, kinds = self.race.watched.engine.ledger.accounts(), dict(_GROUPS).get(name, ())
        parts = [(kind, accounts[kind]["seconds"]) for kind in kinds if kind in accounts]
        return parts if len(parts) > 1 else []
