"""Where to go next: commands to type, as far as what they need is installed, and what this tour has computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asc.demo.page import Room
from asc.demo.watched import Watched
from asc.observers import figures


class Hint(NamedTuple):
    """A command, what it does, and what has to be there: a command of asc, a backend."""

    command: str
    does: str
    needs: tuple[str, ...] = ()


HINTS = (
    Hint("asc run toy --program collatz --compare", "with processes", ("run", "toy")),
    Hint("asc advise toy --program lcg-pi", "would it pay?", ("advise", "toy")),
    Hint("asc run nn_training --steps 600", "train a network", ("run", "nn_training")),
    Hint("asc explain ensemble", "who guessed", ("explain",)),
    Hint("asc new predictor NAME", "start your own", ("new",)),
    Hint("docs/how-a-run-works.md", "what you saw"),
    Hint("examples/notebooks", "to play with"),
)
_MISSING = {
    "toy": Hint("pip install asc-toy", "Python programs"),
    "nn_training": Hint("pip install asc-nn-training", "networks"),
}


def hints(there: Collection[str]) -> list[Hint]:
    """Return what can be typed here, and how to install the backends that are missing."""
    possible = [hint for hint in HINTS if set(hint.needs) <= set(there)]
    return possible + [hint for name, hint in _MISSING.items() if name not in there]


class Onward:
    """The last page."""

    def __init__(self, there: Collection[str], runs: Sequence[Watched]) -> None:
        self._there, self._runs = there, runs

    def play(self) -> None:
        """Nothing runs: what has run is added up."""

    def draw(self, room: Room) -> RenderableType:
        """Return the commands, and the sum of the tour."""
        ledgers = [run.engine.ledger for run in self._runs]
        steps = sum(run.machine.position() for run in self._runs)
        skipped, leaps = sum(ledger.skipped for ledger in ledgers), sum(ledger.leaps for ledger in ledgers)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for hint in hints(self._there):
            table.add_row(hint.command, hint.does)
        told = Text("No run has been looked at in this tour yet.", style="dim")
        if steps:
            told = Text(
                f"In this tour {figures.count(len(ledgers))} programs made {figures.count(steps)} steps, "
                f"{figures.count(skipped)} of them in {figures.count(leaps)} leaps."
            )
        return Group(table, Text(), told)
