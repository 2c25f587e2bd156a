"""The content of values: what counts as different, and duplicates that share nothing."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import random
import re
import struct
import subprocess
import sys
import types
import uuid
import zoneinfo
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asc_toy.content import classes_of, content, decode, duplicate, encode, unsupported


@dataclass
class Account:
    owner: str
    balance: Any = 0
    history: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(slots=True)
class Cell:
    value: Any
    next: Any = None


@dataclass(frozen=True, slots=True)
class Span:
    start: Any
    end: Any


class Pair(NamedTuple):
    left: Any
    right: Any


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Machine:
    """An ordinary class, with a slot in its base and a dictionary of its own."""

    limit = 5

    def __init__(self, tape: Any) -> None:
        self.tape = tape

    def __repr__(self) -> str:
        return f"Machine({self.tape!r})"


class Base:
    __slots__ = ("known",)


class Mixed(Base):
    pass


class Meters(np.ndarray):
    """An array with a unit."""


def double(x: int) -> int:
    return 2 * x


def meters() -> Any:
    found = np.arange(3.0).view(Meters)
    found.unit = "m"  # type: ignore[attr-defined]
    return found


def mixed(**attributes: Any) -> Mixed:
    found = Mixed()
    for name, value in attributes.items():
        setattr(found, name, value)
    return found


def cycle() -> list[Any]:
    found: list[Any] = [1]
    found.append((found, {"self": found}))
    return found


def filled_masked() -> Any:
    found = np.ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=7)
    found.harden_mask()
    return found


def drawn(generator: Any) -> Any:
    """Take one number, so that a generator keeps the second one of a pair for later."""
    if isinstance(generator, random.Random):
        generator.gauss(0, 1)
    else:
        generator.standard_normal()
    return generator


SHARED = [1]

VALUES: dict[str, Any] = {
    "none": None,
    "ellipsis": ...,
    "integers": [True, 1, -1, 2**63, -(2**63), 10**5000],
    "floats": [0.0, -0.0, float("inf"), float("nan")],
    "complex": -1j,
    "texts": ["", "é", "\ud800", "a\0"],
    "bytes": [b"", b"a\0"],
    "bytearray": bytearray(b"ab"),
    "numpy scalars": [np.int8(1), np.float32(-0.0), np.bool_(True), np.str_("a\0"), np.bytes_(b"a\0"), np.longlong(1)],
    "dates of numpy": [np.datetime64("2020-02-29T01", "h"), np.timedelta64("NaT", "ns")],
    "range": range(3, 20, 2),
    "slice": slice(None, 3),
    "fraction": fractions.Fraction(-1, 3),
    "decimal": [decimal.Decimal("-0.00"), decimal.Decimal("NaN12"), decimal.Decimal("1E+3")],
    "dates": [datetime.date(2020, 1, 2), datetime.time(1, 2, 3, 4, fold=1), datetime.timedelta(-1, 2, 3)],
    "zones": [
        datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "X")),
        datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    ],
    "uuid": uuid.UUID(int=5),
    "paths": [pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("c:/x"), pathlib.Path("x")],
    "pattern": re.compile("a+", re.IGNORECASE),
    "members of enumerations": [Color.RED, Color.BLUE, Rights.READ | Rights.WRITE, Rights(0)],
    "functions and classes": [len, double, Account, int, np.sin],
    "lists": [[], [[]], [1, [2.5, "x", None]]],
    "tuples": [(), (1, (2, [3]))],
    "rows": [(1, "a"), (2, "b"), (3, "c")],
    "rows of many lengths": [(1,), (), (2, 3)],
    "named tuple": Pair(1, [2]),
    "dict": {"b": 1, "a": [2], (1, 2): {}, None: (), Color.RED: 1, Point(1, 2): 2},
    "ordered dict": collections.OrderedDict(b=1, a=2),
    "default dict": collections.defaultdict(list, {1: [2]}),
    "default dict of a lambda": collections.defaultdict(lambda: 0, {1: 2}),
    "counter": collections.Counter("abca"),
    "deque": collections.deque([1, [2]], 5),
    "sets": [set(), {3, 100, 7}, frozenset([1, (2, 3)]), {frozenset(), Point(1, 2)}],
    "array.array": array.array("d", [1.5, float("nan")]),
    "dataclasses": [Account("a", 5, [1]), Point(1, 2), Cell(1, Cell(2)), Span(1, [2])],
    "namespace": types.SimpleNamespace(b=1, a=[2]),
    "objects": [Machine([1]), Machine(None), mixed(), mixed(known=1), mixed(other=2, known=[3])],
    "shared": [SHARED, SHARED, (SHARED,), [1]],
    "cycle": cycle(),
    "arrays": [np.arange(6), np.array(3.5), np.zeros((2, 0)), np.array(["a", "bc"]), np.array([1, 2], ">u2")],
    "orders": [
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::3],
        np.arange(10)[::-2],
        np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        np.broadcast_to(np.arange(3), (2, 3)),
        np.arange(12).reshape(3, 4)[:, 1:3],
    ],
    "structured": [
        np.array([(1, [2, 3], "a")], [("n", "i4"), ("v", "f8", (2,)), ("t", "U3")]),
        np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros((2, 2), [("outer", [("inner", "i2"), ("x", "f4")])])[:, ::2],
    ],
    "objects in arrays": [np.array([1, [2], None], object), np.array([[1, [2]], [3, 4]], object).T],
    "matrix": np.arange(4).reshape(2, 2).view(np.matrix),
    "masked": [filled_masked(), np.ma.array([1.0, 2.0])],
    "array with a unit": meters(),
    "read-only array": np.frombuffer(b"abcdefgh"),
    "random": drawn(random.Random(3)),
    "generators": [drawn(np.random.default_rng(3)), np.random.Generator(np.random.Philox(5)), np.random.SFC64(1)],
    "legacy generators": [drawn(np.random.RandomState(4)), np.random.RandomState(np.random.PCG64(1))],
    "spawned": np.random.SeedSequence(5, spawn_key=(1,)).spawn(2)[1],
}
each_value = pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())


@each_value
def test_every_kind_of_value_is_duplicated_with_its_content(value: Any) -> None:
    assert unsupported(value) == ""
    copied = duplicate(value)
    assert type(copied) is type(value)
    assert content(copied) == content(value)


@each_value
def test_a_duplicate_shares_nothing_that_can_change(value: Any) -> None:
    owners: dict[int, str] = {}
    content(value, owners, "original")
    content(duplicate(value), owners, "duplicate")  # raises where a part has two owners


@each_value
def test_every_kind_of_value_comes_back_from_json(value: Any) -> None:
    assert content(decode(encode(value), classes_of([value]))) == content(value)


def test_no_two_of_these_values_have_the_same_content() -> None:
    digests = {content(value) for value in VALUES.values()}
    assert len(digests) == len(VALUES)


shared_tuple = (1, [2])
SAME = {
    "immutable parts may be shared or not": ([(1, 2), (1, 2)], [pair := (1, 2), pair]),
    "a tuple that holds a list may be shared or not": (
        [shared_tuple, shared_tuple],
        [(1, part := [2]), (1, part)],
    ),
    "a NaN is itself": ([float("nan")], [float("nan")]),
    "memory between the elements means nothing": (np.arange(10)[::2], np.array([0, 9, 2, 9, 4, 9, 6, 9, 8, 9])[::2]),
    "padding means nothing": (
        np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.full(32, 255, np.uint8).view(np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    ),
}
SAME["padding means nothing"][1]["a"] = 0
SAME["padding means nothing"][1]["b"] = 0


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_content_is_the_same(one: Any, other: Any) -> None:
    assert content(one) == content(other)


def nan(payload: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 + payload))[0]
    return value


def deck(*members: int, then: int | None = None) -> set[int]:
    found = set(members)
    if then is not None:
        found.discard(then)
    return found


writeable, read_only = np.arange(3), np.arange(3)
read_only.flags.writeable = False
row_in_one, row_in_two = [1], [1]

DIFFERENT = {
    "bool and int": (True, 1),
    "bool and int in a list": ([True], [1]),
    "int and float": ([1, 2], [1.0, 2.0]),
    "int and float in a mixed list": ([1, "a"], [1.0, "a"]),
    "zeros": (0.0, -0.0),
    "zeros in a list": ([0.0, 1.0], [-0.0, 1.0]),
    "NaN payloads": (nan(1), nan(2)),
    "decimals": (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    "str and bytes": (["a"], [b"a"]),
    "None and the text": ([None], ["None"]),
    "where texts end": (["ab", "c"], ["a", "bc"]),
    "where bytes end": ([b"ab", b"c"], [b"a", b"bc"]),
    "where lists end": ([[1], [2, 3]], [[1, 2], [3]]),
    "where tuples end": ([(1,), (2, 3)], [(1, 2), (3,)]),
    "list and tuple": ([1], (1,)),
    "tuple and named tuple": ((1, 2), Pair(1, 2)),
    "order of a dict": ({1: 2, 3: 4}, {3: 4, 1: 2}),
    "dict and ordered dict": ({1: 2}, collections.OrderedDict({1: 2})),
    "factory of a default dict": (collections.defaultdict(int), collections.defaultdict(list)),
    "lambda of a default dict": (collections.defaultdict(lambda: 0), collections.defaultdict(lambda: 1)),
    "order of a set": (deck(8, 0), deck(0, 8)),
    "future order of a set": (deck(1, 2), deck(1, 2, 3, then=3)),
    "set and frozenset": ({1}, frozenset([1])),
    "length of a deque": (collections.deque([1], 2), collections.deque([1], 3)),
    "the same list twice, and two equal lists": ([row_in_one, row_in_one], [row_in_one, row_in_two]),
    "the same object twice, and two equal objects": ([cell := Cell(1), cell], [Cell(1), Cell(1)]),
    "which list is held twice": (
        [a := [1], b := [1], a],
        [a, b, b],
    ),
    "a cycle, and a copy in it": (cycle(), [1, (cycle(), {"self": cycle()})]),
    "attributes of an object": (Machine(1), Machine(2)),
    "order of attributes": (types.SimpleNamespace(a=1, b=2), types.SimpleNamespace(b=2, a=1)),
    "a slot without a value": (mixed(), mixed(known=None)),
    "class": (Account("a"), types.SimpleNamespace(owner="a", balance=0, history=[])),
    "dtype": (np.zeros(2, "i4"), np.zeros(2, "u4")),
    "two dtypes of one width": (np.zeros(2, "l"), np.zeros(2, "q")),
    "byte order": (np.zeros(2, "<i4"), np.zeros(2, ">i4")),
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "empty shapes": (np.zeros((0, 3)), np.zeros((0, 2))),
    "order of an array": (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
    "strides": (np.zeros(9)[::2], np.zeros(17)[::4]),
    "class of an array": (np.zeros((1, 1)), np.zeros((1, 1)).view(np.matrix)),
    "mask": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    "what is behind the mask": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 3], mask=[0, 1])),
    "writeable": (writeable, read_only),
    "array and list": (np.array([1, 2]), [1, 2]),
    "scalar and array": (np.int64(1), np.array(1)),
    "bytes and bytearray": (b"a", bytearray(b"a")),
    "type code": (array.array("i", [1]), array.array("l", [1])),
    "path": (pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a")),
    "fold": (datetime.time(1), datetime.time(1, fold=1)),
    "time zone": (datetime.time(1), datetime.time(1, tzinfo=datetime.UTC)),
    "flags": (re.compile("a"), re.compile("a", re.DOTALL)),
    "state of a generator": (np.random.default_rng(1), np.random.default_rng(2)),
    "a normal number kept for later": (np.random.RandomState(1), drawn(np.random.RandomState(1))),
    "spawned children": (np.random.default_rng(1), (parent := np.random.default_rng(1), parent.spawn(1))[0]),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_content_differs(one: Any, other: Any) -> None:
    assert content(one) != content(other)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.fractions(),
    st.decimals(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.sampled_from([*Color, Rights(3), int, double, ...]),
    st.floats(width=32).map(np.float32),
)
keys = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.tuples(st.integers(), st.text(max_size=2)))
mutable_leaves = st.one_of(
    hnp.arrays(st.sampled_from(["<i8", "<f8", ">u2", "|b1", "<U2", "<c8"]), hnp.array_shapes(min_dims=0, min_side=0)),
    st.binary(max_size=4).map(bytearray),
    st.sets(st.integers(0, 5)),
    st.frozensets(st.text(max_size=1), max_size=4),
)
values = st.recursive(
    leaves | mutable_leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=2).map(lambda parts: [*parts, *parts]),  # shared
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=3).map(collections.OrderedDict),
        st.lists(inner, max_size=3).map(lambda parts: collections.deque(parts, 3)),
        st.builds(Account, st.text(max_size=2), inner),
        st.builds(Cell, inner, inner),
        st.builds(Span, inner, inner),
        st.builds(Pair, inner, inner),
        inner.map(Machine),
    ),
    max_leaves=20,
)


@given(values)
def test_a_duplicate_has_the_same_content_and_shares_nothing(value: Any) -> None:
    owners: dict[int, str] = {}
    copied = duplicate(value)
    assert content(copied, owners, "duplicate") == content(value, owners, "original")
    assert repr(copied) == repr(value)


@given(values)
def test_what_comes_back_from_json_has_the_same_content(value: Any) -> None:
    arrays: list[Any] = []
    back = decode(encode(value, arrays), classes_of([value]), arrays)
    assert content(back) == content(value)
    assert repr(back) == repr(value)


@given(values, values)
def test_values_that_look_different_have_different_content(one: Any, other: Any) -> None:
    if repr(one) != repr(other):
        assert content(one) != content(other)


PRINT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_content as tests
from asc_toy.content import content
tests.print_digests()
"""


def print_digests() -> None:
    for name, value in VALUES.items():
        print(name, content(value).hex())  # noqa: T201


def test_every_process_finds_the_same_digests() -> None:
    command = [sys.executable, "-c", PRINT, str(pathlib.Path(__file__).parent)]
    first, second = (
        subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert len(first.splitlines()) == len(VALUES)
