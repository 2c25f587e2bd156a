"""Honest counting: the ledger of the race of page 2, in which every second is accounted for."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.drawing import bar
from asc.demo.page import Room
from asc.demo.race import Race
from asc.views import figures

_GROUPS = (
    ("plain steps", ("plain",)),
    ("steps run twice to check", ("spot-check",)),
    ("waiting for a worker", ("wait", "delegate")),
    ("predicting", ("observe", "recognise", "plan", "predict")),
    ("sending to workers", ("start", "warm-up", "dispatch", "hand-over")),
    ("looking up, leaping", ("collect", "lookup", "apply")),
    ("recording own steps", ("track", "insert")),
)
_OUTSIDE = "in no account"


class Counting:
    """Shows the accounts of a race. A race that has not ended yet is run first, and `how` says why."""

    def __init__(self, race: Race, play: Callable[[], None] | None, how: str = "") -> None:
        self.race, self._play, self._how = race, play, how

    def play(self) -> None:
        """Run the race, if it has not ended yet."""
        if self._play is not None:
            self._play()

    def rows(self) -> list[tuple[str, float]]:
        """Return what the seconds went to; their sum is the time of the run."""
        run = self.race.speculative
        accounts = run.engine.ledger.accounts()
        grouped = {kind for _, kinds in _GROUPS for kind in kinds}
        rows = [(name, sum(accounts[kind]["seconds"] for kind in kinds if kind in accounts)) for name, kinds in _GROUPS]
        rows += [(kind, account["seconds"]) for kind, account in accounts.items() if kind not in grouped]
        return [*rows, (_OUTSIDE, run.seconds - sum(seconds for _, seconds in rows))]

    def draw(self, room: Room) -> RenderableType:
        """Return the accounts, and the speed-up that remains after all of them."""
        race = self.race
        if not race.over:
            return Text(f"The race is run {self._how}.")
        run, ledger = race.speculative, race.speculative.engine.ledger
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=24)
        table.add_column(justify="right", width=8)
        table.add_column()
        table.add_column(justify="right", width=7)
        for name, seconds in self.rows():
            share = seconds / run.seconds
            style = "blue" if name == "plain steps" else "magenta"
            table.add_row(name, figures.duration(seconds), bar(share, room.width - 47, style), figures.percent(share))
            for kind, single in self._accounts_of(name) if room.roomy else ():
                table.add_row(Text(f"  {kind}", style="dim"), Text(figures.duration(single), style="dim"))
        table.add_row(Text("in all", style="bold"), Text(figures.duration(run.seconds), style="bold"))
        skipped = f"{figures.count(ledger.skipped)} of {figures.count(run.machine.total())} steps"
        return Group(
            table,
            *([Text()] if room.height > 13 else []),
            Text.assemble(("leapt over ", "dim"), skipped, f", in {run.leaps} leaps"),
            Text.assemble(
                ("speed-up   ", "dim"),
                f"{figures.duration(race.plain_seconds)} plain / {figures.duration(run.seconds)} = ",
                (figures.ratio(race.speedup), "bold"),
            ),
            *([Text(f"The race was run {self._how}.")] if self._how else []),
        )

    def _accounts_of(self, name: str) -> list[tuple[str, float]]:
        """Return the single accounts of a row that consists of several."""
        accounts, kinds = self.race.speculative.engine.ledger.accounts(), dict(_GROUPS).get(name, ())
        single = [(kind, accounts[kind]["seconds"]) for kind in kinds if kind in accounts]
        return single if len(single) > 1 else []
