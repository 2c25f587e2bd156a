"""Tracked supersteps that end in no transition leave everything as it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tracked import Tracked, effect_of, track

from asc_toy.ambient import ImpureError
from asc_toy.content import content
from asc_toy.tracking.superstep import UntrackableError


class TestUndone:
    def boom(self, state: Any) -> None:
        state.x += 1
        state.a[0] = 9
        state.a[1:] += 1
        state.add("b", 1, at=0)
        state.items[0].append(1)
        state.fresh = 1
        del state.x
        raise RuntimeError("boom")

    @pytest.mark.parametrize("changing", [(), ("a", "b", "items")])
    def test_step_that_raises_leaves_everything_as_it_was(self, changing: tuple[str, ...]) -> None:
        values = {"x": 1, "a": np.array([0.5, math.nan, -0.0]), "b": np.arange(2), "items": [[0], 1]}
        tracked = Tracked(changing, **values)
        with pytest.raises(RuntimeError, match="boom"):
            tracked.run(self.boom)
        assert tracked.contents.discarded == (set() if changing else {"a", "items"})
        for name in tracked.contents.discarded:
            tracked.values[name] = tracked.contents.pristine[name]
        assert list(tracked.values) == list(values)
        assert {name: content(value) for name, value in tracked.values.items()} == {
            name: content(value) for name, value in values.items()
        }

    @pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_step_that_is_interrupted_leaves_everything_as_it_was(self, leaving: type[BaseException]) -> None:
        def interrupted(state: Any) -> None:
            state.a[0] = 9
            raise leaving

        tracked = Tracked(("a",), a=np.zeros(2))
        with pytest.raises(leaving):
            tracked.run(interrupted)
        assert tracked.values["a"].tolist() == [0, 0]

    def test_step_that_ends_in_what_a_transition_cannot_express_leaves_everything_as_it_was(self) -> None:
        def step(state: Any) -> None:
            state.a[0] = 9
            state.x = lambda: state

        tracked = Tracked(("a",), x=1, a=np.zeros(2))
        with pytest.raises(UntrackableError, match="The state word 'x' holds the function"):
            tracked.run(step)
        assert tracked.values["a"].tolist() == [0, 0]

    def test_impure_step_leaves_everything_as_it_was(self) -> None:
        def step(state: Any) -> None:
            state.a[0] = 9
            print("never seen")  # noqa: T201

        tracked = Tracked(("a",), a=np.zeros(2))
        with pytest.raises(ImpureError, match="the step prints"):
            tracked.run(step)
        assert tracked.values["a"].tolist() == [0, 0]


class TestErrorsOfTrackingItself:
    """A plain step has no such error, so there is no transition even if the step catches it."""

    def test_set_that_no_copy_can_follow(self) -> None:
        crowded = set(range(100))
        for number in range(90):
            crowded.discard(number)

        def step(state: Any) -> None:
            try:
                state.y = len(state.crowded)
            except TypeError:
                state.y = -1

        tracked = Tracked(y=0)
        tracked.values["crowded"] = crowded
        with pytest.raises((TypeError, UntrackableError), match="a set whose order no copy can have"):
            tracked.run(step)

    def test_other_dictionary(self) -> None:
        def step(state: Any) -> None:
            try:
                state.__dict__ = {}
            except Exception:  # noqa: BLE001
                state.y = -1

        with pytest.raises(UntrackableError, match="The step replaces the state's dictionary"):
            track(step, y=0)

    def test_compiled_code_that_refuses_a_tracked_array(self) -> None:
        def step(state: Any) -> None:
            try:
                state.y = sum(memoryview(state.a))
            except TypeError:
                state.y = -1

        assert effect_of(track(step, changing=("a",), a=np.arange(4), y=0)).words == {"y": 6}

    def test_type_of_an_array(self) -> None:
        def step(state: Any) -> None:
            state.y = type(state.a).__name__

        assert effect_of(track(step, changing=("a",), a=np.arange(4), y="")).words == {"y": "ndarray"}

    def test_type_of_an_object_in_its_own_special_method_leaves_arrays_by_element(self) -> None:
        @dataclass(frozen=True)
        class Point:
            x: int

        def step(state: Any) -> None:
            state.a[1, state.n] = Point(state.n).x

        effect = effect_of(track(step, changing=("a",), a=np.zeros((2, 3)), n=2, points=(Point(1),)))
        assert not effect.reads
        assert effect.elements["a"].where == slice(5, 6)
