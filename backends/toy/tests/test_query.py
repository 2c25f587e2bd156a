"""Queries: calls that are not watched, by the promise of their author."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import cloudpickle
import numpy as np
import pytest
from ways import by_worker, computation

from asc.errors import AscError, NonDeterministicStepError
from asc.types import Transition
from asc_toy import accelerate, query
from asc_toy.ambient import ImpureError, Watch

asked: list[int] = []
local = threading.local()
lock = threading.Lock()


@query
def answer(n: int, *, to: str = "square") -> int:
    """Do much that a step itself may not do."""
    with lock:
        asked.append(n)
    local.calls = getattr(local, "calls", 0) + 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"", ("127.0.0.1", 9))
    time.time()
    with open(__file__, "rb") as file:
        file.read(1)
    return n * n if to == "square" else n


@query
def echo(n: int) -> int:
    return int(subprocess.run(["echo", str(n)], capture_output=True, check=True).stdout)


def step(state: Any) -> None:
    state.add("total", answer(state.n))
    state.n += 1


def unmarked(state: Any) -> None:
    state.add("total", int(subprocess.run(["true"], check=True).returncode))
    state.n += 1


class Service:
    """Something with a query for a method."""

    def __init__(self, by: int) -> None:
        self.by = by

    @query
    def times(self, n: int) -> int:
        time.monotonic()
        return self.by * n


service = Service(3)


def by_method(state: Any) -> None:
    state.add("total", service.times(state.n))
    state.n += 1


def by_process(state: Any) -> None:
    state.add("total", echo(state.n))
    state.n += 1


@pytest.mark.parametrize(
    "config",
    [{"executor": "none"}, {"executor": "threads", "workers": 8}, {"executor": "processes", "workers": 2}],
    ids=["none", "threads", "processes"],
)
def test_a_step_may_ask_whatever_happens_within(config: Any) -> None:
    result = accelerate(step, {"n": 0, "total": 0}, 200, config)
    assert result.state == {"n": 200, "total": sum(n * n for n in range(200))}
    assert not result.summary["reason"].startswith("No speed-up: the step")


def test_without_the_promise_the_first_step_is_refused() -> None:
    with pytest.raises(NonDeterministicStepError, match="starts a process"):
        accelerate(unmarked, {"n": 0, "total": 0}, 5, {"executor": "none"})


@pytest.mark.parametrize("one", [step, by_method, by_process])
def test_a_worker_in_a_thread_may_ask(one: Any) -> None:
    """It is profiled or not, and another thread than the one that made the watch."""
    found = computation(one, {"n": 1, "total": 0})
    found.begin()
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.extend(by_worker(found, (2, 2))))
    thread.start()
    thread.join()
    assert [type(part) for part in results] == [Transition, Transition]


def test_a_step_with_a_query_is_watched_all_the_same() -> None:
    def asks_a_clock(state: Any) -> None:
        state.n = answer(state.n)
        state.at = time.time()

    with pytest.raises(NonDeterministicStepError, match=r"calls time\.time"):
        accelerate(asks_a_clock, {"n": 0, "at": 0.0}, 5, {"executor": "none"})


def test_a_step_profiled_after_a_query_is_stopped() -> None:
    def prints(state: Any) -> None:
        state.n = answer(state.n)
        sys.stdout.write("")

    with pytest.raises(ImpureError, match="the step prints"):
        by_worker(computation(prints, {"n": 0}))


def test_a_query_within_a_query_is_a_query() -> None:
    @query
    def outer(n: int) -> int:
        return answer(n, to="same") + int(time.time() > 0)

    def asks(state: Any) -> None:
        state.n = outer(state.n)

    [part] = by_worker(computation(asks, {"n": 4}))
    assert isinstance(part, Transition)


def test_an_array_counts_as_read_as_a_whole() -> None:
    """A query may tell what an array is in ways that nothing sees."""

    @query
    def kind(values: Any) -> int:
        return int(type(values) is np.ndarray)

    def asks(state: Any) -> None:
        state.n += kind(state.values)

    result = accelerate(asks, {"n": 0, "values": np.arange(3)}, 20, {"executor": "threads", "workers": 2})
    assert result.state["n"] == 20


def test_two_processes_that_have_different_queries_differ() -> None:
    def fingerprint(by: int) -> dict[str, bytes]:
        @query
        def times(n: int) -> int:
            return by * n

        if by == 3:

            @query
            def times(n: int) -> int:
                return 2 * by * n

        return Watch([lambda state: times(state.n)]).fingerprint()

    assert fingerprint(1) == fingerprint(2)  # what a query reaches is its author's promise
    assert fingerprint(1) != fingerprint(3)


def test_a_query_that_is_given_the_state_says_what_to_give() -> None:
    def gives(state: Any) -> None:
        state.n = answer(state)

    with pytest.raises(AscError, match="The query 'answer' was given the state"):
        accelerate(gives, {"n": 0}, 5, {"executor": "none"})


def test_a_step_that_is_a_query_is_refused() -> None:
    with pytest.raises(AscError, match="The step 'answer' is a query"):
        accelerate(answer, {"n": 0}, 5)


def generator(n: int) -> Any:
    yield n


async def coroutine(n: int) -> int:
    return n


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3, "A query is a function, and this is 3"),
        (len, "A query is a function"),
        (generator, "The query 'generator' does its work after it has returned"),
        (coroutine, "The query 'coroutine' does its work after it has returned"),
    ],
)
def test_what_is_no_ordinary_function_is_no_query(given: Any, sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        query(given)


def test_a_query_is_pickled_by_its_name_or_with_its_function() -> None:
    @query
    def double(n: int) -> int:
        return 2 * n

    assert pickle.loads(pickle.dumps(answer)) is answer
    assert pickle.loads(cloudpickle.dumps(double))(4) == 8


def test_a_query_is_called_as_the_function_is() -> None:
    assert (answer(3), answer(3, to="itself"), answer.__name__) == (9, 3, "answer")
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        answer()  # type: ignore[call-arg]
