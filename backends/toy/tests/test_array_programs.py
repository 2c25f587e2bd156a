"""Random programs on a tracked array do what they do on a plain one, and what was read and written is known exactly."""

from __future__ import annotations

import copy
import ctypes
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asc_toy.tracking import elements, marks
from asc_toy.tracking.elements import ElementTracker
from asc_toy.tracking.marks import Flags
from asc_toy.tracking.memory import differing, flat

Op = Callable[[Any, list[Any]], Any]  # on an array, and the views that the program has kept

NAN = np.frombuffer(bytes.fromhex("010000000000f87f"), np.float64)[0]  # with a payload
VALUES: dict[str, list[Any]] = {  # numpy's own scalars, and what Python has for them
    "i8": [0, 1, -7, 2**62, np.int64(3), True],
    "u1": [0, 1, 200, np.uint8(3)],
    ">i4": [0, 5, -1],
    "f8": [0.0, -0.0, 1.5, NAN, float("inf"), 2],
    "f4": [0.0, -0.0, np.float32(2.5)],
    "c16": [0j, complex(-0.0, 1), complex(1, -0.0), 2.0],
    "?": [False, True, 0, 1],
    "S3": [b"", b"a", b"abc", "xy"],
    "U2": ["", "b", "ß€"],
    "M8[s]": [np.datetime64(0, "s"), np.datetime64("NaT"), "2020-01-01"],
    "m8[D]": [np.timedelta64(1, "D"), 5],
}
SHAPES: list[tuple[int, ...]] = [(6,), (1,), (), (0,), (3, 4), (1, 5), (2, 3, 2), (0, 2)]


class Meddler:
    """A value whose conversion reads and writes the array that it is written to."""

    def __init__(self, array: Any, views: list[Any]) -> None:
        self.array, self.views = array, views

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        found = self.array[..., -1:].copy()
        self.array[..., :1] = found
        return np.asarray(found[..., 0], dtype)


class Number:
    """A number whose conversion looks at the array, when numpy may have written a part of it already."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __int__(self) -> int:
        return int(np.asarray(self.array)[:1].copy().view(np.uint8)[0])

    def __float__(self) -> float:
        return float(int(self))

    __index__ = __int__


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    kind = draw(st.sampled_from(["basic", "basic", "element", "mask", "list", "bad"]))
    if kind == "element" and all(shape):
        found = tuple(draw(st.integers(-size, size - 1)) for size in shape)
        return found[0] if len(found) == 1 else found
    if kind == "mask":
        return draw(hnp.arrays(bool, shape))
    if kind == "list" and shape and all(shape):
        chosen = draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4))
        return draw(st.sampled_from([chosen, np.array(chosen), (chosen, ...)]))
    if kind == "bad":
        return draw(
            st.sampled_from([True, [], np.False_, 99, (0, 99, 0, 0), "name", 1.5, (..., ...), (slice(None),) * 9])
        )
    return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))


@st.composite
def operations(draw: st.DrawFn, shape: tuple[int, ...], dtype: str) -> Op:  # noqa: PLR0915  # a list
    key, other = draw(keys(shape)), draw(keys(shape))
    value, element = draw(st.sampled_from(VALUES[dtype])), draw(st.integers(-7, 7))
    some = draw(st.integers(0, 3))

    def get(a: Any, views: list[Any]) -> Any:
        found = a[key]
        views.append(found)
        return copy.copy(found)

    def put(a: Any, views: list[Any]) -> Any:
        a[key] = value

    def move(a: Any, views: list[Any]) -> Any:
        a[key] = a[other]

    def shift(a: Any, views: list[Any]) -> Any:
        a[1:] = a[:-1]

    def put_list(a: Any, views: list[Any]) -> Any:
        a[:2] = [value] * 2

    def put_half(a: Any, views: list[Any]) -> Any:
        a[:2] = [value, object()]  # numpy may have written the first element when it fails

    def put_itself(a: Any, views: list[Any]) -> Any:
        a[key] = a

    def meddle(a: Any, views: list[Any]) -> Any:
        a[key] = Meddler(a, views)

    def meddle_list(a: Any, views: list[Any]) -> Any:
        a[1:3] = [value, Meddler(a, views)]

    def put_numbers(a: Any, views: list[Any]) -> Any:
        a[:2] = [value, Number(a)]

    def change_in_place(a: Any, views: list[Any]) -> Any:
        a[key] += value

    def change_all(a: Any, views: list[Any]) -> Any:
        a += value
        return a is not None

    def use_view(a: Any, views: list[Any]) -> Any:
        view = views[some]
        view[...] = value
        return copy.copy(view)

    def use_part_of_view(a: Any, views: list[Any]) -> Any:
        views[some][::-2] = value

    def see_view(a: Any, views: list[Any]) -> Any:
        return copy.copy(views[some])

    def add_at(a: Any, views: list[Any]) -> Any:
        np.add.at(a, [some, some], value)

    def out(a: Any, views: list[Any]) -> Any:
        return np.add(a, value, out=a) is a

    def out_to_view(a: Any, views: list[Any]) -> Any:
        np.maximum(a, value, out=views[some])

    def fill(a: Any, views: list[Any]) -> Any:
        a.fill(value)

    def sort(a: Any, views: list[Any]) -> Any:
        a.sort(axis=-1)

    def flat_element(a: Any, views: list[Any]) -> Any:
        a.flat[some] = value

    def put_function(a: Any, views: list[Any]) -> Any:
        np.put(a, [some, -1], value)

    def copy_to(a: Any, views: list[Any]) -> Any:
        np.copyto(a, value, where=np.arange(a.size).reshape(a.shape) % 2 == 0)

    def place(a: Any, views: list[Any]) -> Any:
        np.place(a, a == value, [value])

    def turned(a: Any, views: list[Any]) -> Any:
        views.append(a.T)
        a.T[some] = value

    def real_array(a: Any, views: list[Any]) -> Any:
        views.append(np.asarray(a))
        np.asarray(a)[key] = value

    def pointer(a: Any, views: list[Any]) -> Any:
        if a.nbytes:
            ctypes.memset(a.ctypes.data, 0, a.itemsize)

    def look(a: Any, views: list[Any]) -> Any:
        return (repr(a), len(a), a.shape, a.dtype, bytes(a), value in a)

    def convert(a: Any, views: list[Any]) -> Any:
        return [
            np.array(a),
            copy.copy(a),
            copy.deepcopy(a),
            np.zeros_like(a),
            pickle.loads(pickle.dumps(a)),
            a.tolist(),
            a.copy(),
        ]

    def compare(a: Any, views: list[Any]) -> Any:
        return [a == value, np.where(a == a[::-1], a, value), a[a != value]]

    def calculate(a: Any, views: list[Any]) -> Any:
        return [a + value, np.multiply(value, a), np.add.reduce(a), np.maximum.accumulate(a)]

    def iterate(a: Any, views: list[Any]) -> Any:
        for part in a:
            views.append(part)
        a[element] = value

    return draw(
        st.sampled_from(
            [
                get, get, get, put, put, put, move, shift, put_list, put_half, put_itself, meddle, meddle_list,
                put_numbers, change_in_place, change_all, use_view, use_view, use_part_of_view, see_view, add_at, out,
                out_to_view, fill, sort, flat_element, put_function, copy_to, place, turned, real_array, pointer, look,
                convert, compare, calculate, iterate,
            ]
        )
    )  # fmt: skip


def run(program: list[Op], array: Any) -> list[Any]:
    """Run a program and return what its operations return or raise."""
    found, views = [], list[Any]()
    for op in program:
        try:
            found.append(op(array, views))
        except Exception as error:  # noqa: BLE001  # any of them, as long as both raise it
            found.append((type(error), str(error)))
    return found


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray | np.generic):
        return (
            type(one) is type(other)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.strides == other.strides
            and one.tobytes() == other.tobytes()
        )
    return type(one) is type(other) and repr(one) == repr(other)


def contents(dtype: str) -> np.ndarray:
    """Return different values of a dtype."""
    array = np.zeros(len(VALUES[dtype]), dtype)
    for index, value in enumerate(VALUES[dtype]):
        array[index] = value
    return np.array(list({value.tobytes(): value for value in array}.values()), dtype)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[list[Op]]]:
    """Return the start, another array that differs from it everywhere, and programs."""
    dtype, shape = draw(st.sampled_from(sorted(VALUES))), draw(st.sampled_from(SHAPES))
    values = contents(dtype)
    chosen = draw(hnp.arrays(np.intp, shape, elements=st.integers(0, len(values) - 1)))
    other = (chosen + draw(st.integers(1, len(values) - 1))) % len(values)
    order = draw(st.sampled_from("CF"))
    programs = draw(st.lists(st.lists(operations(shape, dtype), max_size=6), min_size=1, max_size=3))
    return np.array(values[chosen], dtype, order=order), np.array(values[other], dtype, order=order), programs


def check(start: np.ndarray, other: np.ndarray, program: list[Op], spare: list[Flags], whole: bool) -> np.ndarray:
    plain, buffer = start.copy("K"), start.copy("K")
    expected = run(program, plain)
    tracker = ElementTracker(buffer, spare, whole=whole)
    found = run(program, tracker.handle)
    assert same(found, expected)
    assert buffer.tobytes() == plain.tobytes()

    # An array that agrees on what was read, and nowhere else, gets the same end by what was written.
    was_read, was_written = tracker.was_read, tracker.was_written
    read, written = tracker.read_elements(), tracker.written_elements()
    assert was_read == (read.values.size > 0)
    assert was_written == (written.values.size > 0)
    assert read.agree(flat(start))
    assert written.agree(flat(plain))
    elsewhere = other.copy("K")
    flat(elsewhere)[read.where] = read.values
    expected_elsewhere = elsewhere.copy("K")
    assert same(run(program, expected_elsewhere), expected)
    flat(elsewhere)[written.where] = written.values
    assert elsewhere.tobytes() == expected_elsewhere.tobytes()

    untouched = np.ones(start.size, bool)
    untouched[written.where] = False
    assert not (untouched & differing(flat(start), flat(plain))).any()
    tracker.undo()
    assert buffer.tobytes() == start.tobytes()
    tracker.release()
    assert not any(flags.flat.any() for flags in spare)
    return plain


@pytest.mark.parametrize(
    ("whole", "eager"),
    [(False, False), (False, True), (True, False)],
    ids=["by element", "with notes and openings as for a large array", "as a whole"],
)
@settings(max_examples=150, deadline=None)
@given(cases())
def test_any_program_does_the_same_and_is_known_exactly(whole: bool, eager: bool, case: Any) -> None:
    start, other, programs = case
    spare: list[Flags] = []
    with pytest.MonkeyPatch.context() as patch:
        if eager:
            patch.setattr(elements, "_OFTEN", 0)
            for name in ("_ELEMENT", "_REGION", "_DENSE", "_SCATTERED"):
                patch.setattr(marks, name, 0)
        for program in programs:
            start = check(start, other, program, spare, whole)
        assert len(spare) == 1


def test_view_of_a_view_and_views_that_overlap() -> None:
    def program(a: Any, views: list[Any]) -> Any:
        first, last = a[:4][1:], a[5:1:-1]
        first += 1
        last[::2] *= 3
        a[2] = last[1]
        return [first.copy(), last.copy(), a[3]]

    start, other = np.arange(6), np.arange(6, 12)
    assert operator.ne(*(array.tobytes() for array in (start, check(start, other, [program], [], False))))
