"""Arrays as a step function sees them: they answer as numpy's own do, and cannot be written past the state."""

from __future__ import annotations

import copy
import operator
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc_toy.tracking.arrays import TrackedArray
from asc_toy.tracking.elements import Elements, ElementTracker, frozen
from asc_toy.tracking.guarded import GuardedArray, alias, guarded

Ask = Callable[[Any], Any]


def forms(array: np.ndarray) -> dict[str, Any]:
    """The same contents plainly, guarded, and tracked."""
    return {
        "plain": array.copy(),
        "guarded": guarded(array.copy(), ElementTracker(array.copy())),
        "tracked": TrackedArray(ElementTracker(array.copy())),
    }


def tracked(array: Any) -> tuple[TrackedArray, ElementTracker]:
    tracker = ElementTracker(np.array(array))
    return TrackedArray(tracker), tracker


MATRIX = np.array([[3, -1, 2], [0, 7, 5]])
ANSWERS: dict[str, tuple[np.ndarray, Ask]] = {
    "sum": (MATRIX, lambda a: a.sum()),
    "np.sum": (MATRIX, np.sum),
    "sum of a row": (MATRIX, lambda a: a[1].sum()),
    "max along an axis": (MATRIX, lambda a: a.max(axis=0)),
    "mean": (MATRIX, lambda a: a.mean()),
    "any": (MATRIX, lambda a: a.any()),
    "argmin": (MATRIX, lambda a: a.argmin()),
    "arithmetic": (MATRIX, lambda a: (a * 2 - 1) // 3 % 4),
    "reflected": (MATRIX, lambda a: 2 ** a.clip(0) - 10 / (a + 0.5)),
    "comparison": (MATRIX, lambda a: (a > 2) & (a != 7) | ~(a < 1)),
    "negation": (MATRIX, lambda a: (-a, +a, abs(a), a.T, divmod(a, 3))),
    "matmul": (MATRIX, lambda a: a @ a.T),
    "matmul of a row": (MATRIX, lambda a: a[0] @ a[1]),
    "with an array before": (MATRIX, lambda a: np.ones((2, 3)) + a),
    "ufunc": (MATRIX, lambda a: np.add(a, a)),
    "ufunc out": (MATRIX, lambda a: np.add(a, 1, out=np.zeros((2, 3), int))),
    "ufunc two outs": (MATRIX, lambda a: np.divmod(a, 2, out=(np.zeros((2, 3), int), None))),
    "ufunc where": (MATRIX > 1, lambda a: np.add(1, 2, out=np.zeros((2, 3), int), where=a)),
    "reduce": (MATRIX, lambda a: np.add.reduce(a, axis=1)),
    "outer": (MATRIX, lambda a: np.multiply.outer(a, a)),
    "accumulate": (MATRIX, np.add.accumulate),
    "where": (MATRIX, lambda a: np.where(a > 2, a, 0)),
    "concatenate": (MATRIX, lambda a: np.concatenate([a, a])),
    "einsum": (MATRIX, lambda a: np.einsum("ij,ij->", a, a)),
    "unique": (MATRIX, lambda a: np.unique(a % 3)),
    "median": (MATRIX, np.median),
    "norm": (MATRIX, np.linalg.norm),
    "array_equal": (MATRIX, lambda a: np.array_equal(a, MATRIX)),
    "array": (MATRIX, lambda a: np.array(a, dtype=float)),
    "len": (MATRIX, len),
    "list": (MATRIX, list),
    "tolist": (MATRIX, lambda a: a.tolist()),
    "reversed": (MATRIX, lambda a: [row.tolist() for row in reversed(a)]),
    "contains": (MATRIX, lambda a: (7 in a, 8 in a)),
    "sorted": (MATRIX[0], sorted),
    "builtin sum": (MATRIX[0], sum),
    "builtin max": (MATRIX[0], max),
    "str": (MATRIX, str),
    "repr": (MATRIX, repr),
    "repr of a row": (MATRIX, lambda a: repr(a[0])),
    "format": (np.array(2.5), lambda a: f"{a:.3f} {a!r} {a!s}"),
    "bytes": (MATRIX, bytes),
    "tobytes": (MATRIX, lambda a: a[:, 1].tobytes()),
    "bool": (np.array([0]), bool),
    "truth": (np.array([1]), lambda a: "yes" if a else "no"),
    "not": (np.array(0.0), operator.not_),
    "int": (np.array(5), int),
    "float": (np.array(5), float),
    "complex": (np.array(5), complex),
    "index": (np.array(1), lambda a: "abc"[a]),
    "as an index": (np.array([1, 0]), lambda a: np.arange(9)[a]),
    "as a mask": (np.array([True, False]), lambda a: np.arange(2)[a]),
    "as a bound": (np.array(2), lambda a: np.arange(9)[:a]),
    "round": (np.array([1.26]), lambda a: a.round(1)),
    "item": (np.array(5), lambda a: a.item()),
    "empty": (np.zeros((0, 3)), lambda a: (a.sum(), a.shape, list(a))),
    "0-d": (np.array(3), lambda a: (a[()], a[...] + 1, a.ndim)),
    "dates": (np.array(["2020-01-01"], "M8[D]"), lambda a: a + np.timedelta64(1, "D")),
    "text": (np.array(["ab", "c"]), lambda a: (a[0], a == "c")),
    "isinstance": (MATRIX, lambda a: isinstance(a, np.ndarray)),
    "hashable": (MATRIX, lambda a: a.__hash__ is None),
    "copy": (MATRIX, copy.copy),
    "deepcopy": (MATRIX, copy.deepcopy),
    "pickle": (MATRIX, lambda a: pickle.loads(pickle.dumps(a))),
    "shape": (MATRIX, lambda a: (a.shape, a.dtype, a.ndim, a.size, a.itemsize, a.nbytes, a.strides)),
    "fancy": (MATRIX, lambda a: (a[[0, 1], [2, 0]], a[a > 2], a[:, [1, 1]])),
    "newaxis": (MATRIX, lambda a: a[:, None, 1:]),
    "float array": (MATRIX / 2, lambda a: np.sqrt(abs(a)).astype(np.float32)),
}


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple | list):
        assert type(found) is type(expected)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()
    else:
        assert type(found) is type(expected)
        assert found == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_those_of_the_array(name: str) -> None:
    array, ask = ANSWERS[name]
    found = {form: ask(value) for form, value in forms(array).items()}
    assert_same(found["guarded"], found["plain"])
    assert_same(found["tracked"], found["plain"])


@pytest.mark.parametrize(
    ("array", "ask", "error"),
    [
        (MATRIX, bool, ValueError),
        (MATRIX, int, TypeError),
        (MATRIX, hash, TypeError),
        (np.array(1), len, TypeError),
        (np.array(1), list, TypeError),
        (np.array([1.5]), lambda a: "abc"[a], TypeError),
        (MATRIX, lambda a: a[5], IndexError),
        (MATRIX[0], lambda a: a[-4], IndexError),
        (MATRIX, lambda a: a.nothing, AttributeError),
        (MATRIX, lambda a: a.__setitem__((0, 5), 1), IndexError),
        (MATRIX, lambda a: a.__setitem__(0, [1, 2]), ValueError),
        (MATRIX, lambda a: operator.iadd(a, 0.5), TypeError),
        (MATRIX, lambda a: operator.delitem(a, 0), (ValueError, TypeError, AttributeError)),
    ],
)
def test_what_the_array_refuses_is_refused(array: np.ndarray, ask: Ask, error: Any) -> None:
    for value in forms(array).values():
        with pytest.raises(error):
            ask(value)


@pytest.mark.parametrize(
    "write",
    [
        lambda a: np.add(np.asarray(a), 1, out=np.asarray(a)),
        lambda a: np.copyto(np.asarray(a), 1),
        lambda a: a.sort(),
        lambda a: a.fill(0),
        lambda a: a.put([0], 1),
        lambda a: a.partition(1),
        lambda a: np.asarray(a).__setitem__(0, 1),
        lambda a: np.asarray(a[0:1]).__setitem__(0, 1),
        lambda a: a.flat.__setitem__(0, 1),
        lambda a: np.fill_diagonal(a, 1),
        lambda a: a.view(np.uint8).__setitem__(0, 1),
        lambda a: a.byteswap(inplace=True),
        lambda a: np.add.at(a, [0], 1),
        lambda a: memoryview(np.asarray(a)).__setitem__((0, 0), 1),
        lambda a: random.Random(1).shuffle(np.asarray(a).reshape(-1)),
    ],
)
def test_writing_past_the_state_is_refused(write: Ask) -> None:
    for form, value in forms(MATRIX).items():
        if form != "plain":
            with pytest.raises((ValueError, TypeError)):
                write(value)
            assert np.array_equal(value, MATRIX)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[1:],
        lambda a: a[0],
        lambda a: a[:, ::-1],
        lambda a: a[...],
        lambda a: a.T,
        lambda a: a.reshape(-1),
        np.asarray,
        lambda a: next(iter(a)),
        np.atleast_2d,
    ],
)
def test_views_are_read_only_and_live(view: Ask) -> None:
    """They show what is written later, as views of numpy do. Nothing can be written through their memory."""
    for form, value in forms(MATRIX).items():
        if form != "plain":
            found = view(value)
            assert not found.flags.writeable


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: a + 1,
        lambda a: a.copy(),
        lambda a: a[[0, 1]],
        lambda a: a[a > 0],
        np.array,
        np.sort,
        lambda a: a.astype(float),
        copy.copy,
        np.cumsum,
    ],
)
def test_results_are_writable_and_apart(expression: Ask) -> None:
    for value in forms(MATRIX).values():
        result = expression(value)
        assert result.flags.writeable
        result[0] = 99
        result += 1
        assert result.max() == 100
        assert np.array_equal(value, MATRIX)


class Log:
    """A writer that counts writes and carries them out."""

    def __init__(self, buffer: np.ndarray) -> None:
        self.buffer = buffer
        self.writes = 0

    def write(self, key: Any, value: Any, part: np.ndarray | None = None) -> None:
        self.writes += 1
        (self.buffer if part is None else alias(self.buffer, self.buffer, part))[key] = value


def in_place_row(a: Any) -> None:
    a[0] += 1


def in_place_part_of_a_row(a: Any) -> None:
    row = a[1]
    row[1:] *= 3
    row[0] = row[2]


def in_place_transposed(a: Any) -> None:
    turned = a.T
    turned[2] -= 5
    turned[0, 1] = 8


def in_place_reversed(a: Any) -> None:
    a[:, ::-1][0] = [7, 8, 9]


def in_place_flattened(a: Any) -> None:
    a.reshape(-1)[1:5:2] ^= 3


def in_place_iterated(a: Any) -> None:
    for number, row in enumerate(a):
        row.__imul__(number + 2)


def in_place_whole(a: Any) -> None:
    a //= 2
    a **= 2
    a |= 1
    a <<= 2
    a >>= 1
    a &= 127
    a %= 50


def in_place_nothing(a: Any) -> None:
    a[1:1] += 1
    a[5:] = 3


def in_place_matmul(a: Any) -> None:
    a @= np.eye(3, dtype=int)[::-1]


def in_place_itself(a: Any) -> None:
    a += a
    a[0] = a[1]
    a[1:] += a[:1]


@pytest.mark.parametrize(
    "change",
    [
        in_place_row,
        in_place_part_of_a_row,
        in_place_transposed,
        in_place_reversed,
        in_place_flattened,
        in_place_iterated,
        in_place_whole,
        in_place_nothing,
        in_place_matmul,
        in_place_itself,
    ],
)
def test_writes_through_views_reach_the_writer(change: Ask) -> None:
    expected = MATRIX.copy()
    change(expected)
    log = Log(MATRIX.copy())
    view = guarded(log.buffer, log)
    change(view)
    assert np.array_equal(log.buffer, expected)
    assert log.writes
    assert not view.flags.writeable
    handle, tracker = tracked(MATRIX)
    change(handle)
    assert np.array_equal(tracker.buffer, expected)
    changed = tracker.buffer.reshape(-1) != MATRIX.reshape(-1)
    assert np.all(np.frombuffer(tracker.written_flags, bool)[changed])


def test_alias_shows_the_same_elements_and_nothing_else() -> None:
    buffer, marks = np.arange(24).reshape(4, 6), np.zeros((4, 6), bool)
    for part in (buffer[1:3], buffer[::-1, ::2], buffer.T[2], buffer[2, 3:4], buffer[:, 5][..., None], buffer[4:]):
        shown = alias(buffer, buffer, part)
        assert np.array_equal(shown, part)
        assert shown.flags.writeable
        assert part.size == 0 or np.shares_memory(shown, part)
        marks[...] = False
        alias(marks, buffer, part)[...] = True
        assert sorted(buffer[marks]) == sorted(part.reshape(-1))
    with pytest.raises(ValueError, match="assignment destination is read-only, since it shows an array of the state"):
        alias(buffer, buffer, buffer.view(np.uint8))


def test_handle_shows_what_was_written() -> None:
    handle, _ = tracked([1, 2, 3])
    view = handle[1:]
    handle[1] = 9
    assert handle[1] == 9
    assert view[0] == 9


class TestElementTracker:
    def test_only_what_was_not_written_before_counts_as_read(self) -> None:
        handle, tracker = tracked(np.arange(5))
        handle[1] = 7
        assert handle[1] == 7
        assert handle[-1] == 4
        handle[4] = 0
        assert tracker.read_elements().where == slice(4, 5)
        assert tracker.read_elements().values.tolist() == [4]
        assert tracker.written_elements().where.tolist() == [1, 4]  # type: ignore[union-attr]
        assert tracker.written_elements().values.tolist() == [7, 0]

    def test_value_read_is_that_of_the_start(self) -> None:
        handle, tracker = tracked(np.arange(3.0))
        handle[0] += 5
        assert tracker.read_elements().values.tolist() == [0.0]
        assert tracker.written_elements().values.tolist() == [5.0]

    @pytest.mark.parametrize(
        ("key", "elements"),
        [
            (2, [2]),
            (-1, [11]),
            (slice(0, 2), list(range(8))),
            ((1, 2), [6]),
            ((slice(None), 1), [1, 5, 9]),
            (([0, 2], [3, 3]), [3, 11]),
            (np.eye(3, 4, dtype=bool), [0, 5, 10]),
            ((..., 0), [0, 4, 8]),
            ((None, 1), [4, 5, 6, 7]),
            (Ellipsis, list(range(12))),
        ],
    )
    def test_key_notes_just_its_elements(self, key: Any, elements: list[int]) -> None:
        array = np.arange(12) if isinstance(key, int) else np.arange(12).reshape(3, 4)
        handle, tracker = tracked(array)
        _ = handle[key]
        assert np.flatnonzero(np.frombuffer(tracker.read_flags, bool)).tolist() == elements
        handle, tracker = tracked(array)
        handle[key] = 1
        assert np.flatnonzero(np.frombuffer(tracker.written_flags, bool)).tolist() == elements
        assert not any(tracker.read_flags)

    def test_index_made_of_the_array_itself_is_the_one_before_the_write(self) -> None:
        handle, tracker = tracked([True, False, True])
        handle[handle] = False
        assert tracker.written_elements().where.tolist() == [0, 2]  # type: ignore[union-attr]
        handle, tracker = tracked([1, 2, 0, 0])
        handle[handle[:2]] = 3
        assert tracker.buffer.tolist() == [1, 3, 3, 0]
        assert tracker.written_elements().where == slice(1, 3)

    def test_failed_write_counts_as_anything(self) -> None:
        """A step may catch the exception, and how much has been written by then is unknown."""
        handle, tracker = tracked(np.arange(3))
        with pytest.raises(ValueError, match="broadcast"):
            handle[:] = [1, 2]
        assert all(tracker.read_flags)
        assert all(tracker.written_flags)

    def test_undo_puts_every_bit_back(self) -> None:
        odd = np.frombuffer(bytes.fromhex("0100000000 00f87f 0000000000000080"), np.float64).copy()
        handle, tracker = tracked(odd)
        handle[:] = 1.0
        tracker.undo()
        assert tracker.buffer.tobytes() == odd.tobytes()

    @given(
        st.lists(
            st.sampled_from(
                [
                    0,
                    (1, 2),
                    [1, 1, 1, 1, 1, 1],
                    ([0, 0, 0, 0, 0, 0, 0], 2),
                    (slice(None), 1),
                    ...,
                    np.ones((2, 3), bool),
                    np.zeros((2, 3), bool),
                ]
            ),
            max_size=6,
        ),
        st.booleans(),
    )
    def test_undo_of_any_writes_in_any_order(self, keys: list[Any], through_a_view: bool) -> None:
        handle, tracker = tracked(MATRIX)
        view = handle[...] if through_a_view else handle
        for number, key in enumerate(keys):
            view[key] = 100 + number
        assert tracker.was_written is bool(keys)
        tracker.undo()
        assert np.array_equal(tracker.buffer, MATRIX)


class TestElements:
    def test_elements_are_a_slice_where_they_are_neighbours(self) -> None:
        flat = np.arange(6)
        assert Elements.of(flat, flat > 2).where == slice(3, 6)
        assert Elements.of(flat, flat % 2 == 0).where.tolist() == [0, 2, 4]  # type: ignore[union-attr]
        assert Elements.of(flat, flat > 9).values.size == 0

    def test_elements_agree_by_bits(self) -> None:
        elements = Elements.of(np.array([0.0, np.nan]), np.array([True, True]))
        assert elements.agree(np.array([0.0, np.nan]))
        assert not elements.agree(np.array([-0.0, np.nan]))
        assert not elements.agree(np.array([0.0, -np.nan]))

    def test_size_is_that_of_values_and_indices(self) -> None:
        flat = np.arange(6)
        assert Elements.of(flat, flat > 2).nbytes == 24
        assert Elements.of(flat, flat % 2 == 0).nbytes == 48


def test_frozen_index_is_the_same_index() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    bound = np.array(2)
    for key in (0, True, None, ..., slice(1, None), (1, slice(None, bound)), [], [0, 1], ([0], [1]), np.array([1]), ()):
        assert np.array_equal(array[frozen(key)], array[key])
    assert frozen(slice(bound)) == slice(2)


def test_copy_of_a_guarded_array_is_ordinary() -> None:
    """It has no writer, and its own memory."""
    result = guarded(np.arange(3), Log(np.arange(3))).copy()
    assert type(result) is GuardedArray
    result[1:] += 5
    assert result.tolist() == [0, 6, 7]
