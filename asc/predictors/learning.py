"""What learning predictors share: each superstep of the history is learnt once, by the model of its length."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from asc.words import Excited, Word

Model = TypeVar("Model")

DEPTH = 16
"""Snapshots that a learning predictor looks back on, so that it misses none although not every boundary asks it."""


class Superstep(NamedTuple):
    """The words at two consecutive snapshots."""

    at: int  # index of the later one in the history
    gap: int  # steps between them
    before: Mapping[str, Word]
    after: Mapping[str, Word]


class Reader:
    """Reads a growing history, and returns every pair of consecutive snapshots once.

    Snapshots may be dropped from the history's front at any time, and a new segment shares no pair with the old one.
    A history whose newest snapshot lies before what was read has been rewound, and is read anew.
    """

    def __init__(self) -> None:
        self._excited = Excited()
        self._read: int | None = None
        self._names: list[str] = []
        self._known: set[str] = set()

    @property
    def excited(self) -> Sequence[str]:
        """The words that have changed in what was read, in the order in which they were found to."""
        return self._names

    def supersteps(self, positions: Sequence[int], words: Sequence[Mapping[str, Word]]) -> list[Superstep]:
        """Return the supersteps that have not been returned yet, oldest first, and note what changed in them."""
        newest = positions[-1]
        read = self._read if self._read is not None and self._read <= newest else None
        self._read = newest
        first = len(positions)
        while first > 1 and (read is None or positions[first - 1] > read):
            first -= 1
        fresh = []
        for i in range(first, len(positions)):
            gap = positions[i] - positions[i - 1]
            if gap > 0:
                self._note(words[i - 1], words[i])
                fresh.append(Superstep(i, gap, words[i - 1], words[i]))
        return fresh

    def _note(self, before: Mapping[str, Word], after: Mapping[str, Word]) -> None:
        self._excited.note(before)
        self._excited.note(after)
        if len(self._excited.names) > len(self._known):
            new = sorted(self._excited.names - self._known)
            self._names.extend(new)
            self._known.update(new)


class Spacings(Generic[Model]):
    """One model for every distance between snapshots, since a law of ten steps does not predict seven.

    Only the last `keep` distances are kept.
    """

    def __init__(self, create: Callable[[], Model], keep: int = 8) -> None:
        self._create = create
        self._keep = keep
        self._models: OrderedDict[int, Model] = OrderedDict()
        self._met: dict[int, int] = {}

    def model(self, gap: int) -> Model:
        """Return the model that learns supersteps of `gap` steps."""
        if gap not in self._models:
            self._models[gap] = self._create()
            self._met[gap] = 0
            if len(self._models) > self._keep:
                forgotten, _ = self._models.popitem(last=False)
                del self._met[forgotten]
        self._models.move_to_end(gap)
        self._met[gap] += 1
        return self._models[gap]

    def reaching(self, horizon: int, limit: int) -> Iterator[tuple[Model, int]]:
        """Yield the models that reach the horizon in whole supersteps, at most `limit`, with how many it takes.

        The model that has learnt most comes first.
        """
        usable = [gap for gap in self._models if horizon % gap == 0 and horizon // gap <= limit]
        for gap in sorted(usable, key=lambda gap: -self._met[gap]):
            yield self._models[gap], horizon // gap
