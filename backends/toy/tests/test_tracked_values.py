"""Arrays and containers that a step changes in any way: as in the user's own loop, in every way of running it."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import dataclasses
import decimal
import fractions
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ways import by_worker, computation, ends_alike, is_leapt_over, is_run_plainly, own_loop

from asc.errors import AscError


@dataclasses.dataclass
class Account:
    balance: float = 0.0
    entries: list[int] = dataclasses.field(default_factory=list)

    def deposit(self, amount: int) -> None:
        self.balance += amount
        self.entries.append(amount)


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int


class Machine:
    __slots__ = ("memory", "pc")

    def __init__(self) -> None:
        self.pc, self.memory = 0, np.arange(4)

    def step(self) -> None:
        self.memory[self.pc] += self.pc
        self.pc = (self.pc + 1) % 4


def memory_of(array: Any) -> Any:
    return memoryview(np.asarray(array))


WRITES: dict[str, Any] = {
    "np.add.at": lambda s: np.add.at(s.a, [1, 1], 1),
    "ufunc out": lambda s: np.multiply(s.a, 2, out=s.a, where=s.a > s.n),
    "np.put": lambda s: np.put(s.a, [0, 2], s.n),
    "np.copyto": lambda s: np.copyto(s.a, s.n, where=s.a % 2 == 0),
    "np.place": lambda s: np.place(s.a, s.a > 2, [s.n]),
    "np.putmask": lambda s: np.putmask(s.a, s.a < 2, s.n),
    "np.fill_diagonal": lambda s: np.fill_diagonal(s.a.reshape(2, 2), s.n),
    "memoryview": lambda s: memory_of(s.a).__setitem__(2, s.n),
    "ctypes": lambda s: ctypes.memset(s.a.ctypes.data, s.n + 1, 8),
    "setflags": lambda s: (s.a.setflags(write=True), s.a.__setitem__(0, s.n)),
    "sort": lambda s: s.a[::-1].sort(),
    "fill": lambda s: s.a.fill(s.n),
    "partition": lambda s: s.a.partition(2),
    "itemset": lambda s: s.a.flat.__setitem__(3, s.n),
    "byteswap": lambda s: s.a.byteswap(inplace=True),
    "view": lambda s: s.a[1:3].__iadd__(s.n),
    "view of a view": lambda s: s.a.reshape(2, 2)[1].__setitem__(..., s.n),
    "other dtype": lambda s: s.a.view(np.uint8)[::8].__iadd__(np.uint8(3)),
    "nditer": lambda s: [one.__setitem__(..., one + 1) for one in np.nditer(s.a, op_flags=[["readwrite"]])],
    "np.asarray": lambda s: np.asarray(s.a).__setitem__(0, s.n),
    "shuffle": lambda s: s.chance.shuffle(s.a),
    "random": lambda s: random.Random(s.n).shuffle(s.a),
    "dot": lambda s: np.dot(s.a.reshape(2, 2), np.eye(2, dtype=int), out=s.a.reshape(2, 2)),
    "frombuffer": lambda s: np.frombuffer(np.asarray(s.a), np.int32).__setitem__(0, s.n),
}


@pytest.mark.parametrize("name", WRITES)
def test_no_write_to_an_array_escapes(name: str) -> None:
    write = WRITES[name]

    def step(state: Any) -> None:
        write(state)
        state.n += 1
        state.last = int(state.a[0])

    is_leapt_over(step, n=0, a=np.arange(4), last=0, chance=np.random.default_rng(1))


def test_add_at_counts_every_index() -> None:
    def step(state: Any) -> None:
        np.add.at(state.h, [1, 1], 1)
        state.n += 1

    is_leapt_over(step, n=0, h=np.zeros(3, int))
    assert own_loop(step, {"n": 0, "h": np.zeros(3, int)}, 10)["h"].tolist() == [0, 20, 0]


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (np.arange(4).reshape(2, 2).view(np.matrix), lambda s: s.v.__setitem__((0, 1), s.n)),
        (np.ma.masked_array([1, 2, 3], [0, 1, 0]), lambda s: s.v.__setitem__(0, s.n)),
        (np.zeros((3, 4), order="F"), lambda s: s.v.__setitem__((1, 2), s.n)),
        (np.zeros(3, [("x", int), ("y", float)]), lambda s: s.v["x"].__setitem__(1, s.n)),
        (np.array([None, 1, [2]], object), lambda s: s.v[2].append(s.n)),
        (np.arange(12.0)[::2], lambda s: s.v.__setitem__(1, s.n)),
        (np.array(["a", "bc"]), lambda s: s.v.__setitem__(0, str(s.n))),
        (np.zeros(2, "M8[D]"), lambda s: s.v.__setitem__(0, np.datetime64(s.n, "D"))),
        (np.array(5), lambda s: s.v.__setitem__((), s.n)),
        (np.zeros((0, 3)), lambda s: setattr(s, "v", np.vstack([s.v, np.ones(3) * s.n]))),
    ],
    ids=["matrix", "masked", "F", "record", "object", "strided", "text", "date", "0-d", "empty"],
)
def test_arrays_of_every_kind_are_kept_as_they_are(value: Any, change: Any) -> None:
    def step(state: Any) -> None:
        change(state)
        state.n += 1

    assert ends_alike(step, n=0, v=value) > 0
    found = computation(step, {"n": 0, "v": value}).words()["v"]
    assert type(found) is type(value)
    assert (found.flags.f_contiguous, found.dtype) == (value.flags.f_contiguous, value.dtype)


@pytest.mark.parametrize("value", [np.zeros(3, np.longdouble), np.longdouble(1), np.zeros(1, "i4,f4")[0], [iter([1])]])
def test_others_are_refused_at_the_start(value: Any) -> None:
    with pytest.raises(AscError, match=r"The word 'v' holds .*, which a state cannot hold"):
        computation(lambda state: None, {"v": value})


CHANGES: list[tuple[Any, Any]] = [
    ([], lambda s: s.v.append(s.n)),
    ([1, [2, [3]]], lambda s: s.v[1][1].insert(0, s.n)),
    ({"a": {"b": []}}, lambda s: s.v["a"]["b"].append({s.n: "x"})),
    ({}, lambda s: s.v.__setitem__(s.n % 3, s.v.pop(s.n % 3, 0) + 1)),
    ({1, 2}, lambda s: s.v.add(s.n * 7 % 100)),
    (collections.deque([1, 2], 5), lambda s: s.v.append(s.n)),
    (collections.Counter("abc"), lambda s: s.v.update("ab")),
    (collections.defaultdict(list), lambda s: s.v[s.n % 2].append(s.n)),
    (collections.OrderedDict(a=1, b=2), lambda s: s.v.move_to_end("a", last=bool(s.n % 2))),
    (bytearray(b"abc"), lambda s: s.v.__setitem__(1, s.n)),
    (Account(), lambda s: s.v.deposit(s.n)),
    (Machine(), lambda s: s.v.step()),
    (Point(1, 2), lambda s: setattr(s, "v", dataclasses.replace(s.v, x=s.n))),
    ([Point(1, 2), Account()], lambda s: s.v[1].entries.append(s.v[0].x)),
    ((1, [2]), lambda s: s.v[1].append(s.n)),
    (None, lambda s: setattr(s, "v", None if s.v else [s.n])),
    (1 + 2j, lambda s: setattr(s, "v", s.v * 1j)),
    (decimal.Decimal("0.1"), lambda s: setattr(s, "v", s.v + decimal.Decimal("0.10"))),
    (fractions.Fraction(1, 3), lambda s: setattr(s, "v", s.v / 2)),
    (random.Random(3), lambda s: setattr(s, "x", s.v.random())),
    (np.random.default_rng(3), lambda s: setattr(s, "x", s.v.normal())),
    (np.random.RandomState(3), lambda s: setattr(s, "x", s.v.rand())),
]


@pytest.mark.parametrize(("value", "change"), CHANGES, ids=[type(value).__name__ for value, _ in CHANGES])
def test_no_change_of_a_container_escapes(value: Any, change: Any) -> None:
    def step(state: Any) -> None:
        change(state)
        state.n += 1

    is_leapt_over(step, n=0, v=value, x=0.0)


def test_containers_that_are_only_read_are_constants() -> None:
    def step(state: Any) -> None:
        state.total += state.table[state.n % 3][0] + len(state.text[state.n % 2])
        state.n += 1

    values = {"n": 0, "total": 0, "table": {0: [1], 1: [5], 2: [7]}, "text": ("ab", "c")}
    is_leapt_over(step, **values)
    (entry,) = by_worker(computation(step, values))
    assert not isinstance(entry, BaseException)
    found = computation(step, values)
    found.words()["table"][2].append(1)
    assert found.disagreement(entry) == "table"


def test_constants_that_a_worker_changes_are_new_for_its_next_task() -> None:
    def step(state: Any) -> None:
        state.items.append(state.n)
        ctypes.memset(state.a.ctypes.data, state.n + 1, 4)
        state.n += 1

    values = {"n": 0, "items": [1], "a": np.zeros(2, np.int32)}
    found = computation(step, values)
    for _ in range(3):
        (entry,) = by_worker(found)
        assert not isinstance(entry, BaseException)
        assert found.agrees(entry)
    found.apply(entry)
    assert found.result()["items"] == [1, 0]
    assert found.result()["a"].tolist() == [0x01010101, 0]


def test_arrays_in_containers() -> None:
    def step(state: Any) -> None:
        state.layers[state.n % 2][state.n % 3] += 1
        state.best = max(state.best, int(state.layers[0].sum()))
        if state.n == 3:
            state.layers.append(np.ones(3, int))
        state.n += 1

    is_leapt_over(step, n=0, layers=[np.zeros(3, int), np.arange(3)], best=0)


class TestErrorsThatTheStepCatches:
    def test_of_an_array(self) -> None:
        def step(state: Any) -> None:
            try:
                state.a[9] = 1
            except IndexError as error:
                state.said = str(error)
            with contextlib.suppress(ValueError):
                state.a[:2] = [1, 2, 3]
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3), said="")

    @pytest.mark.parametrize(
        "ask",
        [
            lambda a: memoryview(a)[1],
            lambda a: bytes(bytearray(a)),
            np.ndarray.sum,
            lambda a: np.frombuffer(a, np.int64)[1],
            lambda a: a.data[1],
            hash,
            lambda a: a + object(),
            lambda a: a.no_such_thing,
            round,
            lambda a: {a: 1},
        ],
    )
    def test_of_code_that_wants_an_array_and_nothing_else(self, ask: Any) -> None:
        def step(state: Any) -> None:
            try:
                state.found = int(ask(state.a)[0]) if isinstance(ask(state.a), bytes) else int(ask(state.a))
            except Exception as error:  # noqa: BLE001
                state.found = str(error)
            state.a[1] += 1
            state.n += 1

        ends_alike(step, n=0, a=np.arange(3), found=0)

    def test_of_containers_and_numbers(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            try:
                state.hits[state.n % 4] += 12 // (state.n % 3)
            except (KeyError, ZeroDivisionError) as error:
                state.missed = type(error).__name__
            else:
                state.missed = ""

        is_leapt_over(step, n=0, hits={0: 0, 1: 0}, missed="")


class TestParts:
    """A task may have several parts. The main thread can begin with any of them."""

    def step(self, state: Any) -> None:
        state.a[state.n % 3] += state.n
        state.items.append(state.n)
        state.add("total", 1)
        state.n += 1

    def values(self) -> dict[str, Any]:
        return {"n": 0, "a": np.zeros(3, int), "items": [], "total": 0}

    def parts(self) -> list[Any]:
        found = computation(self.step, self.values())
        return by_worker(found, (1, 2, 3), pickled=True)

    def test_each_has_its_own_start_and_length(self) -> None:
        assert [(part.start, part.steps) for part in self.parts()] == [(0, 1), (1, 2), (3, 3)]

    def test_one_after_the_other_lead_to_the_end(self) -> None:
        found = computation(self.step, self.values())
        for part in self.parts():
            assert found.agrees(part)
            found.apply(part)
        expected = own_loop(self.step, self.values(), 6)
        assert found.result()["items"] == expected["items"]
        assert found.result()["a"].tolist() == expected["a"].tolist()

    @pytest.mark.parametrize("plain", [1, 3])
    def test_the_main_thread_may_begin_in_the_middle(self, plain: int) -> None:
        found = computation(self.step, self.values())
        found.advance(plain)
        agreeing = [part for part in self.parts() if found.agrees(part)]
        assert [part.start for part in agreeing] == [plain]
        found.apply(agreeing[0])
        assert found.result()["items"] == list(range(found.position()))

    def test_an_error_in_a_later_part_leaves_the_earlier_ones(self) -> None:
        def failing(state: Any) -> None:
            self.step(state)
            1 // (3 - state.n)

        first, error = by_worker(computation(failing, self.values()), (2, 2))
        assert not isinstance(first, BaseException)
        assert (first.start, first.steps) == (0, 2)
        assert isinstance(error, ZeroDivisionError)

    def test_no_part_follows_the_end_by_the_condition(self) -> None:
        found = computation(self.step, self.values(), until=lambda state: state.n >= 2)
        parts = by_worker(found, (1, 2, 3))
        assert [
            (part.start, part.steps, part.effect.ended) for part in parts if not isinstance(part, BaseException)
        ] == [
            (0, 1, False),
            (1, 1, True),
        ]


class TestUntil:
    @pytest.mark.parametrize(
        "until",
        [
            lambda s: s.n >= 4,
            lambda s: s.total > 7,
            lambda s: s.a[1] >= 2,
            lambda s: len(s.items) == 3 and s.items,
            lambda s: vars(s).get("late"),
            lambda s: False,
        ],
    )
    def test_the_run_ends_where_the_user_s_own_loop_ends(self, until: Any) -> None:
        def step(state: Any) -> None:
            state.a[state.n % 2] += 1
            state.items.append(state.n)
            state.add("total", state.n)
            if state.n == 3:
                state.late = True
            state.n += 1

        assert ends_alike(step, until=until, n=0, a=np.zeros(2, int), items=[], total=0) > 0

    def test_the_condition_may_change_the_state(self) -> None:
        def until(state: Any) -> bool:
            state.asked += 1
            return bool(state.n > 4)

        def step(state: Any) -> None:
            state.n += 1

        assert ends_alike(step, until=until, n=0, asked=0) > 0

    def test_no_leap_past_the_end(self) -> None:
        """What a superstep has read does not tell that the run is over."""

        def step(state: Any) -> None:
            state.n = (state.n + 1) % 2
            state.add("total", 1)

        found = computation(step, {"n": 0, "total": 0}, until=lambda state: state.total >= 3)
        early = computation(step, {"n": 0, "total": 0})
        entries = [early.advance(1, record=True).recorded for _ in range(2)]
        found.advance(3)
        assert found.finished()
        assert not any(found.agrees(entry) for entry in entries if entry is not None)


def test_generator_of_a_module_is_refused_and_one_of_the_state_is_not() -> None:
    def chance(state: Any) -> None:
        state.x = random.random()

    is_run_plainly_or_refused(chance)

    def own(state: Any) -> None:
        state.x = state.chance.random()

    is_leapt_over(own, x=0.0, chance=random.Random(4))


def is_run_plainly_or_refused(step: Any) -> None:
    (found,) = by_worker(computation(step, {"x": 0.0}))
    assert isinstance(found, BaseException)
    assert "random" in str(found)


def test_running_generator_ends_the_speculation() -> None:
    def numbers() -> Iterator[int]:
        yield from range(99)

    def step(state: Any) -> None:
        if state.n == 0:
            state.source = numbers()
        state.n += 1 + next(state.source) * 0

    is_run_plainly(step, "a running generator", n=0, source=None)
