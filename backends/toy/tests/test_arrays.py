"""Arrays as a step function sees them: they answer as numpy's own do, and no write to them goes unseen."""

from __future__ import annotations

import copy
import ctypes
import operator
import pickle
import random
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from asc_toy.tracking.arrays import TrackedArray
from asc_toy.tracking.elements import Elements, ElementTracker
from asc_toy.tracking.increments import ElementIncrements
from asc_toy.tracking.marks import Flags
from asc_toy.tracking.memory import differing, flat, flat_index, is_by_element, positions, union
from asc_toy.tracking.operands import frozen, is_inert

Ask = Callable[[Any], Any]


def forms(array: np.ndarray) -> dict[str, Any]:
    """The same contents plainly, tracked by element, and tracked as a whole."""
    return {"plain": array.copy("K"), "tracked": tracked(array)[0], "whole": tracked(array, whole=True)[0]}


def tracked(array: Any, *, whole: bool = False) -> tuple[Any, ElementTracker]:
    tracker = ElementTracker(np.array(array), [], whole=whole)
    return tracker.handle, tracker


def places(elements: Elements, size: int) -> list[int]:
    """Return the indices of elements as a list."""
    found: list[int] = np.arange(size)[elements.where].tolist()
    return found


def read_places(tracker: ElementTracker) -> list[int]:
    return places(tracker.read_elements(), tracker.buffer.size)


def written_places(tracker: ElementTracker) -> list[int]:
    return places(tracker.written_elements(), tracker.buffer.size)


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
    "powers": ((MATRIX + 2) / 7, lambda a: (abs(a) ** 0.5, a**2, a**-1, 2.0**a, abs(a) ** np.float32(0.5), pow(a, 3))),
    "comparison of other kinds": (np.array(["2020-01-01"], "M8[D]"), lambda a: (a == "x", a != "x", a == [None])),
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
    "from an object": (MATRIX, lambda a: (a + Fraction(1, 2), Fraction(1, 2) * a, a == None)),  # noqa: E711
    "ufunc out of another": (MATRIX, lambda a: np.add(a, a, out=np.ones((2, 3), int), where=a > 0)),
    "reduce with options": (MATRIX, lambda a: (a.sum(where=a > 0), a.max(initial=100), np.add.reduceat(a, [0, 1], 1))),
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
        assert found.tolist() == expected.tolist() if found.dtype == object else found.tobytes() == expected.tobytes()
    else:
        assert type(found) is type(expected)
        assert found == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_those_of_the_array(name: str) -> None:
    array, ask = ANSWERS[name]
    found = {form: ask(value) for form, value in forms(array).items()}
    assert_same(found["tracked"], found["plain"])
    assert_same(found["whole"], found["plain"])


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


def memory(a: Any) -> ctypes.Array[Any]:
    return (ctypes.c_int64 * a.size).from_address(a.ctypes.data)


def set_pointer(a: Any) -> None:
    memory(a)[3] = 77


def set_protected(a: Any) -> None:
    real = np.asarray(a)
    real.setflags(write=False)
    real.setflags(write=True)
    real[2:4] = 8


def set_through_memoryview(a: Any) -> None:
    memoryview(np.asarray(a))[2] = 9


def set_with_torch(a: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.from_numpy(np.asarray(a)).add_(1)
    torch.as_tensor(a).mul_(2)


def set_kept_view_later(a: Any) -> None:
    view = a[1:4]
    a[2] = 50
    view[0] = view[1] + 1


def set_overlapping_views(a: Any) -> None:
    low, high = a[:5], a[3:][::-1]
    low += 10
    high *= 2
    a[2:6] = low[1:5]


def set_while_iterating(a: Any) -> None:
    for index, value in enumerate(a):
        a[index] = value + 1


def set_random(a: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numpy doubts an array that is no list and no array to it
        np.random.default_rng(3).shuffle(a)


ESCAPES: dict[str, Ask] = {
    "add.at": lambda a: np.add.at(a, [1, 1], 1),
    "subtract.at": lambda a: np.subtract.at(a, 2, 5),
    "out": lambda a: np.negative(a, out=a),
    "out of a reduction": lambda a: np.add.accumulate(a, out=a),
    "two outs": lambda a: np.divmod(np.arange(6), 4, out=(None, a)),
    "out and where": lambda a: np.add(a, 100, out=a, where=a > 2),
    "clip": lambda a: np.clip(a, 1, 3, out=a),
    "put": lambda a: np.put(a, [0, -1], [40, 50]),
    "put method": lambda a: a.put([0], 1),
    "copyto": lambda a: np.copyto(a, 9, where=[True, False] * 3),
    "place": lambda a: np.place(a, a > 2, [-1, -2]),
    "putmask": lambda a: np.putmask(a, a > 2, a * 10),
    "fill_diagonal": lambda a: np.fill_diagonal(a.reshape(2, 3), 9),
    "put_along_axis": lambda a: np.put_along_axis(a, np.array([1, 2]), 8, 0),
    "fill": lambda a: a.fill(3),
    "sort": lambda a: a[::-1].sort(),
    "sort method": lambda a: a.sort(),
    "partition": lambda a: a.partition(2),
    "byteswap": lambda a: a.byteswap(inplace=True),
    "flat": lambda a: operator.setitem(a.flat, 3, 1),
    "flat all": lambda a: setattr(a, "flat", 1),
    "real": lambda a: setattr(a, "real", 6),
    "view of bytes": lambda a: operator.setitem(a.view(np.uint8), 8, 200),
    "reshape": lambda a: operator.setitem(a.reshape(2, 3), (1, 1), 7),
    "ravel": lambda a: operator.iadd(a.ravel(), 1),
    "transposed": lambda a: operator.iadd(a.reshape(2, 3).T[1], 1),
    "setfield": lambda a: a.setfield(7, np.int64),
    "nditer": lambda a: [operator.setitem(one, ..., 5) for one in np.nditer(a, op_flags=["readwrite"])],
    "shuffle": set_random,
    "random.shuffle": lambda a: random.Random(1).shuffle(a),
    "memoryview": set_through_memoryview,
    "ctypes": set_pointer,
    "setflags": set_protected,
    "torch": set_with_torch,
    "dlpack": lambda a: operator.setitem(np.from_dlpack(a), 0, 4),
    "a view kept": set_kept_view_later,
    "overlapping views": set_overlapping_views,
    "a reversed view": lambda a: operator.setitem(a[::-1], slice(0, 2), 4),
    "a strided view": lambda a: operator.iadd(a[1::2], 3),
    "an empty view": lambda a: operator.iadd(a[3:3], 3),
    "iterating": set_while_iterating,
    "in place": lambda a: operator.ipow(a, 2),
    "in place with another": lambda a: operator.iadd(np.asarray(a), a),
    "masked array": lambda a: operator.setitem(np.ma.asarray(a), 0, 4),
    "a mask of itself": lambda a: operator.setitem(a, a > 2, 0),
    "an index of itself": lambda a: operator.setitem(a, a, a[::-1] * 2),
    "a subclass": lambda a: operator.setitem(a.view(np.matrix), (0, 1), 12),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of np.matrix
@pytest.mark.parametrize("name", ESCAPES)
def test_no_write_escapes(name: str) -> None:
    start = np.array([3, 1, 5, 0, 2, 4])
    expected = start.copy()
    ESCAPES[name](expected)
    for whole in (False, True):
        handle, tracker = tracked(start, whole=whole)
        ESCAPES[name](handle)
        assert tracker.buffer.tolist() == expected.tolist()
        assert tracker.was_written is (name != "an empty view")
        assert written_places(tracker) == np.flatnonzero(start != expected).tolist()
        assert tracker.written_elements().values.tolist() == expected[start != expected].tolist()
        tracker.undo()
        assert tracker.buffer.tolist() == start.tolist()


def test_a_leap_counts_add_at_twice_where_an_index_is_there_twice() -> None:
    handle, tracker = tracked(np.zeros(3, int))
    for _ in range(10):
        np.add.at(handle, [1, 1], 1)
    assert tracker.written_elements().values.tolist() == [20]


@pytest.mark.parametrize(
    "change",
    [
        lambda a: setattr(a, "shape", (2, 3)),
        lambda a: setattr(np.asarray(a), "dtype", np.uint64),
        lambda a: np.asarray(a).setflags(write=False),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("whole", [False, True])
def test_change_of_the_array_itself_is_refused_at_the_end_and_undone(change: Ask, whole: bool) -> None:
    handle, tracker = tracked(np.arange(6), whole=whole)
    change(handle)
    sentence = "the step changed the shape, the dtype or the flags of an array in place; give the name a new array"
    with pytest.raises(TypeError, match=sentence):
        _ = tracker.was_written
    with pytest.raises(TypeError, match=sentence):
        tracker.written_elements()
    tracker.undo()
    assert tracker.buffer.tolist() == list(range(6))
    assert tracker.buffer.flags.writeable


@pytest.mark.parametrize(
    "ask",
    [
        memoryview,
        lambda a: __import__("hashlib").sha256(a),
        lambda a: __import__("zlib").crc32(a),
        lambda a: pytest.importorskip("torch").from_numpy(a),
        lambda a: np.random.default_rng(1).permuted(a, out=a),
        lambda a: np.frombuffer(a, np.uint8),
        lambda a: np.arange(6).cumsum(out=a),
    ],
)
def test_compiled_code_that_wants_memory_refuses_a_tracked_array_and_takes_a_whole_one(ask: Ask) -> None:
    handle, tracker = tracked(np.arange(6))
    with pytest.raises(TypeError):
        ask(handle)
    assert tracker.buffer.tolist() == list(range(6))
    ask(tracked(np.arange(6), whole=True)[0])
    ask(np.asarray(handle))


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[1:],
        lambda a: a[0],
        lambda a: a[:, ::-1],
        lambda a: a[...],
        lambda a: a[:, None],
        lambda a: a.T,
        lambda a: a.reshape(-1),
        np.asarray,
        lambda a: next(iter(a)),
        np.atleast_2d,
    ],
)
def test_views_are_real_and_live(view: Ask) -> None:
    for value in forms(MATRIX).values():
        found = view(value)
        assert np.shares_memory(found, np.asarray(value))
        value[0, 0] = 88
        assert 88 in found or found.size < 6
        found[...] = 99
        assert 99 in np.asarray(value)


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
        copy.deepcopy,
        np.cumsum,
        lambda a: pickle.loads(pickle.dumps(a)),
    ],
)
def test_results_are_arrays_of_their_own(expression: Ask) -> None:
    for value in forms(MATRIX).values():
        result = expression(value)
        assert type(result) is np.ndarray
        result[0] = 99
        result += 1
        assert result.max() == 100
        assert np.array_equal(value, MATRIX)


class Grabber:
    """An operand of another library, which gets the array itself and writes to it."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        for one in inputs:
            if isinstance(one, np.ndarray):
                one[0] = 99
        return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda a: a + Grabber(),
        lambda a: Grabber() < a,
        lambda a: Grabber() in a,
        lambda a: np.add(a, Grabber()),
        lambda a: np.add(a, a, where=Grabber()),
        lambda a: operator.iadd(a, Grabber()),
    ],
)
def test_operand_of_another_library_may_write_to_the_array(ask: Ask) -> None:
    handle, tracker = tracked(np.array([1]))
    ask(handle)
    assert tracker.written_elements().values.tolist() == [99]


def test_in_place_operators_and_out_return_the_array_of_the_state() -> None:
    handle, _ = tracked(MATRIX)
    other, _ = tracked(MATRIX)
    before = handle
    handle += 1
    handle @= np.eye(3, dtype=int)
    assert handle is before
    assert np.add(MATRIX, 1, out=handle) is handle
    assert all(one is two for one, two in zip(np.divmod(MATRIX, 2, out=(handle, other)), (handle, other), strict=True))
    assert np.sum(MATRIX, axis=None, out=tracked(np.array(0))[0]).shape == ()
    assert np.clip(MATRIX, 0, 1, out=handle) is handle
    assert np.atleast_1d(handle) is handle
    assert np.asarray(handle) is np.asarray(handle)


def test_pickle_that_holds_the_memory_is_seen() -> None:
    handle, tracker = tracked(np.arange(4))
    held: list[pickle.PickleBuffer] = []
    pickle.dumps(handle, protocol=5, buffer_callback=held.append)
    held[0].raw()[0] = 9
    assert tracker.written_elements().values.tolist() == [9]


class TestElementTracker:
    def test_only_what_was_not_written_before_counts_as_read(self) -> None:
        handle, tracker = tracked(np.arange(5))
        handle[1] = 7
        assert handle[1] == 7
        assert handle[-1] == 4
        handle[4] = 0
        assert tracker.read_elements().where == slice(4, 5)
        assert tracker.read_elements().values.tolist() == [4]
        assert written_places(tracker) == [1, 4]
        assert tracker.written_elements().values.tolist() == [7, 0]

    def test_value_read_is_that_of_the_start(self) -> None:
        handle, tracker = tracked(np.arange(3.0))
        handle[0] += 5
        assert tracker.read_elements().values.tolist() == [0.0]
        assert tracker.written_elements().values.tolist() == [5.0]

    def test_written_with_its_own_value_counts_only_where_nothing_read_it(self) -> None:
        handle, tracker = tracked(np.arange(3))
        handle[0] = 0
        handle[1] = handle[1]
        assert written_places(tracker) == [0]
        assert read_places(tracker) == [1]

    def test_elements_that_were_only_read_and_those_that_changed_are_both_as_at_the_start(self) -> None:
        handle, tracker = tracked(np.arange(4))
        handle[1] += handle[0] + 5
        handle[2:3] += 5
        assert tracker.read_elements().values.tolist() == [0, 1, 2]

    def test_answer_is_new_where_the_step_goes_on(self) -> None:
        handle, tracker = tracked(np.arange(4))
        for index in range(4):
            _ = handle[index]
            assert read_places(tracker) == list(range(index + 1))
            handle[index] = 9
            assert written_places(tracker) == list(range(index + 1))

    def test_another_array_as_a_value_is_only_read(self) -> None:
        handle, tracker = tracked(np.arange(4))
        other, source = tracked(np.arange(4))
        handle[:] = other
        assert source.was_read
        assert not source.was_written
        assert not source.opened
        assert not tracker.was_read

    def test_values_are_compared_by_bits(self) -> None:
        handle, tracker = tracked(np.array([0.0, np.nan, 1.0]))
        view = handle[:]
        view[0] = -0.0
        view[1] = np.nan
        view[2] = 1.0
        assert written_places(tracker) == [0]

    @pytest.mark.parametrize(
        ("key", "elements"),
        [
            (2, [2]),
            (-1, [11]),
            (np.int64(3), [3]),
            (slice(0, 2), list(range(8))),
            ((1, 2), [6]),
            ((-1, -1), [11]),
            ((slice(None), 1), [1, 5, 9]),
            (([0, 2], [3, 3]), [3, 11]),
            (np.eye(3, 4, dtype=bool), [0, 5, 10]),
            ((..., 0), [0, 4, 8]),
            ((None, 1), [4, 5, 6, 7]),
            (Ellipsis, list(range(12))),
        ],
    )
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_key_notes_just_its_elements(self, key: Any, elements: list[int], order: Any) -> None:
        array = np.arange(12) if isinstance(key, int | np.integer) else np.arange(12).reshape(3, 4).copy(order)
        if array.ndim == 2 and order == "F":
            elements = sorted(index % 4 * 3 + index // 4 for index in elements)  # in memory order
        handle, tracker = tracked(array)
        _ = handle[key]
        assert read_places(tracker) == elements
        assert tracker.read_elements().values.tolist() == flat(array)[elements].tolist()
        assert not tracker.was_written
        handle, tracker = tracked(array)
        handle[key] = 100
        assert written_places(tracker) == elements
        assert not tracker.was_read

    def test_whole_array_is_read_by_an_expression_and_nothing_is_written(self) -> None:
        for ask in (lambda a: a + 1, np.sum, lambda a: a.max(), str, list, lambda a: 3 in a, np.array):
            handle, tracker = tracked(MATRIX)
            ask(handle)
            assert read_places(tracker) == list(range(6))
            assert not tracker.was_written

    def test_questions_about_the_shape_read_nothing(self) -> None:
        handle, tracker = tracked(MATRIX)
        assert (len(handle), handle.shape, handle.dtype, handle.ndim, handle.size) == (2, (2, 3), MATRIX.dtype, 2, 6)
        assert isinstance(handle, np.ndarray)
        assert (np.shape(handle), np.ndim(handle), np.size(handle)) == ((2, 3), 2, 6)
        assert np.zeros_like(handle).tolist() == [[0, 0, 0], [0, 0, 0]]
        assert not tracker.was_read

    def test_index_made_of_the_array_itself_is_the_one_before_the_write(self) -> None:
        handle, tracker = tracked([True, False, True])
        handle[handle] = False
        assert tracker.buffer.tolist() == [False, False, False]
        assert written_places(tracker) == [0, 2]
        handle, tracker = tracked([1, 2, 0, 0])
        handle[handle[:2]] = 3
        assert tracker.buffer.tolist() == [1, 3, 3, 0]
        assert written_places(tracker) == [1, 2]

    def test_failed_write_leaves_what_numpy_leaves(self) -> None:
        """A step may catch the exception."""
        handle, tracker = tracked(np.arange(4))
        with pytest.raises(ValueError, match="broadcast"):
            handle[:] = [1, 2]
        assert not tracker.was_written
        with pytest.raises(ValueError, match="invalid literal"):
            handle[:3] = [8, 9, "x"]
        assert tracker.buffer.tolist() == [8, 9, 2, 3]
        assert written_places(tracker) == [0, 1]
        tracker.undo()
        assert tracker.buffer.tolist() == [0, 1, 2, 3]

    def test_value_that_looks_at_the_array_while_it_is_written(self) -> None:
        class Sum:
            def __init__(self, array: Any) -> None:
                self.array = array

            def __int__(self) -> int:
                return int(np.asarray(self.array).sum())

            __index__ = __int__

        handle, tracker = tracked(np.arange(4))
        handle[:3] = [8, 9, Sum(handle)]
        assert tracker.buffer.tolist() == [8, 9, 8 + 9 + 2 + 3, 3]
        assert read_places(tracker) == [0, 1, 2, 3]
        assert tracker.read_elements().values.tolist() == [0, 1, 2, 3]
        tracker.undo()
        assert tracker.buffer.tolist() == [0, 1, 2, 3]

    @pytest.mark.parametrize(("key", "shape"), [(0, ()), (slice(0, 2), 2)])
    @pytest.mark.parametrize("fast", [False, True])
    def test_write_that_numpy_reports_afterwards_is_a_write(self, key: Any, shape: Any, fast: bool) -> None:
        handle, tracker = tracked(np.arange(3))
        for _ in range(fast):
            _ = handle[2]
        with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
            handle[key] = np.full(shape, np.nan)
        assert 0 in written_places(tracker)
        assert tracker.buffer[0] != 0
        tracker.undo()
        assert tracker.buffer.tolist() == [0, 1, 2]

    def test_element_outside_is_refused_in_the_words_of_numpy(self) -> None:
        handle, tracker = tracked(np.arange(3))
        for _ in range(2):  # at first, and once the handle is fast
            for ask in (lambda a: a[3], lambda a: operator.setitem(a, -4, 1)):
                with pytest.raises(IndexError, match="is out of bounds for axis 0 with size 3"):
                    ask(handle)
            handle[0] = handle[0]
        assert read_places(tracker) == [0]

    def test_undo_puts_every_bit_back(self) -> None:
        odd = np.frombuffer(bytes.fromhex("0100000000 00f87f 0000000000000080"), np.float64).copy()
        for write in (lambda a: operator.setitem(a, slice(None), 1.0), lambda a: operator.setitem(a, 0, 1.0), np.sort):
            handle, tracker = tracked(odd)
            write(handle)
            tracker.undo()
            assert tracker.buffer.tobytes() == odd.tobytes()

    def test_opened_says_whether_all_of_it_counts_as_read(self) -> None:
        handle, tracker = tracked(np.arange(4))
        assert not tracker.opened
        handle[0] = 5
        assert not tracker.opened
        np.asarray(handle)
        assert not tracker.opened  # the first element was written before
        handle, tracker = tracked(np.arange(4))
        np.asarray(handle)
        assert tracker.opened
        assert tracked(np.arange(4), whole=True)[1].opened

    def test_array_that_is_used_much_is_opened_without_more_reads(self) -> None:
        handle, tracker = tracked(np.arange(9))
        for _ in range(9):
            handle[1:] = handle[:-1] + 1
        assert tracker._direct
        assert read_places(tracker) == list(range(8))
        handle, tracker = tracked(np.arange(9))
        for _ in range(9):
            handle[:] = 4
            handle[2:] += 1
        assert tracker._direct
        assert not tracker.was_read
        assert not tracker.opened
        assert tracker.written_elements().values.tolist() == [4, 4, 5, 5, 5, 5, 5, 5, 5]

    def test_array_of_which_a_part_is_used_much_is_not_opened(self) -> None:
        handle, tracker = tracked(np.arange(9))
        for _ in range(99):
            handle[3:5] += 1
        assert read_places(tracker) == [3, 4]

    def test_as_a_whole_the_step_gets_an_ordinary_array(self) -> None:
        handle, tracker = tracked(MATRIX, whole=True)
        assert type(handle) is np.ndarray
        handle[0, 1] += 5
        assert read_places(tracker) == list(range(6))
        assert written_places(tracker) == [1]
        assert tracker.read_elements().values.tolist() == MATRIX.reshape(-1).tolist()

    def test_flags_are_used_again_and_clear(self) -> None:
        buffer, spare = np.arange(100_000), list[Flags]()
        for use in (
            lambda a: a[7],
            lambda a: operator.setitem(a, 99_999, 1),
            lambda a: operator.iadd(a[50:60], 1),
            lambda a: a.sum(),
            lambda a: [a[index] for index in range(0, 100_000, 100)],
        ):
            tracker = ElementTracker(buffer, spare)
            use(tracker.handle)
            tracker.undo()
            tracker.release()
            assert len(spare) == 1
            assert not any(spare[0].marks)
        assert buffer.tolist() == list(range(100_000))

    def test_part_of_a_large_array_costs_no_search_of_all_of_it(self) -> None:
        buffer, spare = np.zeros((1000, 1000)), list[Flags]()
        tracker = ElementTracker(buffer, spare)
        handle: Any = tracker.handle
        handle[3, 5] = handle[999, 999] + 1
        handle[7] += handle[8]
        assert not tracker._flags.everywhere
        assert read_places(tracker) == [*range(7_000, 9_000), 999_999]
        assert written_places(tracker) == [3_005]
        whole = ElementTracker(buffer, spare, whole=True)
        assert not whole._flags.marks  # needs no marks

    def test_increments_are_reads_and_writes(self) -> None:
        for whole in (False, True):
            buffer = np.array([[1, 2], [3, 4]], order="F")
            tracker = ElementTracker(buffer, [], whole=whole)
            increments = ElementIncrements("add")
            increments.fold(flat_index((1, 0), buffer), 5)
            tracker.increment(increments)
            assert buffer.tolist() == [[1, 2], [8, 4]]
            assert written_places(tracker) == [1]
            assert 1 in read_places(tracker)
            tracker.undo()
            assert buffer.tolist() == [[1, 2], [3, 4]]

    def test_increment_that_may_leave_the_range_is_refused(self) -> None:
        tracker = ElementTracker(np.array([250], np.uint8), [])
        increments = ElementIncrements("add")
        increments.fold(0, 6)
        with pytest.raises(OverflowError, match="a sum may leave the range of uint8"):
            tracker.increment(increments)
        assert not tracker.was_written


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


class TestMemory:
    @pytest.mark.parametrize("dtype", ["?", "u1", ">i4", "f2", "f4", "f8", "c8", "c16", "S3", "U2", "M8[D]", "m8[s]"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_simple_arrays_are_tracked_by_element(self, dtype: str, order: Any) -> None:
        assert is_by_element(np.zeros((2, 3), dtype, order))
        assert is_by_element(np.zeros((), dtype))
        assert is_by_element(np.zeros((0, 3), dtype))

    @pytest.mark.parametrize(
        "value",
        [
            np.zeros(3, [("x", int), ("y", float)]),
            np.zeros(3, object),
            np.zeros((4, 4))[:, :2],
            np.arange(6)[::2],
            np.ma.zeros(3),
            np.zeros(2, np.longdouble),
            np.zeros(2, "V4"),
            np.broadcast_to(np.zeros(1), (3,)),
            np.zeros(2, np.dtype(int, metadata={"unit": "m"})),
            [1, 2],
            np.float64(1),
        ],
    )
    def test_others_are_not(self, value: object) -> None:
        assert not is_by_element(value)

    def test_second_c_type_of_a_width_is_not(self) -> None:
        """Its scalars have another class, and its dtype another name."""
        assert [is_by_element(np.zeros(2, char)) for char in "lqLQ"].count(True) == 2 - 4 * (
            np.dtype("l").itemsize != 8
        )

    def test_index_is_that_of_the_memory(self) -> None:
        for order in "CF":
            array = np.arange(24).reshape(2, 3, 4).copy(order)  # type: ignore[call-overload]
            for index in np.ndindex(array.shape):
                assert flat(array)[flat_index(index, array)] == array[index]
            assert flat(array)[flat_index((-1, np.int64(-2), 0), array)] == array[-1, -2, 0]
        assert flat_index(3, np.arange(5)) == 3
        assert flat_index((), np.array(7)) == 0

    @pytest.mark.parametrize("at", [1, (1,), (1, 2, 3), (True, 0), True, (1.5, 0), ("x", 0)])
    def test_index_must_name_one_element(self, at: Any) -> None:
        with pytest.raises(TypeError):
            flat_index(at, np.zeros((2, 3)))

    def test_wrong_indices_are_refused_with_a_sentence(self) -> None:
        with pytest.raises(
            TypeError, match=r"an accumulation at 1 needs one integer index for each axis, and .* has 2"
        ):
            flat_index(1, np.zeros((2, 3)))
        with pytest.raises(IndexError, match="index 3 is out of bounds for an axis of size 3"):
            flat_index((0, 3), np.zeros((2, 3)))

    @pytest.mark.parametrize("dtype", ["?", "i2", "f8", "c8", "c16", "S3", "U2", "M8[s]"])
    def test_elements_differ_where_a_bit_does(self, dtype: str) -> None:
        one = np.zeros(3, dtype)
        other = one.copy()
        other.view(np.uint8)[-1] = 1
        assert differing(one, other).tolist() == [False, False, True]
        assert not differing(one, one).any()
        assert differing(one[:0], other[:0]).tolist() == []

    def test_positions_of_a_view_are_those_of_its_elements(self) -> None:
        whole = np.zeros(60, np.uint8)
        for order in "CF":
            shaped = whole.reshape((3, 4, 5), order=order)  # type: ignore[call-overload]
            for key in (
                1,
                (..., 2),
                slice(None, None, -1),
                (slice(1, 3), 0, slice(None, None, 2)),
                (0, 1, slice(9, 9)),
            ):
                whole[...] = 0
                part = shaped[key]
                part[...] = 1
                where = positions(part, whole)
                assert np.arange(60)[where].tolist() == np.flatnonzero(whole).tolist()

    def test_union_has_every_index_once(self) -> None:
        assert union([], []) == slice(0, 0)
        assert union([slice(4, 6), slice(1, 5)], []) == slice(1, 6)
        assert union([slice(4, 6), slice(0, 2)], []).tolist() == [0, 1, 4, 5]  # type: ignore[union-attr]
        assert union([slice(1, 3)], [np.array([7, 2, 7])]).tolist() == [1, 2, 7]  # type: ignore[union-attr]


class TestOperands:
    def test_frozen_index_is_the_same_index(self) -> None:
        array, bound = np.arange(24).reshape(2, 3, 4), np.array(2)
        for key in (
            *(0, True, None, ..., slice(1, None), (1, slice(None, bound)), [], [0, 1], ([0], [1]), np.array([1]), ()),
            *(np.int64(1), (np.int64(1), 2), slice(bound), np.array(1)),
        ):
            assert np.array_equal(array[frozen(key)], array[key])
        assert frozen(slice(bound)) == slice(2)
        assert frozen(1.5) == 1.5

    def test_frozen_index_does_not_change_with_its_source(self) -> None:
        source, bound = np.array([0, 1]), np.array(1)
        key, part = frozen(source), frozen(slice(0, bound))
        source[0] = bound[()] = 5
        assert key.tolist() == [0, 1]
        assert part == slice(0, 1)

    def test_value_is_inert_where_its_conversion_runs_no_code(self) -> None:
        for value in (1, True, 1.5, 2j, "a", b"a", np.int8(1), np.zeros(2), [1, (2.0, np.zeros(1))], []):
            assert is_inert(value)
        for value in (None, Fraction(1), object(), np.zeros(2, object), [1, Fraction(1)], tracked([1])[0]):
            assert not is_inert(value)


def test_handle_is_of_another_type_and_says_so_only_to_compiled_code() -> None:
    handle, _ = tracked([1])
    assert type(handle) is TrackedArray
    assert handle.__class__ is np.ndarray
