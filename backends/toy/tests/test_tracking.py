"""What a superstep is found to have read, and what it is found to have changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asc.types import Transition
from asc.words import bits
from asc_toy.state import split
from asc_toy.tracking.tracked import ArrayStore, Effect, apply_effect, run_tracked

Step = Callable[[Any], None]


def track(step: Step, *, written: tuple[str, ...] = (), steps: int = 1, **values: Any) -> Transition:
    words, arrays = split(values)
    store = ArrayStore(arrays)
    for name in written:
        store.mark_written(name)
    return run_tracked(step, words, store, 0, steps)


def effect_of(transition: Transition) -> Effect:
    effect: Effect = transition.effect
    return effect


class TestWords:
    def test_reads_are_those_before_a_write(self) -> None:
        def step(state: Any) -> None:
            state.y = state.x
            state.z = state.y + 1
            state.y = 3

        found = track(step, x=5, y=0, z=0, unused=1)
        assert found.causal == {"x": 5}
        assert effect_of(found).words == {"y": 3, "z": 6}

    def test_word_that_keeps_its_value_is_not_changed(self) -> None:
        def step(state: Any) -> None:
            state.x = state.x
            state.y = state.x

        found = track(step, x=5, y=0)
        assert effect_of(found).words == {"y": 5}

    @pytest.mark.parametrize("value", [True, 1, -0.0, math.nan, "", b"", np.float32(0)])
    def test_causal_value_has_type_and_bits(self, value: Any) -> None:
        found = track(lambda state: setattr(state, "y", state.x), x=value, y=0)
        assert found.causal == {"x": bits(value)}
        for other in (False, 0, 0.0, -math.nan, "0", b"0", np.float64(0)):
            assert found.causal["x"] != bits(other)

    def test_reads_of_later_steps_count_unless_written_in_earlier_ones(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 3:
                state.y = state.x

        assert set(track(step, n=0, x=1, y=0, steps=2).causal) == {"n"}
        assert set(track(step, n=0, x=1, y=0, steps=3).causal) == {"n", "x"}

    def test_branch_not_taken_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.y = state.a if state.which else state.b

        assert set(track(step, which=True, a=1, b=2, y=0).causal) == {"which", "a"}

    @pytest.mark.parametrize("ask", [lambda s: hasattr(s, "extra"), lambda s: getattr(s, "extra", 0)])
    def test_absence_is_read_too(self, ask: Step) -> None:
        assert track(ask, x=1).causal == {"extra": None}

        def later(state: Any) -> None:
            ask(state)
            state.extra = 1

        assert track(later, steps=2).causal == {"extra": None}

    def test_word_that_a_step_makes_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.fresh = 1
            state.y = state.fresh

        found = track(step, y=0)
        assert found.causal == {}
        assert effect_of(found).words == {"fresh": 1, "y": 1}

    @pytest.mark.parametrize("value", [None, [1], {}, np.zeros(2), 1j])
    def test_value_that_is_no_word_is_refused(self, value: Any) -> None:
        kind = type(value).__name__
        with pytest.raises(TypeError, match=f"state.x was set to a {kind}; a word holds int, float, bool, bytes"):
            track(lambda state: setattr(state, "x", value), x=1)

    @pytest.mark.parametrize("name", ["_hidden", "add", "a b"])
    def test_name_that_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(TypeError, match=f"state.{name} was set, which cannot name a word"):
            track(lambda state: setattr(state, name, 1), x=1)


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
        assert found.causal == {"total": 100}
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
        assert effect.fits({"x": 2**80}, {})
        for other in (1.0, True, np.int64(1), "1"):
            assert not effect.fits({"x": other}, {})
        assert not effect.fits({}, {})

    @pytest.mark.parametrize("written", [(), ("a",)])
    def test_accumulated_element_is_not_read(self, written: tuple[str, ...]) -> None:
        def step(state: Any) -> None:
            state.add("a", 5, at=1)
            state.add("a", -2, at=-1)

        found = track(step, written=written, a=np.arange(3))
        effect = effect_of(found)
        assert found.causal == {}
        assert effect.reads == {}
        assert effect.unwritten == frozenset()
        assert effect.elements == {}
        assert dict(effect.element_increments["a"].operands) == {1: 5, 2: -2}

    def test_accumulated_element_is_read_once_the_step_looks(self) -> None:
        def step(state: Any) -> None:
            state.add("a", 5, at=1)
            state.y = int(state.a[0])
            state.add("a", 1, at=2)

        effect = effect_of(track(step, written=("a",), a=np.arange(3), y=0))
        assert effect.element_increments == {}
        assert effect.reads["a"].values.tolist() == [0, 1, 2]
        assert effect.elements["a"].values.tolist() == [6, 3]

    @pytest.mark.parametrize(
        ("dtype", "start", "fits"),
        [("u1", 100, True), ("u1", 248, False), ("u1", 1, False), ("i8", 0, True), ("i8", 2**63 - 3, False)],
    )
    def test_sum_fits_where_no_order_of_its_terms_leaves_the_range(self, dtype: str, start: int, fits: bool) -> None:
        def step(state: Any) -> None:
            state.add("a", 10, at=0)
            state.add("a", -4, at=0)

        effect = effect_of(track(step, a=np.array([100], dtype)))
        assert effect.fits({}, {"a": np.array([start], dtype)}) is fits

    def test_overflow_that_the_step_catches_is_no_transition(self) -> None:
        """Plainly it comes at the accumulation; here it is only found out where the array is looked at."""

        def step(state: Any) -> None:
            state.add("a", 10, at=0)
            try:
                state.y = int(state.a[0])
            except OverflowError:
                state.y = -1

        with pytest.raises(OverflowError):
            track(step, a=np.array([250], np.uint8), y=0)


class TestArrays:
    def test_unwritten_array_counts_as_a_whole(self) -> None:
        effect = effect_of(track(lambda state: setattr(state, "y", int(state.a[1])), a=np.arange(3), y=0))
        assert effect.unwritten == {"a"}
        assert effect.reads == {}

    def test_written_array_is_tracked_by_element(self) -> None:
        def step(state: Any) -> None:
            state.y = int(state.a[1])
            state.a[2] = 5

        effect = effect_of(track(step, written=("a",), a=np.arange(3), y=0))
        assert effect.unwritten == frozenset()
        assert effect.reads["a"].where == slice(1, 2)
        assert effect.elements["a"].where == slice(2, 3)

    def test_array_that_is_only_asked_for_its_shape_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.y = len(state.a) + state.a.size

        effect = effect_of(track(step, written=("a",), a=np.arange(3), y=0))
        assert "a" not in effect.reads

    def test_element_written_before_it_is_read_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.a[1] = 7
            state.y = int(state.a[1]) + int(state.a[1:2].sum())

        effect = effect_of(track(step, written=("a",), a=np.arange(3), y=0))
        assert "a" not in effect.reads
        assert effect.words == {"y": 14}

    def test_row_of_a_product_is_all_that_is_read_and_written(self) -> None:
        def step(state: Any) -> None:
            state.c[state.row] = state.a[state.row] @ state.b
            state.row += 1

        values = {"a": np.eye(3, dtype=int), "b": np.arange(9).reshape(3, 3), "c": np.zeros((3, 3), int), "row": 1}
        found = track(step, written=("c",), **values)
        effect = effect_of(found)
        assert set(found.causal) == {"row"}
        assert effect.unwritten == {"a", "b"}
        assert "c" not in effect.reads
        assert effect.elements["c"].where == slice(3, 6)

    def test_local_handle_is_the_array(self) -> None:
        def step(state: Any) -> None:
            a = state.a
            a[0] = 1
            state.y = int(a[0]) + int(a[1])
            a += 1
            state.z = int(state.a[0])

        for written in ((), ("a",)):
            effect = effect_of(track(step, written=written, a=np.arange(3), y=0, z=0))
            assert effect.words == {"y": 2, "z": 2}
            assert effect.elements["a"].values.tolist() == [2, 2, 3]

    def test_names_never_share_memory(self) -> None:
        def step(state: Any) -> None:
            state.a = state.b
            state.a[0] = 50
            state.y = int(state.b[0])

        effect = effect_of(track(step, written=("a", "b"), a=np.zeros(2, int), b=np.arange(2), y=9))
        assert effect.words == {"y": 0}
        assert "b" not in effect.elements
        assert effect.elements["a"].values.tolist() == [50, 1]

    def test_first_write_in_the_superstep_that_reads_it(self) -> None:
        def step(state: Any) -> None:
            state.y = int(state.a[0])
            state.a[0] = state.y + 1

        words, arrays = split({"a": np.zeros(2, int), "y": 0})
        store = ArrayStore(arrays)
        first = run_tracked(step, words, store, 0, 2)
        assert first.effect.unwritten == {"a"}
        assert arrays["a"].tolist() == [0, 0]
        apply_effect(first.effect, words, store)
        assert arrays["a"].tolist() == [2, 0]
        assert store.written == {"a"}
        second = run_tracked(step, words, store, 2, 1)
        assert second.effect.unwritten == frozenset()
        assert second.effect.reads["a"].values.tolist() == [2]


class TestUndone:
    def boom(self, state: Any) -> None:
        state.x += 1
        state.a[0] = 9
        state.a[1:] += 1
        state.add("b", 1, at=0)
        state.fresh = 1
        raise RuntimeError("boom")

    @pytest.mark.parametrize("written", [(), ("a", "b")])
    def test_step_that_raises_leaves_everything_as_it_was(self, written: tuple[str, ...]) -> None:
        words, arrays = split({"x": 1, "a": np.array([0.5, math.nan, -0.0]), "b": np.arange(2)})
        store = ArrayStore(arrays)
        for name in written:
            store.mark_written(name)
        before = {name: array.tobytes() for name, array in arrays.items()}
        with pytest.raises(RuntimeError, match="boom"):
            run_tracked(self.boom, words, store, 0, 1)
        assert words == {"x": 1}
        assert {name: array.tobytes() for name, array in arrays.items()} == before
        assert store.written == set(written)

    def test_step_that_is_interrupted_leaves_everything_as_it_was(self) -> None:
        def interrupted(state: Any) -> None:
            state.a[0] = 9
            raise KeyboardInterrupt

        words, arrays = split({"a": np.zeros(2)})
        with pytest.raises(KeyboardInterrupt):
            run_tracked(interrupted, words, ArrayStore(arrays), 0, 1)
        assert arrays["a"].tolist() == [0, 0]

    def test_step_that_ends_with_no_word_leaves_everything_as_it_was(self) -> None:
        def step(state: Any) -> None:
            state.a[0] = 9
            state.x = [1]

        words, arrays = split({"x": 1, "a": np.zeros(2)})
        with pytest.raises(TypeError, match="was set to a list"):
            run_tracked(step, words, ArrayStore(arrays), 0, 1, keep=True)
        assert arrays["a"].tolist() == [0, 0]

    def test_writes_are_kept_where_they_are_wanted(self) -> None:
        words, arrays = split({"a": np.zeros(2)})
        run_tracked(lambda state: state.a.__setitem__(0, 9), words, ArrayStore(arrays), 0, 1, keep=True)
        assert arrays["a"].tolist() == [9, 0]


def test_size_of_an_effect_grows_with_what_it_holds() -> None:
    small = track(lambda state: state.add("x", 1), x=1)
    large = track(lambda state: state.a.__setitem__(slice(0, 900), 1), written=("a",), x=1, a=np.zeros(1000))
    assert 0 < small.nbytes < 200
    assert large.nbytes >= 7200


def test_words_may_have_any_name_that_is_not_reserved() -> None:
    """What tracking calls its own methods does not concern a step."""

    def step(state: Any) -> None:
        state.close, state.transition = state.undo + state.transition, state.close

    found = run_tracked(step, {"close": 1, "transition": 2, "undo": 3}, ArrayStore({}), 0, 2)
    assert found.effect.words == {"close": 4, "transition": 5}
