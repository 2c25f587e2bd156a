"""Reference runs: reference computations as a predictor, recognizer or validator meets them in a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from asc.computation import Computation
from asc.nearest import nearest
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.trajectory import SegmentHistory
from asc.types import Snapshot
from asc.words import same

_WINDOW = 16  # snapshots that a predictor sees; more than any of the core's predictors looks back on


class Visit(NamedTuple):
    """One boundary of a reference run: the computation there, and the snapshots that a predictor sees."""

    computation: Computation
    snapshots: Sequence[Snapshot]

    @property
    def history(self) -> SegmentHistory:
        """What a predictor is given."""
        return SegmentHistory(self.snapshots, self.computation)


class ReferenceRun(NamedTuple):
    """A computation whose behaviour is known, and the boundaries at which a law looks at it."""

    name: str
    make: Callable[[int], Computation]  # makes the computation, with so many steps in all, at its start
    every: int  # steps between boundaries
    boundaries: int = 40  # that a law looks at
    long: int = 400  # the same for laws about growth
    departure: Callable[[Any, Any, Any], float] | None = None  # see `error`

    def visits(self, boundaries: int | None = None, window: int = _WINDOW) -> Iterator[Visit]:
        """Take the steps of a new computation, without leaps, and yield its start and each boundary.

        A visit has the newest `window` snapshots.
        """
        count = boundaries or self.boundaries
        computation = self.make(count * self.every)
        snapshots: deque[Snapshot] = deque(maxlen=window)
        for number in range(count):
            if number:
                computation.advance(self.every)
            snapshots.append(computation.observe())
            yield Visit(computation, tuple(snapshots))

    def error(self, predicted: Any, before: Snapshot, after: Snapshot) -> float:
        """Return the error of a predicted state: 0 where it is the state that came, 1 for the state before."""
        return (self.departure or _words_departure)(predicted, before.state, after.state)


def reference_runs(needs: frozenset[str]) -> list[ReferenceRun]:
    """Return the reference runs that provide what a component needs: four programs and a noisy descent.

    Of the programs one counts, one mixes its words, one comes back to where it was, and one has words of every type.
    """
    programs = [
        ReferenceRun(name, lambda steps, name=name: machine(name, steps), every=10)  # type: ignore[misc]
        for name in ("count", "congruential", "lap", "mixed")
    ]
    descent = ReferenceRun("descent", lambda steps: Descent(steps, noise=0.01), every=5, departure=_vector_departure)
    return [run for run in (*programs, descent) if needs <= run.make(1).provides]


def unprovided(needs: frozenset[str]) -> str:
    """Say that no reference run provides what a component needs, what the runs provide, and which name was meant."""
    known = sorted({need for run in reference_runs(frozenset()) for need in run.make(1).provides})
    unknown = sorted(needs.difference(known))
    if not needs:
        return "reference_runs() returns none: return at least one"
    problem = f"no reference run provides {' and '.join(unknown or sorted(needs))}; the runs provide {', '.join(known)}"
    questions = [f'is "{need}" a misspelling of "{meant}"?' for need in unknown if (meant := nearest(need, known))]
    otherwise = "Otherwise add a run of your own that provides it, in reference_runs()"
    return f"{problem}: {' '.join(questions)} {otherwise}" if questions else f"{problem}. {otherwise}"


def _words_departure(predicted: Any, before: Any, after: Any) -> float:
    """Mean over the words that changed; a number counts by its distance."""
    changed = [name for name in after if not same(before[name], after[name])]
    if not changed:
        return 0.0
    return sum(_word_departure(predicted[name], before[name], after[name]) for name in changed) / len(changed)


def _word_departure(predicted: Any, before: Any, after: Any) -> float:
    if same(predicted, after):
        return 0.0
    if type(predicted) is int and type(before) is int and type(after) is int:
        return abs(predicted - after) / abs(before - after)
    return 1.0


def _vector_departure(predicted: Any, before: Any, after: Any) -> float:
    return float(np.linalg.norm(predicted.vector - after.vector) / np.linalg.norm(before.vector - after.vector))
