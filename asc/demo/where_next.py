"""Where to go next: commands to type, as far as what they need is installed, what to read, and the sum of the tour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from asc.demo.page import Room
from asc.demo.runs import WatchedRun
from asc.views import figures


class Suggestion(NamedTuple):
    """What to type or to read, and what it gives."""

    what: str
    gives: str


class Installed(NamedTuple):
    """What this installation has."""

    commands: Collection[str] = ()  # of asc
    backends: Mapping[str, str] = {}  # names and summaries
    offered: Collection[str] = ()  # names of backends that could be installed


READ = (
    Suggestion("docs/how-a-run-works.md", "what you have seen, in order"),
    Suggestion("examples/notebooks", "to change and to run"),
)
_COMMANDS = {
    "explain": Suggestion("asc explain ensemble", "the predictor of pages 2 and 3"),
    "plugins": Suggestion("asc plugins", "all that is installed"),
    "new": Suggestion("asc new predictor NAME", "begins a predictor of your own"),
}
_ALIGNED = 72  # columns from which on what a suggestion gives stands in a column


def groups(installed: Installed) -> dict[str, list[Suggestion]]:
    """Return what can be typed here, how to install the backends that are missing, and what to read."""
    runs = [Suggestion(f"asc run {name}", _first_words(summary)) for name, summary in installed.backends.items()]
    missing = [name for name in installed.offered if name not in installed.backends]
    found = {
        "type (each takes --help)": [*runs, *(hint for name, hint in _COMMANDS.items() if name in installed.commands)],
        "install, in a checkout": [Suggestion(f"pip install -e backends/{name}", "a backend") for name in missing],
        "read, in a checkout": list(READ),
    }
    return {title: suggestions for title, suggestions in found.items() if suggestions}


class WhereNext:
    """The last page."""

    def __init__(self, installed: Installed, runs: Sequence[WatchedRun]) -> None:
        self._installed, self._runs = installed, runs

    def play(self) -> None:
        """Nothing runs here: the page adds up what has run."""

    def draw(self, room: Room) -> RenderableType:
        """Return the suggestions, and the sum of the tour."""
        lines, air = [], [Text()] if room.width >= _ALIGNED else []
        shown = groups(self._installed)
        width = max(len(hint.what) for hints in shown.values() for hint in hints) if room.width >= _ALIGNED else 0
        for title, hints in shown.items():
            lines.append(Text(title, style="dim"))
            lines += [Text.assemble((f"{hint.what:{width}}", "bold"), f"  {hint.gives}") for hint in hints]
            lines += air
        return Group(*lines, Text(self._sum()))

    def _sum(self) -> str:
        runs = [run for run in self._runs if run.machine.position()]
        if not runs:
            return "No run of this tour has been watched yet."
        steps, skipped = (sum(run.machine.position() for run in runs), sum(run.engine.ledger.skipped for run in runs))
        made = f"In this tour {_number(len(runs), 'run')} made {_number(steps, 'step')}"
        return f"{made}, {figures.count(skipped)} of them in {_number(sum(run.leaps for run in runs), 'leap')}."


def _first_words(summary: str) -> str:
    """Return a summary up to its first colon, since a line has little room."""
    return summary.partition(":")[0]


def _number(number: int, what: str) -> str:
    return f"{figures.count(number)} {what}{'' if number == 1 else 's'}"
