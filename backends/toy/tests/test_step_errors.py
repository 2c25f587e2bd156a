"""Steps that raise, steps that are no functions of their state, and what a computation says about them."""

from __future__ import annotations

import functools
import random
import time
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from ways import computation, own_loop

from asc.errors import AscError, NonDeterministicStepError, StepError
from asc_toy.computation import ToyComputation
from asc_toy.program import Program


class TestStepError:
    @pytest.mark.parametrize("record", [True, False])
    def test_names_program_position_and_cause(self, record: bool) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.a[0] = state.n
            if state.n == 14:
                raise LookupError("nothing there")

        found = ToyComputation(Program("mine", step, {"n": 0, "a": np.zeros(1, int)}, 20))
        found.advance(10, record)
        with pytest.raises(StepError, match="'mine' raised LookupError at position 13 of 20: nothing there") as caught:
            found.advance(5, record)
        assert isinstance(caught.value.__cause__, LookupError)
        assert caught.value.position == found.position() == 13

    @pytest.mark.parametrize("record", [True, False])
    @pytest.mark.parametrize("first", [0, 1, 4])
    def test_has_the_last_good_state(self, first: int, record: bool) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.a[state.n % 2] += 1
            state.items.append(state.n)
            state.late = state.n
            del state.x
            state.x = 5
            state.table[1].append(2)
            if state.n == 7:
                state.a[:] = 99
                state.items.clear()
                raise ValueError

        values = {"x": 1, "n": 0, "a": np.zeros(2, int), "items": [], "table": {1: []}}
        found = computation(step, values)
        found.advance(first, record)
        with pytest.raises(StepError) as caught:
            found.advance(20, record)
        assert caught.value.position == 6
        assert caught.value.state is not None
        assert not difference(own_loop(step, values, 6), caught.value.state)
        assert not difference(own_loop(step, values, 6), found.result())

    def test_aliases_in_the_last_good_state(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.a.append(state.n)
            if state.n == 3:
                state.c = state.b
                state.b = []
            if state.n == 5:
                raise ValueError

        both: list[int] = []
        values = {"n": 0, "a": both, "b": both, "c": None}
        found = computation(step, values)
        with pytest.raises(StepError) as caught:
            found.advance(20)
        assert caught.value.state is not None
        assert not difference(own_loop(step, values, 4), caught.value.state)

    def test_a_large_state_is_not_kept(self) -> None:
        def step(state: Any) -> None:
            state.a[:] += 1
            state.n += 1
            1 // (3 - state.n)

        found = computation(step, {"n": 0, "a": np.zeros(10**5)})
        with pytest.raises(StepError, match="ZeroDivisionError at position 2") as caught:
            found.advance(9)
        assert (caught.value.position, caught.value.state) == (2, None)

    def test_a_state_that_cannot_be_copied_is_found_again_from_an_earlier_one(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.f = lambda: state.n
            1 // (3 - state.f())

        found = computation(step, {"n": 0})
        found.advance(1)
        with pytest.raises(StepError) as caught:
            found.advance(9)
        assert caught.value.state is not None
        assert (caught.value.position, caught.value.state["n"]) == (2, 2)

    def test_steps_that_cannot_be_taken_again_leave_state_and_position_together(self) -> None:
        """They print, so they are taken once."""

        def step(state: Any) -> None:
            state.n += 1
            print(end="")  # noqa: T201
            1 // (3 - state.n)

        found = computation(step, {"n": 0})
        with pytest.raises(StepError, match="at position 2 of 99") as caught:
            found.advance(9)
        assert (caught.value.position, caught.value.state) == (2, None)
        assert found.result() == {"n": found.position()}

    @pytest.mark.parametrize("record", [True, False])
    def test_missing_word_is_reported(self, record: bool) -> None:
        found = computation(lambda state: state.nn, {"n": 0}, 5)
        with pytest.raises(StepError, match=r"raised AttributeError at position 0 of 5: .* has no attribute 'nn'"):
            found.advance(1, record)

    @pytest.mark.parametrize("record", [True, False])
    @pytest.mark.parametrize("changing", [True, False])
    def test_index_out_of_range_is_reported(self, record: bool, changing: bool) -> None:
        found = computation(lambda state: state.u[9], {"u": np.zeros(3)}, 5, changing=changing)
        with pytest.raises(StepError, match="raised IndexError at position 0 of 5: index 9 is out of bounds"):
            found.advance(1, record)

    def test_overflow_of_an_element_is_one_of_the_step(self) -> None:
        """Recorded, a sum is carried out in one go; it must not end in another place or as another error."""

        def step(state: Any) -> None:
            state.n += 1
            state.add("a", 100, at=0)

        found = ToyComputation(Program("mine", step, {"n": 0, "a": np.zeros(1, np.uint8)}, 9))
        assert found.advance(2, record=True).recorded is not None
        with pytest.raises(StepError, match="'mine' raised OverflowError at position 2 of 9"):
            found.advance(2, record=True)
        assert found.result()["a"].tolist() == [200]

    def test_superstep_that_cannot_be_expressed_is_not_taken_twice(self) -> None:
        def step(state: Any) -> None:
            state.a[0] += 1
            state.x = lambda: state

        found = computation(step, {"x": 0, "a": np.zeros(1, int)})
        assert found.advance(1, record=True).recorded is None
        assert found.result()["a"].tolist() == [1]

    def test_failed_run_has_a_digest(self) -> None:
        found = computation(lambda state: state.nn, {"n": 0}, 5)
        with pytest.raises(StepError):
            found.advance(1)
        assert found.digest() == computation(lambda state: None, {"n": 0}).digest()


class TestErrorOfTheCondition:
    def test_before_the_first_step(self) -> None:
        found = computation(lambda state: None, {"n": 3}, until=lambda state: state.missing)
        with pytest.raises(StepError, match="The condition of 'test' raised AttributeError at position 0") as caught:
            found.finished()
        assert caught.value.state == {"n": 3}

    @pytest.mark.parametrize("record", [True, False])
    def test_after_a_step(self, record: bool) -> None:
        def step(state: Any) -> None:
            state.n += 1

        found = computation(step, {"n": 0}, until=lambda state: 1 // (3 - state.n) < 0)
        with pytest.raises(StepError, match="raised ZeroDivisionError at position 3 of 99"):
            found.advance(9, record)


class TestReturnedValues:
    @pytest.mark.parametrize(
        ("returns", "phrase"),
        [
            (lambda state: 5, "returned an int.*: put the value into the state"),
            (lambda state: state, "returned the state.*: leave out the return"),
            (lambda state: (yield), "returned a generator.*: none of its lines has run"),
        ],
    )
    def test_are_refused_at_the_first_step(self, returns: Any, phrase: str) -> None:
        for begin in (True, False):
            found = computation(returns, {"n": 0})
            with pytest.raises(AscError, match=phrase):
                found.begin() if begin else found.advance(1)
            assert found.position() == 0


COUNTS = [0]
KEPT: dict[str, int] = {}


def draws(state: Any) -> None:
    state.x = random.random()


def draws_by_numpy(state: Any) -> None:
    state.x = float(np.random.random())


def reads_a_clock(state: Any) -> None:
    state.x = time.perf_counter()


def counts(state: Any) -> None:
    COUNTS[0] += 1
    state.x = COUNTS[0]


def keeps(state: Any, kept: list[float] = []) -> None:  # noqa: B006
    kept.append(state.x)


def remembers(state: Any) -> None:
    remembers.calls = getattr(remembers, "calls", 0) + 1  # type: ignore[attr-defined]


class TestBegin:
    @pytest.mark.parametrize(
        ("step", "phrase"),
        [
            (draws, "the step calls random.random|the step draws from the generator of `random`|changes .*random"),
            (draws_by_numpy, "numpy.random|`np.random`"),
            (reads_a_clock, r"the step calls time.perf_counter \(test_step_errors.py, line \d+\)"),
            (counts, "the step changes `COUNTS`, a global of .*: put it into the state"),
            (keeps, "the step changes `kept`, a default argument of `keeps`: put it into the state"),
            (remembers, "the step changes `remembers.calls`, where `remembers` is a function: put it into the state"),
        ],
    )
    def test_steps_that_are_no_functions_of_their_state_are_refused_by_name(self, step: Any, phrase: str) -> None:
        found = computation(step, {"x": 0.0})
        with pytest.raises(NonDeterministicStepError, match=phrase) as caught:
            found.begin()
        assert str(caught.value).startswith("The step function of 'test' is no function of its state. Up to position 1")
        assert str(caught.value).endswith("Without speculation, it runs as it is: --no-speculation, or a plain loop.")

    def test_takes_the_first_step_once(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.items.append(state.n)

        found = computation(step, {"n": 0, "items": []})
        found.begin()
        assert found.position() == 1
        assert not difference(own_loop(step, {"n": 0, "items": []}, 1), found.result())

    def test_takes_no_step_where_there_is_none(self) -> None:
        for found in (
            computation(draws, {"x": 0.0}, 0),
            computation(draws, {"x": 0.0}, until=lambda state: state.x == 0),
        ):
            found.begin()
            assert found.position() == 0

    def test_begins_at_a_checkpoint(self) -> None:
        def step(state: Any) -> None:
            state.n += 1

        found = computation(step, {"n": 0})
        found.load(7, {"n": 7})
        found.begin()
        assert (found.position(), found.result()) == (8, {"n": 8})

    def test_change_that_a_later_step_makes_is_found_before_a_leap(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 3:
                KEPT["x"] = state.n

        found = computation(step, {"n": 0})
        found.begin()
        entry = found.advance(1, record=True).recorded
        assert entry is not None
        found.advance(1)
        found.words()["n"] = 1  # type: ignore[index]
        with pytest.raises(NonDeterministicStepError, match="the step changes `KEPT`, a global of"):
            found.agrees(entry)

    def test_change_in_a_tracked_superstep_is_an_error(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 2:
                COUNTS.append(1)

        found = computation(step, {"n": 0})
        found.begin()
        with pytest.raises(NonDeterministicStepError, match="the step changes `COUNTS`, a global of"):
            found.advance(1, record=True)

    def test_what_it_reaches_and_nothing_can_compare_is_a_hindrance(self) -> None:
        numbers = iter(range(9))

        def step(state: Any) -> None:
            state.n += next(numbers)

        found = computation(step, {"n": 0})
        try:
            found.begin()
        except NonDeterministicStepError as error:
            assert "`numbers`" in str(error)  # noqa: PT017
        else:
            assert "`numbers`" in found.hindrance
            assert found.advance(1, record=True).recorded is None


class TestBorrowedValues:
    """A run works on a copy of the given state. The user's own loop, on the values themselves, would end otherwise."""

    def test_word_that_is_changed_and_found_beside_the_state_is_refused(self) -> None:
        data: list[int] = []

        def step(state: Any) -> None:
            state.items.append(1)
            state.n = len(data)

        found = computation(step, {"items": data, "n": 0})
        with pytest.raises(AscError, match="'items', and also finds its given value as `data`, a variable of the fun"):
            found.begin()

    @pytest.mark.parametrize("record", [True, False])
    def test_array_of_the_object_that_the_step_is_a_method_of(self, record: bool) -> None:
        class Simulation:
            def __init__(self) -> None:
                self.grid = np.arange(4.0)

            def step(self, state: Any) -> None:
                state.n += 1
                if state.n == 3:
                    state.grid[1:] = self.grid[:2]

        simulation = Simulation()
        found = computation(simulation.step, {"n": 0, "grid": simulation.grid[:3]})
        found.begin()
        found.advance(1, record)
        with pytest.raises(AscError, match=r"'grid', and also finds its given value as `self.grid`"):
            found.advance(1, record)

    def test_word_that_never_changes_may_be_found_elsewhere_too(self) -> None:
        table = {1: [2]}

        def step(state: Any) -> None:
            state.n += len(table[1]) + len(state.table)

        found = computation(step, {"n": 0, "table": table})
        found.begin()
        assert found.advance(3, record=True).recorded is not None
        assert found.result()["n"] == 8


def test_counted_calls_of_a_cache_are_a_hindrance() -> None:
    @functools.lru_cache
    def square(x: int) -> int:
        return x * x

    def step(state: Any) -> None:
        state.n += 1
        state.x = square(state.n % 3) + square.cache_info().hits

    found = computation(step, {"n": 0, "x": 0})
    found.begin()
    assert "`cache_info` of `square`" in found.hindrance
    assert found.advance(1, record=True).recorded is None
