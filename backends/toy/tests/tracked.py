"""Supersteps that run tracked outside any computation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from asc.types import Transition
from asc_toy.ambient import Watch
from asc_toy.program import Program
from asc_toy.state import copied
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.effect import Effect
from asc_toy.tracking.superstep import run_tracked

Step = Callable[[Any], object]


class Tracked:
    """Values outside any computation, on which supersteps run tracked."""

    def __init__(self, changing: Iterable[str] = (), **values: Any) -> None:
        self.contents = Contents(values)
        self.contents.changed(changing)
        self.values = copied(values)

    def run(self, step: Step, steps: int = 1, until: Step | None = None) -> Transition:
        program = Program("test", step, self.contents.pristine, None, until)  # type: ignore[arg-type]
        watch = Watch([step], self.values.values())
        is_constant = self.contents.constant.__contains__
        superstep, transition = run_tracked(program, self.values, self.contents, is_constant, watch, 0, steps)
        superstep.close()
        return transition


def track(step: Step, *, changing: Iterable[str] = (), steps: int = 1, **values: Any) -> Transition:
    return Tracked(changing, **values).run(step, steps)


def effect_of(transition: Transition) -> Effect:
    effect: Effect = transition.effect
    return effect
