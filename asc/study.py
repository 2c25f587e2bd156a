"""What a study is to the command line: many runs that answer one question, kept in a folder, told in tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Cell = str | float | int | None


class Table(NamedTuple):
    """One table of a study's results."""

    name: str  # of its file, such as "table-2"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]  # shown as they are given; where digits matter, a study formats them as text
    notes: tuple[str, ...] = ()  # sentences below the table: what is to be known of it


class Tell(Protocol):
    """Where a study says how far it has come."""

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Hear how far one part (such as "seed 42") has come."""


class Study(Protocol):
    """A registered study. Its class has a `Config` that extends `Settings`, and is constructed with an instance.

    All it knows between two calls is in its folder: tables are made as well by an instance that has run nothing.
    """

    @property
    def free(self) -> frozenset[str]:
        """The settings that may change when a study is gone on with; every other one must stay."""

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Do what is left to do in the folder; return whether all is done.

        It asks `stopped` often, and when that is true returns with a state in the folder to go on from; so does
        whoever kills it, less what was done since it was last written down. Called in the main thread.
        """

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return the results so far, made from what the folder holds; none where nothing has been done yet."""

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the same as numbers, in values that JSON can hold: no infinity, nothing that is not a number."""

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Draw what is worth drawing into the folder `target`, which is there already; return the files."""
