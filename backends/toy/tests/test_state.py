"""What a step function sees: an ordinary object; its accumulations; and what is refused in a sentence."""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from hypothesis import given, settings
from hypothesis import strategies as st
from ways import computation, ends_alike, is_leapt_over

from asc.errors import AscError
from asc_toy.state import OPERATIONS, RESERVED, Accumulating, State, check, copied, plain_state


class Colour(enum.IntEnum):
    RED = 1


class Meters(np.ndarray):
    pass


@dataclasses.dataclass
class Account:
    balance: float = 0.0


VALUES: list[Any] = [
    *(0, -(10**50), True, 1.5, float("nan"), b"", "ä", np.float32(2), np.str_("x"), np.datetime64("2020-01-01")),
    *(None, 1j, Colour.RED, (1, "x"), [1, [2]], {"a": {}}, {1}, deque([1], 3), Account(2.0)),
    np.arange(4).reshape(2, 2).view(np.matrix),
    np.ma.masked_array([1, 2], [0, 1]),
    np.arange(3.0).view(Meters),
    np.zeros((2, 3), order="F"),
    np.arange(12).reshape(3, 4)[:, ::2],
    np.zeros(2, [("x", int), ("y", float)]),
    np.array([None, [1]], object),
    np.array(5, ">i4"),
]


def held_by_closure(value: Any) -> Callable[[], Any]:
    return lambda: value


class TestPlainObject:
    @pytest.mark.parametrize("value", VALUES, ids=[f"{i}-{type(value).__name__}" for i, value in enumerate(VALUES)])
    def test_its_attributes_are_the_values_themselves(self, value: Any) -> None:
        check({"x": value})
        state = plain_state({"x": value})
        assert state.x is value  # type: ignore[attr-defined]
        assert vars(state) == {"x": value} or value is not None
        mine = copied({"x": value})["x"]
        assert type(mine) is type(value)
        if isinstance(value, np.ndarray):
            assert (mine.dtype, mine.shape, mine.flags.f_contiguous) == (
                value.dtype,
                value.shape,
                value.flags.f_contiguous,
            )

    def test_it_has_no_say_in_reading_and_writing(self) -> None:
        """So plain steps cost what Python's attributes cost, and do what they do."""
        for hook in ("__getattribute__", "__setattr__", "__delattr__", "__eq__", "__hash__", "__init__", "__repr__"):
            assert getattr(State, hook) is getattr(object, hook)
        assert "__getattr__" not in dir(State)
        assert not any(isinstance(value, property) for cls in State.__mro__ for value in vars(cls).values())

    def test_attributes_come_and_go(self) -> None:
        state: Any = plain_state({"n": 0, "x": 1})
        state.late, state._hidden = [1], 2
        setattr(state, "not a name", 3)
        del state.x
        vars(state)["more"] = state.late
        assert state.more is state.late
        assert list(vars(state)) == ["n", "late", "_hidden", "not a name", "more"]
        with pytest.raises(AttributeError, match="'State' object has no attribute 'x'"):
            state.x  # noqa: B018
        with pytest.raises(AttributeError):
            del state.x

    def test_copies_share_nothing_with_the_values_given(self) -> None:
        given = {"items": [1], "a": np.zeros(2), "n": 1}
        mine = copied(given)
        mine["items"].append(2)
        mine["a"][0] = 7
        assert given["items"] == [1]
        assert given["a"].tolist() == [0, 0]

    def test_one_object_under_two_names_stays_one(self) -> None:
        items, array = [1], np.zeros(2)
        mine = copied({"a": items, "b": {"x": items}, "c": array, "d": array})
        assert mine["b"]["x"] is mine["a"]
        assert mine["c"] is mine["d"]


class TestRefused:
    @pytest.mark.parametrize(
        ("value", "phrase"),
        [
            (np.void(b"abc"), "numbers of dtype"),
            (np.zeros(1, "i4,f4")[0], "numbers of dtype"),
            (np.longdouble(1), "numbers of dtype"),
            (object(), r"a bare `object\(\)`"),
            (iter([1]), "an iterator|iterator"),
            (held_by_closure(VALUES), "the function"),
            ({"log": [sys.stdout]}, r"at \['log'\]\[0\]"),
            (sys, "a module"),
        ],
    )
    def test_values_that_cannot_be_compared(self, value: Any, phrase: str) -> None:
        with pytest.raises(AscError, match=rf"The word 'x' holds .*({phrase}).*, which a state cannot hold"):
            check({"x": value})

    @pytest.mark.parametrize("name", ["_x", "a b", "1x", "", 5, *sorted(RESERVED)])
    def test_names_that_are_none(self, name: Any) -> None:
        with pytest.raises(AscError, match="cannot name a word: use a Python identifier without a leading underscore"):
            check({name: 1})

    def test_reserved_are_the_methods(self) -> None:
        assert set(OPERATIONS) | {"accumulate", "once"} == RESERVED

    @pytest.mark.parametrize(
        "share",
        [
            lambda a: {"a": a, "b": a[1:]},
            lambda a: {"a": a, "b": a.reshape(2, 2)},
            lambda a: {"a": a, "b": [a[::2]]},
            lambda a: {"a": a[::2], "b": {"x": a[:1]}},
            lambda a: {"a": a.view(np.uint8), "n": 0, "b": a},
        ],
    )
    def test_arrays_that_share_memory(self, share: Any) -> None:
        with pytest.raises(
            AscError, match=r"The arrays '[ab]' and '[ab]' share memory. Copy one of them with .copy\(\)"
        ):
            check(share(np.arange(4)))

    def test_arrays_side_by_side_share_none(self) -> None:
        whole = np.arange(4)
        check({"a": whole[:2], "b": whole[2:], "c": whole[0:0]})
        check({"a": whole[::2], "b": whole[1::2]})


def raises_everywhere(expected: type[Exception], match: str, operation: str, *arguments: Any, **values: Any) -> None:
    """Plainly, and in supersteps that may be tracked: there the step catches the error and keeps its sentence."""
    with pytest.raises(expected, match=match) as caught:
        getattr(plain_state(copied(values)), operation)(*arguments)

    def step(state: Any) -> None:
        try:
            getattr(state, operation)(*arguments)
        except Exception as error:  # noqa: BLE001
            state.caught = f"{type(error).__name__}: {error}"

    for record in (True, False):
        found = computation(step, {**values, "caught": ""})
        found.advance(2, record=record)
        assert found.result()["caught"] == f"{expected.__name__}: {caught.value}"


class TestAccumulations:
    def test_what_they_do(self) -> None:
        state: Any = plain_state({"x": 12, "a": np.array([12, 5]), "m": np.zeros((2, 3), int), "z": np.array(1)})
        state.add("x", 5)
        assert state.x == 17
        state.minimum("x", 10)
        state.maximum("x", 11)
        assert state.x == 11
        state.bit_and("x", 9)
        state.bit_or("x", 4)
        state.bit_xor("x", 1)
        assert state.x == 12
        state.add("a", -3, at=0)
        state.maximum("a", 7, at=-1)
        assert state.a.tolist() == [9, 7]
        state.add("m", 5, at=(1, -1))
        state.add("m", 1, (0, 0))
        assert state.m.tolist() == [[1, 0, 0], [0, 0, 5]]
        state.maximum("z", 5, at=())
        assert state.z == 5

    @pytest.mark.parametrize("value", [1.5, np.int64(1), "1", None])
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_only_integers_accumulate(self, operation: str, value: Any) -> None:
        match = rf"state.{operation}\('x', …\) takes an int, not .*: only integers accumulate in any order"
        raises_everywhere(TypeError, match, operation, "x", value, x=0)

    @pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"add"}))
    def test_the_smaller_of_a_number_and_a_truth_value_depends_on_the_order(self, operation: str) -> None:
        match = rf"state.{operation}\('x', …\) takes an int, not bool"
        raises_everywhere(TypeError, match, operation, "x", True, x=1)

    @pytest.mark.parametrize("record", [True, False])
    def test_an_added_truth_value_counts_as_a_number(self, record: bool) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.add("even", state.n % 2 == 0)
            state.add("by", state.n % 2 == 0, at=state.n % 3)

        found = computation(step, {"n": 0, "even": 0, "by": np.zeros(3, int)})
        found.advance(4, record=record)
        end = found.result()
        assert (type(end["even"]), end["even"], end["by"].tolist()) == (int, 2, [0, 1, 1])

    @pytest.mark.parametrize("value", [Colour.RED, 1.5, "1"])
    @pytest.mark.parametrize("name", ["n", "f", "missing"])
    def test_a_step_that_catches_the_error_ends_as_its_own_loop(self, name: str, value: Any) -> None:
        def step(state: Any) -> None:
            try:
                state.add(name, value)
            except (TypeError, AttributeError) as error:
                state.caught = type(error).__name__

        values = {"n": 0, "f": 0.5, "caught": ""}
        found = [computation(step, values) for _ in range(2)]
        for each, record in zip(found, (True, False), strict=True):
            each.advance(2, record=record)
        assert difference(found[0].result(), found[1].result()) == ""

    @pytest.mark.parametrize("record", [True, False])
    def test_an_addition_is_done_once(self, record: bool) -> None:
        """Of an overflow there is one warning."""
        found = computation(lambda state: state.add("x", 1), {"x": np.int64(2**63 - 1)})
        with pytest.warns(RuntimeWarning, match="overflow") as shown:
            found.advance(1, record=record)
        assert len(shown) == 1

    def test_only_integer_arrays_accumulate(self) -> None:
        match = r"state.add\('a', …, at=…\) needs an array of integers, and this is {}. Write state.a\[…\] = …"
        raises_everywhere(TypeError, match.format("float64"), "add", "a", 1, 0, a=np.zeros(2))
        raises_everywhere(TypeError, match.format("bool"), "add", "a", 1, 0, a=np.zeros(2, bool))
        dates = np.zeros(2, "M8[ns]")
        raises_everywhere(TypeError, match.format(r"datetime64\[ns\]"), "add", "a", 1, 0, a=dates)
        raises_everywhere(TypeError, match.format("list"), "add", "a", 1, 0, a=[1, 2])
        raises_everywhere(TypeError, match.format("int"), "add", "a", 1, 0, a=5)

    def test_arrays_need_an_index(self) -> None:
        match = r"state.add\('a', …\) needs at=…, the index of an element: 'a' is an array"
        raises_everywhere(TypeError, match, "add", "a", 1, a=np.zeros(2, int))

    def test_missing_words_are_named(self) -> None:
        raises_everywhere(AttributeError, "'State' object has no attribute 'tota1'", "add", "tota1", 1, total=1)
        raises_everywhere(
            AttributeError, "'State' object has no attribute 'b'", "maximum", "b", 1, 0, a=np.zeros(1, int)
        )

    @pytest.mark.parametrize("at", [(0, 7), (9, 0), (0, -4)])
    def test_elements_outside_are_refused(self, at: Any) -> None:
        raises_everywhere(IndexError, "out of bounds", "add", "a", 1, at, a=np.zeros((2, 3), int))

    @pytest.mark.parametrize("at", [0, (0, 0, 0), (0, True), (True, 0)])
    def test_elements_are_named_by_one_index_an_axis(self, at: Any) -> None:
        match = "needs one integer index for each axis, and the array has 2"
        raises_everywhere(TypeError, match, "add", "a", 1, at, a=np.zeros((2, 3), int))

    @pytest.mark.parametrize("at", [True, slice(0, 1), 1.0, "0", [0], None])
    def test_elements_are_named_by_integers(self, at: Any) -> None:
        state = plain_state({"a": np.zeros(3, int)})
        with pytest.raises((TypeError, IndexError)):
            state.add("a", 1, at=at)
        assert vars(state)["a"].tolist() == [0, 0, 0]

    def test_numpy_integers_are_indices(self) -> None:
        def step(state: Any) -> None:
            state.add("a", 2, at=np.int8(state.n % 3))
            state.add("m", 1, at=(np.uint8(1), -1))
            state.n += 1

        is_leapt_over(step, n=0, a=np.zeros(3, int), m=np.zeros((2, 2), np.uint8, order="F"))

    def test_element_that_overflows_raises_and_keeps_its_value(self) -> None:
        raises_everywhere(OverflowError, "out of bounds", "add", "a", 200, 0, a=np.array([100], np.uint8))
        state: Any = plain_state({"a": np.array([100], np.uint8)})
        with pytest.raises(OverflowError):
            state.add("a", 200, at=0)
        assert state.a.tolist() == [100]


Operations = list[tuple[str, int]]


@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(-300, 300)), max_size=6),
    st.sampled_from([3, -(2**70), 2.5, True, np.int64(5), "x", None]),
)
def test_quick_methods_do_what_the_general_one_does(operations: Operations, start: Any) -> None:
    quick, general = (plain_state({"x": start, "a": np.array([7, 100], np.int16)}) for _ in range(2))
    accumulate = general.accumulate
    for operation, value in operations:
        method, at = getattr(quick, operation), value % 3 - 1
        assert outcome(method, "x", value) == outcome(accumulate, operation, "x", value, None)
        assert outcome(method, "a", value, at) == outcome(accumulate, operation, "a", value, at)
    one, other = vars(quick), vars(general)
    assert (type(one["x"]), one["x"], one["a"].tolist()) == (type(other["x"]), other["x"], other["a"].tolist())


def outcome(call: Any, *arguments: Any) -> object:
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001
        return type(error), str(error)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(-300, 300)), max_size=4),
    st.sampled_from([3, -(2**70), True, np.int64(5)]),
)
def test_accumulation_of_words_is_what_it_is_plainly(operations: Operations, start: Any) -> None:
    def step(state: Any) -> None:
        for operation, value in operations:
            getattr(state, operation)("x", value)

    is_leapt_over(step, x=start)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 1), st.integers(-3, 30)), max_size=4),
    st.sampled_from(["u1", "i1", "i8", "u8"]),
)
def test_accumulation_into_elements_is_what_it_is_plainly(operations: list[tuple[str, int, int]], dtype: str) -> None:
    """The range of the element included."""

    def step(state: Any) -> None:
        for operation, at, value in operations:
            try:
                getattr(state, operation)("a", value, at=at)
            except OverflowError:
                state.full = True

    ends_alike(step, a=np.array([100, 7], dtype), full=False)


def test_every_accumulation_is_a_method_of_every_state() -> None:
    for operation in OPERATIONS:
        assert getattr(State, operation).__name__ == operation
        assert getattr(State, operation).__doc__ == getattr(Accumulating, operation).__doc__
