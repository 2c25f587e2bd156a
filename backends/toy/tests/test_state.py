"""What a step function sees: words, arrays, accumulations; and what is refused in a sentence."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc.errors import AscError
from asc.types import Transition
from asc_toy.state import OPERATIONS, RESERVED, is_word, plain_state, split
from asc_toy.tracking.tracked import ArrayStore, apply_effect, run_tracked

Step = Callable[[Any], None]


class Colour(enum.IntEnum):
    RED = 1


def plain(step: Step, **values: Any) -> dict[str, Any]:
    words, arrays = split(values)
    state = plain_state(words, arrays)
    step(state)
    return {**state.__dict__, **arrays}


def tracked(step: Step, *, written: bool = True, **values: Any) -> tuple[dict[str, Any], Transition]:
    words, arrays = split(values)
    store = ArrayStore(arrays)
    for name in arrays if written else ():
        store.mark_written(name)
    transition = run_tracked(step, words, store, 0, 1)
    apply_effect(transition.effect, words, store)
    return {**words, **arrays}, transition


def both(step: Step, **values: Any) -> dict[str, Any]:
    """Run plainly and tracked, arrays written before and not; the three must end alike."""
    expected = plain(step, **values)
    for written in (True, False):
        found, _ = tracked(step, written=written, **values)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert type(found[name]) is type(value)
            assert np.array_equal(found[name], value)
    return expected


def raises_in_all(error: type[Exception], match: str, step: Step, **values: Any) -> None:
    with pytest.raises(error, match=match):
        plain(step, **values)
    for written in (True, False):
        with pytest.raises(error, match=match):
            tracked(step, written=written, **values)


@pytest.mark.parametrize(
    "value", [0, -(10**50), True, 1.5, float("nan"), b"", "ä", np.float32(2), np.str_("x"), np.datetime64("2020-01-01")]
)
def test_words_are_immutable_values(value: Any) -> None:
    assert is_word(value)
    words, arrays = split({"x": value})
    assert words["x"] is value
    assert arrays == {}


@pytest.mark.parametrize(
    "value", [None, [1], (1,), {}, 1j, Colour.RED, object(), np.void(b"abc"), np.zeros(1, "i4,f4")[0], np.longdouble(1)]
)
def test_other_values_are_refused_at_the_start(value: Any) -> None:
    assert not is_word(value)
    with pytest.raises(AscError, match=r"The word 'x' holds a .*; a state consists of int, float"):
        split({"x": value})


@pytest.mark.parametrize(
    "dtype", [object, "i4,f4", np.longdouble, np.clongdouble, "V3"], ids=["object", "record", "long", "clong", "void"]
)
def test_arrays_whose_bytes_do_not_tell_their_value_are_refused(dtype: Any) -> None:
    with pytest.raises(AscError, match=r"The array 'a' has the dtype .*; an array of the state holds bool, integers"):
        split({"a": np.zeros(2, dtype)})


@pytest.mark.parametrize("name", ["_x", "a b", "1x", "", *sorted(RESERVED)])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(AscError, match="cannot name a word: use a Python identifier"):
        split({name: 1})


def test_arrays_are_private_contiguous_copies() -> None:
    mine = np.arange(12).reshape(3, 4)[:, ::2]
    _, arrays = split({"a": mine})
    arrays["a"][0, 0] = 77
    assert mine[0, 0] == 0
    assert arrays["a"].flags.c_contiguous
    _, arrays = split({"a": np.ma.masked_array([1, 2])})
    assert type(arrays["a"]) is np.ndarray


def test_assignment_copies_into_the_array() -> None:
    def step(state: Any) -> None:
        state.a = state.b
        state.b[0] = 9
        state.a[1] = 7

    found = both(step, a=np.zeros(3, int), b=np.arange(3))
    assert found["a"].tolist() == [0, 7, 2]
    assert found["b"].tolist() == [9, 1, 2]


@pytest.mark.parametrize("value", [5, [1, 2], np.zeros(3), np.zeros(4, int), None])
def test_assignment_that_would_change_shape_or_dtype_is_refused(value: Any) -> None:
    raises_in_all(
        TypeError,
        r"state.a is an array of shape \(3,\) and dtype int64; it cannot become",
        lambda state: setattr(state, "a", value),
        a=np.zeros(3, int),
    )


def test_in_place_operators_keep_the_dtype() -> None:
    def step(state: Any) -> None:
        state.a += 1
        state.a[1:] *= 2
        state.a[0] -= 5

    assert both(step, a=np.arange(3, dtype=np.int16))["a"].dtype == np.int16

    def divide(state: Any) -> None:
        state.a /= 2

    raises_in_all(TypeError, "Cannot cast", divide, a=np.arange(3))


def test_words_cannot_be_deleted() -> None:
    def step(state: Any) -> None:
        del state.x

    raises_in_all(TypeError, "state.x cannot be deleted: a state keeps its words", step, x=1)


def test_new_words_may_appear() -> None:
    assert both(lambda state: setattr(state, "y", state.x + 1), x=1) == {"x": 1, "y": 2}


def test_missing_word_is_named_with_those_that_there_are() -> None:
    values = {"total": 1, "a": np.zeros(1, int)}
    missing = "the state has no word 'tota1'; it has a, total"
    raises_in_all(AttributeError, missing, lambda state: state.tota1, **values)
    raises_in_all(AttributeError, missing, lambda state: state.add("tota1", 1), **values)
    element = "'a' is an array of the state: name the element, with at=…"
    raises_in_all(AttributeError, element, lambda state: state.add("a", 1), **values)


@pytest.mark.parametrize("value", [1.5, True, np.int64(1), "1", None])
def test_only_integers_accumulate(value: Any) -> None:
    raises_in_all(
        TypeError,
        r"state.add\('x', …\) takes an int, not .*: only integers accumulate in any order",
        lambda state: state.add("x", value),
        x=0,
    )


def test_only_integer_arrays_accumulate() -> None:
    raises_in_all(
        TypeError,
        r"state.add\('a', …, at=…\) needs an array of integers, and this one holds float64",
        lambda state: state.add("a", 1, at=0),
        a=np.zeros(2),
    )


@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(-300, 300)), max_size=6),
    st.sampled_from([3, -(2**70), 2.5, True, np.int64(5)]),
)
def test_accumulation_of_words_is_what_it_is_plainly(operations: list[tuple[str, int]], start: Any) -> None:
    def step(state: Any) -> None:
        for operation, value in operations:
            if not isinstance(start, float) or not operation.startswith("bit"):
                getattr(state, operation)("x", value)

    both(step, x=start)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 1), st.integers(-130, 300)), max_size=6),
    st.sampled_from(["u1", "i1", "i8", "u8"]),
)
def test_accumulation_into_elements_is_what_it_is_plainly(operations: list[tuple[str, int, int]], dtype: str) -> None:
    """The range of the element included: what overflows plainly raises, or is never found to fit."""

    def step(state: Any) -> None:
        for operation, at, value in operations:
            getattr(state, operation)("a", value, at=at)

    values = {"a": np.array([100, 7], dtype)}
    try:
        expected: dict[str, Any] | None = plain(step, **values)
    except OverflowError:
        expected = None
    words, arrays = split(values)
    store = ArrayStore(arrays)
    try:
        transition = run_tracked(step, words, store, 0, 1)
    except OverflowError:
        return
    if transition.effect.fits(words, arrays):
        apply_effect(transition.effect, words, store)
        assert expected is not None
        assert np.array_equal(arrays["a"], expected["a"])


def test_elements_are_named_by_one_index_an_axis() -> None:
    def step(state: Any) -> None:
        state.add("a", 5, at=(1, -1))
        state.maximum("z", 5, at=())

    found = both(step, a=np.zeros((2, 3), int), z=np.array(1))
    assert found["a"].tolist() == [[0, 0, 0], [0, 0, 5]]
    assert found["z"] == 5
    for at in ((0, 7), (9, 0), 0, (0, 0, 0), (0, 1.0), "0", slice(0, 1)):
        for run in (plain, tracked):
            with pytest.raises((IndexError, TypeError)):
                run(lambda state, at=at: state.add("a", 1, at=at), a=np.zeros((2, 3), int))
