"""Where to go next: commands to type as far as what they need is installed, what to read, and the tour added up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from asc.demo.page import Room
from asc.demo.watched import Watched
from asc.views import figures


class Hint(NamedTuple):
    """What to type or to read, what it does, and what has to be there: a command of asc, a backend."""

    what: str
    does: str
    needs: tuple[str, ...] = ()


TYPE = (
    Hint("asc run toy --program collatz --compare", "page 2, with processes", ("run", "toy")),
    Hint("asc advise toy --program lcg-pi", "says whether it pays", ("advise", "toy")),
    Hint("asc run nn_training --steps 600", "trains a network", ("run", "nn_training")),
    Hint("asc explain ensemble", "what guessed on pages 2 and 3", ("explain",)),
    Hint("asc new predictor NAME", "begins a predictor of your own", ("new",)),
)
READ = (
    Hint("docs/how-a-run-works.md", "what you have seen, in order"),
    Hint("examples/notebooks", "to change and to run"),
)
INSTALL = {
    "toy": Hint("pip install -e backends/toy", "Python programs"),
    "nn_training": Hint("pip install -e backends/nn_training", "networks"),
}
_ALIGNED = 72  # columns from which on what the hints do stands in a column


def groups(there: Collection[str]) -> dict[str, list[Hint]]:
    """Return what can be typed here, how to install the backends that are missing, and what to read."""
    found = {
        "type (each takes --help)": [hint for hint in TYPE if set(hint.needs) <= set(there)],
        "install, in a checkout": [hint for name, hint in INSTALL.items() if name not in there],
        "read, in a checkout": list(READ),
    }
    return {title: hints for title, hints in found.items() if hints}


class Onward:
    """The last page."""

    def __init__(self, there: Collection[str], runs: Sequence[Watched]) -> None:
        self._there, self._runs = there, runs

    def play(self) -> None:
        """Nothing runs: what has run is added up."""

    def draw(self, room: Room) -> RenderableType:
        """Return the commands, and the sum of the tour."""
        lines, air = [], [Text()] if room.width >= _ALIGNED else []
        for title, hints in groups(self._there).items():
            lines += [Text(title, style="dim"), *(_line(hint, room) for hint in hints), *air]
        return Group(*lines, Text(self._sum()))

    def _sum(self) -> str:
        runs = [run for run in self._runs if run.machine.position()]
        if not runs:
            return "No run has been looked at in this tour yet."
        steps, skipped = (sum(run.machine.position() for run in runs), sum(run.engine.ledger.skipped for run in runs))
        made = f"In this tour {_number(len(runs), 'run')} made {_number(steps, 'step')}"
        return f"{made}, {figures.count(skipped)} of them in {_number(sum(run.leaps for run in runs), 'leap')}."


def _line(hint: Hint, room: Room) -> Text:
    width = max(len(known.what) for known in (*TYPE, *READ, *INSTALL.values())) if room.width >= _ALIGNED else 0
    return Text.assemble((f"{hint.what:{width}}", "bold"), f"  {hint.does}")


def _number(number: int, what: str) -> str:
    return f"{figures.count(number)} {what}{'' if number == 1 else 's'}"
