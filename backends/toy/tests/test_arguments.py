"""Mistakes in the arguments of `accelerate` are sentences, before anything runs."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from asc.errors import AscError
from asc_toy import Program, SpeculationConfig, accelerate
from asc_toy.program import name_of, require_nothing
from asc_toy.state import State

QUICK = {"executor": "none"}


def step(state: Any) -> None:
    state.n += 1


def refused(sentence: str, *arguments: Any, **named: Any) -> None:
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(*arguments, **named)


def forbidden(state: Any) -> None:
    raise AssertionError("nothing runs before the arguments are checked")


@dataclass
class Point:
    n: int = 0

    def move(self) -> None:
        self.n += 1


class Pair(NamedTuple):
    n: int = 0


class Slots:
    __slots__ = ("n",)


class Generating:
    def __call__(self, state: Any) -> Iterator[int]:
        state.n += 1
        yield state.n


class Stepper:
    def step(self, state: Any) -> None:
        state.n += 1

    async def later(self, state: Any) -> None:
        state.n += 1


def generating(state: Any) -> Iterator[int]:
    state.n += 1
    yield state.n


async def later(state: Any, by: int = 1) -> None:
    state.n += by


async def one_by_one(state: Any) -> AsyncIterator[int]:
    yield state.n


def traced(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(call)
    def wrapper(state: Any) -> Any:
        return call(state)

    return wrapper


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (generating, "The step 'generating' is a generator function: calling it runs none of its lines."),
        (functools.partial(generating), "The step 'generating' is a generator function"),
        (Generating(), "The step 'Generating' is a generator function"),
        (one_by_one, "The step 'one_by_one' is an asynchronous generator function."),
        (functools.cache(step), "The step 'step' has a cache, so all calls but the first would do nothing."),
        (Stepper, "The step is the class Stepper. Expected a function of the state: def step(state): state.n += 1"),
        (None, "The step is None, which cannot be called (was it called where only its name belongs?)."),
        ({"n": 0}, "The step is {'n': 0}, of the type dict, which cannot be called. Expected a function of the state"),
        (lambda: None, "The step '<lambda>' takes no argument, and it is called with one argument, the state."),
        (lambda state, i: None, "The step '<lambda>' takes state, i, and it is called with one argument, the state."),
        (lambda state, *, by: None, "The step '<lambda>' takes state, by, and it is called with one argument"),
        (Program("p", step, {"n": 0}, 5), "Write accelerate(program.step, program.state, program.steps, until=program"),
    ],
)
def test_a_step_that_is_no_function_of_the_state_is_refused(given: Any, sentence: str) -> None:
    refused(sentence, given, {"n": 0}, 10)


def test_a_step_may_be_anything_that_takes_the_state() -> None:
    def by(state: Any, amount: int = 1) -> None:
        state.n += amount

    @traced
    def decorated(state: Any) -> None:
        state.n += 1

    def two(call: Callable[[Any, int], None]) -> Callable[[Any], None]:
        @functools.wraps(call)
        def wrapper(state: Any) -> None:
            call(state, 2)

        return wrapper

    for given in (by, decorated, later, Stepper().later, Stepper().step, functools.partial(Stepper.step, Stepper())):
        assert accelerate(given, {"n": 0}, 10, QUICK).state == {"n": 10}
    assert accelerate(functools.partial(by, amount=3), {"n": 0}, 10, QUICK).state == {"n": 30}
    assert accelerate(two(by), {"n": 0}, 10, QUICK).state == {"n": 20}


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ({"n": 1}, "The step 'step' returned a dict. A step changes the state that it is given, and returns nothing: "),
        (
            1,
            "The step 'step' returned an int. A step changes the state that it is given, and returns nothing: put the ",
        ),
        (False, "The step 'step' returned a bool."),
        (State(), "returned the state. A step changes the state that it is given, and returns nothing: leave out the"),
        (generating(State()), "returned a generator. A step changes the state that it is given, and returns nothing: "),
    ],
)
def test_a_step_that_returns_something_is_refused(returned: object, sentence: str) -> None:
    with pytest.raises(AscError, match=re.escape(sentence)):
        require_nothing(returned, step)


def test_a_step_that_returns_nothing_is_fine() -> None:
    require_nothing(None, step)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (lambda state: state.__dict__.update(n=state.n + 1) or state, "The step '<lambda>' returned the state."),
        (lambda state: state.n, "The step '<lambda>' returned an int."),
        (traced(later), "The step 'later' returned a coroutine."),
        (traced(generating), "The step 'generating' returned a generator."),
    ],
)
@pytest.mark.parametrize("config", [QUICK, {"executor": "threads"}])
def test_the_first_step_shows_whether_a_step_returns_something(given: Any, sentence: str, config: Any) -> None:
    refused(sentence, given, {"n": 0}, 10, config)


def test_a_coroutine_that_a_decorator_runs_is_a_step() -> None:
    @functools.wraps(later)
    def whole(state: Any) -> None:
        coroutine = later(state)
        with pytest.raises(StopIteration):
            coroutine.send(None)

    assert not asyncio.iscoroutinefunction(whole)
    assert accelerate(whole, {"n": 0}, 3, QUICK).state == {"n": 3}


@pytest.mark.parametrize(
    ("steps", "shown", "example"),
    [
        (-1, "-1, of the type int", 1000),
        (2.5, "2.5, of the type float", 1000),
        (1e6, "1000000.0, of the type float", 1_000_000),
        (True, "True, of the type bool", 1000),
        (np.True_, "np.True_, of the type bool", 1000),
        ("100", "'100', of the type str", 1000),
        (float("nan"), "nan, of the type float", 1000),
        ([10], "[10], of the type list", 1000),
    ],
)
def test_a_number_of_steps_is_a_whole_number(steps: Any, shown: str, example: int) -> None:
    expected = f"The number of steps is {shown}; expected a whole number, at least 0, such as steps={example}."
    refused(expected, forbidden, {"n": 0}, steps)


def test_a_condition_in_the_place_of_the_steps_is_refused() -> None:
    refused("A condition for the end is given as until=…", forbidden, {"n": 0}, lambda state: state.n > 10)


@pytest.mark.parametrize("steps", [np.int64(7), np.uint8(7), np.array(7), 7])
def test_a_whole_number_of_numpy_is_a_number_of_steps(steps: Any) -> None:
    result = accelerate(step, {"n": 0}, steps, QUICK)
    assert result.state == {"n": 7}
    assert type(result.summary["total"]) is int


def test_a_program_without_an_end_is_refused() -> None:
    refused("The program has no end: neither steps nor until was given. Write steps=1000, or until=", step, {"n": 0})


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        (True, "The until is True, of the type bool, which cannot be called. Expected a function of the state: until="),
        ("state.n > 5", "The until is 'state.n > 5', of the type str, which cannot be called."),
        (generating, "The until 'generating' is a generator function"),
        (lambda: True, "The until '<lambda>' takes no argument"),
    ],
)
def test_a_condition_that_is_no_function_of_the_state_is_refused(until: Any, sentence: str) -> None:
    refused(sentence, forbidden, {"n": 0}, until=until)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (
            SimpleNamespace(n=0),
            "The state is of the type SimpleNamespace; expected a mapping of names to values. Write ",
        ),
        (
            Point(),
            "The state is of the type Point; expected a mapping of names to values. Write vars(state): a step fi",
        ),
        (Pair(), "The state is of the type Pair; expected a mapping of names to values. Write state._asdict()."),
        (
            Slots(),
            "The state is of the type Slots; expected a mapping of names to values. Write the values by name, su",
        ),
        ([("n", 0)], "The state is of the type list; expected a mapping of names to values."),
        (np.zeros(3), "The state is of the type ndarray; expected a mapping of names to values."),
        (None, "The state is of the type NoneType; expected a mapping of names to values."),
        (forbidden, "The state is of the type function; expected a mapping of names to values. Write the values by na"),
        ({}, 'The state is empty. Expected the values that the first step finds, such as {"n": 0}.'),
        ({1: 0}, "1 cannot name a word: use a Python identifier"),
        ({"a b": 0}, "'a b' cannot name a word: use a Python identifier"),
        ({"add": 0}, "'add' cannot name a word: use a Python identifier without a leading underscore that is none of"),
    ],
)
def test_a_state_is_a_mapping_of_names_to_values(state: Any, sentence: str) -> None:
    refused(sentence, forbidden, state, 10, QUICK)


def test_any_mapping_is_a_state() -> None:
    given = MappingProxyType({"n": 0})
    assert accelerate(step, given, 3, QUICK).state == {"n": 3}
    assert accelerate(step, vars(SimpleNamespace(n=1)), 3, QUICK).state == {"n": 4}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            ["workers"],
            "The config is ['workers'], of the type list; expected settings by name, such as {\"workers\": 2}",
        ),
        (SpeculationConfig, "of the type ModelMetaclass; expected settings by name"),
        ({"executor": "threads", "threads": 4}, "threads=4 is for the executor processes, and the executor is threads"),
        (4, "The config is 4, of the type int; expected settings by name"),
        ({1: 2}, 'The setting "1" was given'),
    ],
)
def test_a_config_is_settings_by_name(config: Any, sentence: str) -> None:
    refused(sentence, forbidden, {"n": 0}, 10, config)


def test_names_of_steps_are_for_people() -> None:
    assert name_of(step) == "step"
    assert name_of(functools.partial(functools.partial(step))) == "step"
    assert name_of(Stepper().step) == "step"
    assert name_of(Generating()) == "Generating"
