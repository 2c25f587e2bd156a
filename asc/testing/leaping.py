"""Leaps made by hand, to see what a computation says of them before it takes them, and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from asc.computation import Computation, Predictor
from asc.trajectory import SegmentHistory
from asc.types import Plan, Transition

_SNAPSHOTS = 4


class Place(NamedTuple):
    """A computation, and a transition that was made from the state that it is in."""

    computation: Computation
    transition: Transition


def executed(make: Callable[[], Computation], every: int, count: int = 4) -> Iterator[Place]:
    """Yield the first places of an exact computation, each with the superstep that was executed from there.

    A computation that tells nothing of what it has recorded has none.
    """
    ahead = make()
    for _ in range(count):
        here = make()
        if ahead.position():
            here.advance(ahead.position())
        learnt = ahead.advance(every, record=True).learnt
        if learnt is not None:
            yield Place(here, learnt)


def guessed(
    make: Callable[[], Computation], every: int, horizon: int, predictors: Mapping[str, Predictor]
) -> Iterator[Place]:
    """Yield one place of a judged computation as often as a predictor has a guess there, each time made anew."""
    for name, predictor in predictors.items():
        computation = make()
        history = [computation.observe()]
        for _ in range(_SNAPSHOTS - 1):
            computation.advance(every)
            history.append(computation.observe())
        said = predictor.predict(SegmentHistory(history, computation), horizon)
        made = None if said is None else computation.materialise(said, history, Plan(name, horizon))
        if made is not None:
            yield Place(computation, Transition(made.start, made.horizon, made.state, made.nbytes, name))


def beyond(place: Place) -> Transition | None:
    """Return the transition of a place as if it led one step past the end; None where nobody knows the end."""
    total = place.computation.total()
    return None if total is None else place.transition._replace(steps=total - place.computation.position() + 1)
