"""Accumulations in tracked supersteps: recorded apart while nothing reads the word itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tracked import Step, effect_of, track

from asc.words import bits


class TestAccumulations:
    def test_accumulated_word_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.add("total", state.n)
            state.add("total", 2)
            state.maximum("best", 7)
            state.n += 1

        found = track(step, n=1, total=100, best=3)
        assert set(found.causal) == {"n"}
        assert effect_of(found).increments == {"total": ("add", 3), "best": ("maximum", 7)}
        assert effect_of(found).words == {"n": 2}

    @pytest.mark.parametrize(
        "look",
        [
            lambda s: s.total,
            lambda s: setattr(s, "total", s.total + 1),
            lambda s: s.maximum("total", 3),
            lambda s: setattr(s, "other", s.total),
            vars,
        ],
    )
    @pytest.mark.parametrize("before", [True, False])
    def test_accumulated_word_is_read_once_the_step_looks(self, look: Step, before: bool) -> None:
        def step(state: Any) -> None:
            if before:
                look(state)
            state.add("total", 5)
            if not before:
                look(state)

        found = track(step, total=100, other=0)
        assert found.causal["total"] == 100
        assert effect_of(found).increments == {}
        assert effect_of(found).words["total"] >= 105

    def test_two_operations_on_one_word_are_a_read(self) -> None:
        def step(state: Any) -> None:
            state.add("x", 5)
            state.bit_and("x", 12)

        found = track(step, x=9)
        assert found.causal == {"x": 9}
        assert effect_of(found).words == {"x": 12}

    def test_overwritten_accumulation_is_a_write(self) -> None:
        def step(state: Any) -> None:
            state.add("x", 5)
            state.x = 1

        found = track(step, x=9)
        assert found.causal == {}
        assert effect_of(found).words == {"x": 1}
        assert effect_of(found).increments == {}

    @pytest.mark.parametrize("start", [1.5, True, np.int64(4)])
    def test_only_an_int_is_accumulated_apart(self, start: Any) -> None:
        found = track(lambda state: state.add("x", 1), x=start)
        assert found.causal == {"x": bits(start)}
        assert effect_of(found).words == {"x": start + 1}

    def test_increment_fits_an_int_only(self) -> None:
        effect = effect_of(track(lambda state: state.add("x", 1), x=1))
        assert effect.fits({"x": 2**80})
        for other in (1.0, True, np.int64(1), "1", None, np.array(1)):
            assert not effect.fits({"x": other})
        assert not effect.fits({})

    @pytest.mark.parametrize("changing", [(), ("a",)])
    def test_accumulated_element_is_not_read(self, changing: tuple[str, ...]) -> None:
        def step(state: Any) -> None:
            state.add("a", 5, at=1)
            state.add("a", -2, at=-1)

        found = track(step, changing=changing, a=np.arange(3))
        effect = effect_of(found)
        assert found.causal == {}
        assert effect.reads == {}
        assert effect.constants == frozenset()
        assert effect.elements == {}
        assert dict(effect.element_increments["a"].operands) == {1: 5, 2: -2}

    def test_accumulated_element_is_read_once_the_step_looks(self) -> None:
        def step(state: Any) -> None:
            state.add("a", 5, at=1)
            state.y = int(state.a[0])
            state.add("a", 1, at=2)

        effect = effect_of(track(step, changing=("a",), a=np.arange(3), y=0))
        assert effect.element_increments == {}
        assert effect.reads["a"].values.tolist() == [0, 1, 2]
        assert effect.elements["a"].values.tolist() == [6, 3]

    def test_increments_belong_to_an_array_of_this_layout(self) -> None:
        effect = effect_of(track(lambda state: state.add("a", 1, at=1), a=np.arange(3)))
        assert effect.fits({"a": np.arange(3) * 7})
        for other in (np.arange(4), np.arange(3, dtype=np.int32), np.arange(6)[::2], [0, 1, 2], 5):
            assert not effect.fits({"a": other})

    @pytest.mark.parametrize(
        ("dtype", "start", "fits"),
        [("u1", 100, True), ("u1", 248, False), ("u1", 1, False), ("i8", 0, True), ("i8", 2**63 - 3, False)],
    )
    def test_sum_fits_where_no_order_of_its_terms_leaves_the_range(self, dtype: str, start: int, fits: bool) -> None:
        def step(state: Any) -> None:
            state.add("a", 10, at=0)
            state.add("a", -4, at=0)

        effect = effect_of(track(step, a=np.array([100], dtype)))
        assert effect.fits({"a": np.array([start], dtype)}) is fits

    def test_sum_that_leaves_the_range_is_no_transition(self) -> None:
        with pytest.raises(OverflowError, match="a sum may leave the range"):
            track(lambda state: state.add("a", 10, at=0), a=np.array([250], np.uint8))

    @pytest.mark.parametrize("changing", [(), ("a",)])
    def test_overflow_that_the_step_catches_is_no_transition(self, changing: tuple[str, ...]) -> None:
        """Plainly it comes at the accumulation; here it is only found out where the array is looked at."""

        def step(state: Any) -> None:
            state.add("a", 10, at=0)
            try:
                state.y = int(state.a[0])
            except OverflowError:
                state.y = -1

        with pytest.raises(OverflowError):
            track(step, changing=changing, a=np.array([250], np.uint8), y=0)

    def test_error_of_an_accumulation_that_the_step_catches_is_no_transition(self) -> None:
        """Tracked, an element's error may come at another place than plainly."""

        def step(state: Any) -> None:
            try:
                state.add("a", 1, at=9)
            except IndexError:
                state.y = -1

        with pytest.raises(IndexError, match="index 9 is out of bounds"):
            track(step, a=np.arange(3), y=0)
