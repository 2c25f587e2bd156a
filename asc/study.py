"""The base of studies: many runs that answer one question, kept in a folder and reported in tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from asc.settings import Configurable

Cell = str | float | int | None


class Table(NamedTuple):
    """One table of a study's results."""

    name: str  # of its file, such as "table-2"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]  # shown as they are given; where digits matter, a study formats them as text
    notes: tuple[str, ...] = ()  # sentences below the table: what a reader should know about it


class Tell(Protocol):
    """Reports the progress of a study: `tell("seed 42", 3, 10, doing="training")`.

    `part` names a part of the study. `done` of `total` is how much of the part is done, in any unit; the part is over
    where both are equal. `doing` says what it does at present. It costs little, so it may be called at each step, from
    the thread in which the study runs.
    """

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Report how much of one part is done."""


class Study(Configurable, ABC):
    """A registered study. Everything that it knows between two calls is in its folder.

    An instance that has run nothing can make the tables as well.
    """

    free: frozenset[str] = frozenset()
    """The settings that may change when a study is resumed; every other setting must stay."""

    @abstractmethod
    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Do what is left to do in the folder; return whether all is done.

        A study asks `stopped` often. Where the answer is true, it returns and leaves the folder in a state to resume
        from. After a kill, only the work since the last write is lost. Called in the main thread.
        """

    @abstractmethod
    def tables(self, folder: Path) -> Sequence[Table]:
        """Return the results so far, made from the folder; none where nothing has been done yet."""

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the results as numbers, in values that JSON can hold: neither infinity nor NaN."""
        return {}

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Draw figures into the existing folder `target`; return the files."""
        return ()
