"""Large states: what is not sent, not copied and not compared again, and what copying costs."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from mixed import recorded
from ways import by_worker, computation, own_loop

from asc.types import Candidate, Combination, Plan, Transition
from asc_toy.computation import ToyComputation
from asc_toy.tracking.effect import weight

SIZE = 100_000
DATA, TEXT = bytes(SIZE), "é" * SIZE


def scan(state: Any) -> None:
    """Take in the next byte and the next letter."""
    state.sum += state.data[state.at] + ord(state.text[state.at])
    state.at += 1


def scanning(**words: object) -> ToyComputation:
    return computation(scan, {"data": DATA, "text": TEXT, "at": 0, "sum": 0} | words)


def task_of(found: ToyComputation) -> Any:
    return found.task(Candidate(found.position(), 0, found.observe().state, 0, "test"), (1,), None)


def test_long_text_travels_neither_to_a_worker_nor_back() -> None:
    found = scanning()
    (entry,) = by_worker(found, (3,), pickled=True)
    assert isinstance(entry, Transition)
    assert len(pickle.dumps(task_of(found))) + len(pickle.dumps(entry)) < 4000
    assert found.agrees(entry)
    found.apply(entry)
    assert not difference(own_loop(scan, {"data": DATA, "text": TEXT, "at": 0, "sum": 0}, 3), found.result())


def test_a_transition_that_read_a_long_text_is_found_by_its_key() -> None:
    here, there = scanning(), scanning()
    entry = recorded(here, 2)
    assert there.key(tuple(entry.causal)) == tuple(entry.causal.values())


@pytest.mark.parametrize("data", [bytes([*bytes(SIZE - 1), 1]), bytes(SIZE - 1), bytearray(SIZE).decode()])
def test_a_long_text_that_has_changed_is_noticed(data: bytes | str) -> None:
    found = scanning()
    (entry,) = by_worker(found)
    assert isinstance(entry, Transition)
    found._words["data"] = data
    assert found.disagreement(entry) == "data"
    if isinstance(data, bytes):
        (entry,) = by_worker(found)
        assert isinstance(entry, Transition)
        assert found.agrees(entry)


def test_a_long_text_that_was_replaced_by_an_equal_one_agrees() -> None:
    found = scanning()
    entry = recorded(scanning(), 1)
    found._words["data"] = bytes(bytearray(DATA))
    assert found._words["data"] is not DATA
    assert found.agrees(entry)


def test_a_candidate_weighs_what_its_task_copies() -> None:
    """An array is copied once it has changed and a superstep is known to have read it."""

    def step(state: Any) -> None:
        state.a[state.n] += 1
        state.n += state.table[state.n]

    found = computation(step, {"n": 0, "a": np.zeros(SIZE), "table": np.ones(SIZE, int)})

    def nbytes() -> int:
        candidate = found.materialise(Combination((1,)), [found.observe()], Plan("p", 0, 1))
        assert candidate is not None
        return candidate.nbytes

    assert nbytes() < 1000
    found.advance(2)
    by_worker(found)
    assert 8 * SIZE <= nbytes() < 8 * SIZE + 1000
    assert 8 * SIZE < len(pickle.dumps(task_of(found))) < 8 * SIZE + 4000
    assert found.nbytes("dispatch") == 8 * SIZE


def test_containers_weigh_too() -> None:
    def step(state: Any) -> None:
        state.items.append(float(len(state.items)))

    found = computation(step, {"items": [float(number) for number in range(SIZE)]})
    found.advance(1)
    assert found.nbytes("dispatch") == 0
    by_worker(found)
    assert 8 * SIZE < found.nbytes("dispatch") < 64 * SIZE


def test_the_start_of_workers_copies_arrays_that_change_and_containers() -> None:
    def step(state: Any) -> None:
        state.a[0] += state.table[0]

    found = computation(step, {"a": np.zeros(SIZE), "table": np.ones(2 * SIZE), "data": DATA})
    assert found.nbytes("start") == 0
    found.advance(1)
    assert found.nbytes("start") == 8 * SIZE
    held = computation(step, {"a": np.zeros(9), "table": [1.0] * SIZE})
    assert held.nbytes("start") >= 8 * SIZE


@pytest.mark.parametrize("work", ["dispatch", "start", "track"])
def test_what_large_states_cost_is_known_before_it_is_done(work: str) -> None:
    def step(state: Any) -> None:
        state.a[0] += 1

    def price(size: int) -> float:
        found = computation(step, {"a": np.zeros(size)})
        found.advance(1)
        by_worker(found)
        found._step_s = 1e-3
        return found.price(work)

    assert price(2 * 10**6) - price(10**6) == pytest.approx((16 if work == "track" else 8), rel=0.01)


def test_observation_says_nothing_about_the_pace_of_steps() -> None:
    found = scanning()
    found.begin()
    assert found.price("dispatch") == 0
    found.advance(1)
    assert found.price("dispatch") > 0


@pytest.mark.parametrize(
    "value",
    [
        [(n, n + 1) for n in range(1000, 51_000)],
        {n: str(n) for n in range(1000, 51_000)},
        [np.zeros(100) for _ in range(5_000)],
    ],
    ids=["tuples", "a dictionary", "arrays"],
)
def test_a_large_container_is_weighed_by_some_of_its_parts(value: Any) -> None:
    """The right value counts every part."""

    def exact(part: Any) -> int:
        if isinstance(part, np.ndarray):
            return int(part.nbytes) + 128
        held = [*part, *part.values()] if isinstance(part, dict) else part if isinstance(part, list | tuple) else []
        return sys.getsizeof(part) + sum(map(exact, held))

    assert weight(value) == pytest.approx(exact(value), rel=0.05)
