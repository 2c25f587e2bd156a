"""Transitions beside the computations that they match: what does a computation answer before a leap, and after it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from asc.computation import Computation
from asc.predictor import Predictor
from asc.trajectory import SegmentHistory
from asc.types import Plan, Transition

_SNAPSHOTS = 4


class Match(NamedTuple):
    """A computation, and a transition that was made from its present state."""

    computation: Computation
    transition: Transition

    def past_the_end(self) -> Transition | None:
        """Return the transition, changed to end one step past the end; None where the end is not known."""
        total = self.computation.total()
        return None if total is None else self.transition._replace(steps=total - self.computation.position() + 1)


def recorded(make: Callable[[], Computation], every: int, count: int = 4) -> Iterator[Match]:
    """Yield the first boundaries of a computation, each with the superstep that was recorded from there.

    Yields nothing where the computation does not report what it has recorded.
    """
    ahead = make()
    for _ in range(count):
        here = make()
        if ahead.position():
            here.advance(ahead.position())
        transition = ahead.advance(every, record=True).recorded
        if transition is not None:
            yield Match(here, transition)


def predicted(
    make: Callable[[], Computation], every: int, horizon: int, predictors: Mapping[str, Predictor]
) -> Iterator[Match]:
    """Yield one boundary of a computation, made anew for each predictor, with the candidate that was predicted there.

    A predictor that has nothing to say there is left out.
    """
    for name, predictor in predictors.items():
        computation = make()
        history = [computation.observe()]
        for _ in range(_SNAPSHOTS - 1):
            computation.advance(every)
            history.append(computation.observe())
        prediction = predictor.predict(SegmentHistory(history, computation), horizon)
        candidate = None if prediction is None else computation.materialise(prediction, history, Plan(name, horizon))
        if candidate is not None:
            leap = Transition(candidate.start, candidate.horizon, candidate.state, candidate.nbytes, name)
            yield Match(computation, leap)
