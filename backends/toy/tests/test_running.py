"""The object that plain steps run on: quick to reach, and one and the same for whatever refers to it."""

from __future__ import annotations

import copy
import gc
import pickle
import platform
import weakref
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from ways import computation, own_loop

from asc.errors import StepError
from asc_toy.own_loop import run_plain
from asc_toy.program import Program
from asc_toy.running import RunningState
from asc_toy.state import State, plain_state

STEPS = 12


@pytest.fixture(autouse=True)
def each_stretch_is_worth_a_new_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc_toy.running._WORTH_S", -1.0)


def is_own_loop(step: Callable[[Any], None], values: Mapping[str, Any]) -> None:
    """Run a step in stretches of several lengths. Asserts that each ends as the user's own loop does."""
    expected = [own_loop(step, values, position) for position in range(STEPS + 1)]
    for length in (1, 3, STEPS):
        found = computation(step, values, STEPS)
        while not found.finished():
            found.advance(length)
            assert type(found._state) is State
            assert difference(expected[found.position()], found.result()) == ""
    assert difference(expected[STEPS], run_plain(Program("test", step, values, STEPS))[0]) == ""


def run_in_parts(step: Callable[[Any], None], values: Mapping[str, Any]) -> dict[Any, Any]:
    """Run a step in stretches; return the final state."""
    found = computation(step, values, STEPS)
    while not found.finished():
        found.advance(3)
    return found.result()


@singledispatch
def class_of(value: object) -> str:
    """Return a name for a class."""
    return "another class"


@class_of.register
def _(value: State) -> str:
    return "State"


class TestAttributes:
    @pytest.mark.skipif(platform.python_implementation() != "CPython", reason="CPython's own way to keep attributes")
    def test_they_are_in_the_object_itself_whatever_other_programs_have_used(self) -> None:
        for program in range(5):
            running = RunningState({"n": 0, "a": np.zeros(3, int), **{f"x{program}_{i}": 0 for i in range(20)}})
            for _ in range(3):
                state: Any = running.start()
                state.n += 1
                state.add("n", 1)
                state.maximum("n", 7)
                state.add("a", 1, at=0)
                assert not any(type(held) is dict for held in gc.get_referents(state))
                del state
                running.stop()
            assert (running.state.n, running.state.a.tolist()) == (11, [3, 0, 0])  # type: ignore[attr-defined]

    def test_words_come_go_and_move(self) -> None:
        def step(state: Any) -> None:
            n = state.n
            del state.n
            if n % 3 == 2:
                del state.x
            else:
                state.x = n
            setattr(state, f"late{n}", [n])
            if n == 5:
                state.__dict__ = {"only": 1, **vars(state)}
            state.order = ",".join(vars(state))
            state.n = n + 1

        is_own_loop(step, {"n": 0, "x": 1, "order": ""})

    @pytest.mark.parametrize("count", [28, 29, 30, 31, 100])
    def test_there_may_be_many(self, count: int) -> None:
        def step(state: Any) -> None:
            state.x0 += 1
            state.late = state.x0 + state.x9

        is_own_loop(step, {f"x{i}": i for i in range(count)})

    @pytest.mark.parametrize("name", ["not a name", "__class__", "__dict__", "__weakref__", "__doc__", "add"])
    def test_a_dictionary_may_have_any_name(self, name: Any) -> None:
        def step(state: Any) -> None:
            words = vars(state)
            words[name] = words.get(name, 0) + 1
            state.n = words[name]

        is_own_loop(step, {"n": 0})

    def test_a_dictionary_may_have_keys_that_are_no_names(self) -> None:
        def step(state: Any) -> None:
            vars(state)[5] = state.n
            state.n += 1

        assert run_in_parts(step, {"n": 0}) == {"n": STEPS, 5: STEPS - 1}

    def test_an_error_shows_them_as_they_were(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n > 5:
                raise ValueError

        found = computation(step, {"n": 0}, STEPS)
        found.advance(3)
        with pytest.raises(StepError) as raised:
            found.advance(5)
        assert raised.value.state == {"n": 5}
        assert type(found._state) is State


class TestKept:
    def test_the_state_is_one_object_for_a_word_that_holds_it(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 3:
                state.held = [state]
            if 3 < state.n < 10:
                state.same += state.held[0] is state
            if state.n == 9:
                state.held = []

        is_own_loop(step, {"n": 0, "same": 0, "held": []})

    def test_the_state_is_one_object_for_its_own_method(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            add = vars(state).setdefault("method", state.add)
            add("total", state.n)

        assert run_in_parts(step, {"n": 0, "total": 0})["total"] == sum(range(STEPS + 1))

    def test_the_dictionary_is_one_object_for_whatever_holds_it(self) -> None:
        kept: list[dict[str, Any]] = []

        def step(state: Any) -> None:
            if not state.n:
                kept[:] = [vars(state)]
            state.n += 1
            kept[0]["same"] += kept[0] is vars(state)

        is_own_loop(step, {"n": 0, "same": 0})

    def test_the_state_is_one_object_for_a_weak_reference(self) -> None:
        kept: list[Any] = []

        def step(state: Any) -> None:
            if not state.n:
                kept[:] = [weakref.ref(state)]
            state.n += 1
            state.same += kept[0]() is state

        is_own_loop(step, {"n": 0, "same": 0})

    def test_the_state_is_one_object_for_a_generator(self) -> None:
        kept: list[Any] = []

        def numbers(state: Any) -> Any:
            while True:
                state.n += 1
                yield state

        def step(state: Any) -> None:
            if not state.n:
                kept[:] = [numbers(state)]
            state.same += next(kept[0]) is state

        is_own_loop(step, {"n": 0, "same": 0})

    def test_nothing_else_keeps_it_after_the_first_step(self) -> None:
        def step(state: Any) -> None:
            state.n += 1

        gc.disable()
        try:
            found = computation(step, {"n": 0}, STEPS)
            found.begin()
            assert type(found._running.start()) is not State
            found._running.stop()
        finally:
            gc.enable()


class TestClass:
    def test_it_answers_as_a_state(self) -> None:
        def step(state: Any) -> None:
            assert state.__class__ is State
            assert isinstance(state, State)
            assert repr(state).startswith("<asc_toy.state.State object at ")
            assert class_of(state) == "State"
            assert dir(state) == dir(plain_state(vars(state)))
            assert type(type(state)()) is State
            state.n += 1

        assert run_in_parts(step, {"n": 0})["n"] == STEPS

    def test_copies_and_pickles_are_those_of_a_state(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            other = plain_state(dict(vars(state)))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                sent = pickle.dumps(state, protocol)
                assert sent == pickle.dumps(other, protocol)
                assert type(pickle.loads(sent)) is State
            for copied in (copy.copy(state), copy.deepcopy(state)):
                assert type(copied) is State
                assert vars(copied) == vars(state)

        assert run_in_parts(step, {"n": 0, "items": [1]})["n"] == STEPS

    def test_a_step_may_change_it(self) -> None:
        class Other(State):
            pass

        def step(state: Any) -> None:
            state.n += 1
            if state.n == 2:
                state.__class__ = Other
            state.other += type(state) is Other

        found = computation(step, {"n": 0, "other": 0}, STEPS)
        for _ in range(4):
            found.advance(3)
        assert type(found._state) is Other
        assert found.result() == {"n": 12, "other": 11}
