"""Courses: reference computations as a predictor, recognizer or validator meets them in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from asc.computation import Computation
from asc.nearest import nearest
from asc.reference.programs import Descent, machine
from asc.trajectory import SegmentHistory
from asc.types import Snapshot
from asc.words import same

_WINDOW = 16  # snapshots that a predictor sees, as in a run


class Visit(NamedTuple):
    """A boundary: where the computation is, and the snapshots that a predictor sees of the way there."""

    computation: Computation
    snapshots: Sequence[Snapshot]

    @property
    def history(self) -> SegmentHistory:
        """What a predictor is given."""
        return SegmentHistory(self.snapshots, self.computation)


class Course(NamedTuple):
    """A computation of known behaviour, and how a run would look at it."""

    name: str
    make: Callable[[int], Computation]  # so many steps of it, at the start, the same each time
    every: int  # steps between boundaries
    boundaries: int = 40  # that a law looks at
    long: int = 400  # the same for laws about growth
    departure: Callable[[Any, Any, Any], float] | None = None  # see `error`

    def visits(self, boundaries: int | None = None, every: int | None = None) -> Iterator[Visit]:
        """Walk a fresh computation plainly, and stop at its start and at each boundary."""
        count, every = boundaries or self.boundaries, every or self.every
        computation = self.make(count * every)
        snapshots = [computation.observe()]
        yield Visit(computation, snapshots)
        for _ in range(count - 1):
            computation.advance(every)
            snapshots = [*snapshots[1 - _WINDOW :], computation.observe()]
            yield Visit(computation, snapshots)

    def error(self, guessed: Any, before: Snapshot, after: Snapshot) -> float:
        """Return how far a candidate's state is from what came: 0 where it is right, 1 as far as standing still."""
        return (self.departure or _words_departure)(guessed, before.state, after.state)


def courses(provides: frozenset[str]) -> list[Course]:
    """Return the reference courses for a component with these needs: words that count, mix, recur; a noisy descent."""
    words = [
        Course(name, lambda steps, name=name: machine(name, steps), every=10)  # type: ignore[misc]
        for name in ("count", "congruential", "lap", "mixed")
    ]
    descent = Course("descent", lambda steps: Descent(steps, noise=0.01), every=5, departure=_vector_departure)
    return [course for course in (*words, descent) if provides <= course.make(1).provides]


def unprovided(needs: frozenset[str]) -> str:
    """Say that no course has what a component needs: what the courses have, and whether a name may be misspelt."""
    known = sorted({need for course in courses(frozenset()) for need in course.make(1).provides})
    unknown = sorted(needs.difference(known))
    if not needs:
        return "courses() gives none: give one at least"
    told = f"no course provides {' and '.join(unknown or sorted(needs))}; the courses provide {', '.join(known)}"
    guesses = [f'is "{need}" a misspelling of "{meant}"?' for need in unknown if (meant := nearest(need, known))]
    otherwise = "Where it is meant, give a course of your own that provides it, in courses()"
    return f"{told}: {' '.join(guesses)} {otherwise}" if guesses else f"{told}. {otherwise}"


def _words_departure(guessed: Any, before: Any, after: Any) -> float:
    """Mean over the words that changed; a number counts by its distance."""
    changed = [name for name in after if not same(before[name], after[name])]
    if not changed:
        return 0.0
    return sum(_word_departure(guessed[name], before[name], after[name]) for name in changed) / len(changed)


def _word_departure(guessed: Any, before: Any, after: Any) -> float:
    if same(guessed, after):
        return 0.0
    if type(guessed) is int and type(before) is int and type(after) is int:
        return abs(guessed - after) / abs(before - after)
    return 1.0


def _vector_departure(guessed: Any, before: Any, after: Any) -> float:
    return float(np.linalg.norm(guessed.vector - after.vector) / np.linalg.norm(before.vector - after.vector))
