"""Transitions of the toy computation: where they agree, and what a leap leads to."""

from __future__ import annotations

import decimal
import math
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from mixed import made, only, recorded, simple
from ways import by_worker, computation

from asc.errors import NonDeterministicStepError
from asc.speculators.executed.spotcheck import check_leap
from asc.types import Transition
from asc_toy.computation import ToyComputation


class TestTransitions:
    def test_transition_leaps(self) -> None:
        executed, leapt = made(), made()
        entry = recorded(executed, 5)
        assert (entry.start, entry.steps) == (0, 5)
        assert leapt.agrees(entry)
        leapt.apply(entry)
        assert (leapt.position(), leapt.digest()) == (5, executed.digest())
        assert not difference(executed.result(), leapt.result())

    def test_transition_may_be_used_again(self) -> None:
        """What a leap has written is its own: later steps change no transition."""

        def step(state: Any) -> None:
            state.items = [state.n]
            state.a = np.zeros(2)
            state.n = 1 - state.n

        found = computation(step, {"n": 0, "items": None, "a": None})
        entries = [recorded(found), recorded(found)]
        for _ in range(2):
            for entry in entries:
                assert found.agrees(entry)
                found.apply(entry)
                assert found.result()["items"] == [found.position() % 2 ^ 1]
                assert found.result()["a"].tolist() == [0, 0]
                found.result()["items"].append("changed")
                found.result()["a"][0] = 7

    @pytest.mark.parametrize("kind", ["right", "a word", "a late word", "an element", "an order of names"])
    def test_leap_is_checked_against_its_steps(self, kind: str) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.late = None
            state.a[state.n] = state.n
            state.last = [state.constant[0], *state.items]

        found = computation(step, {"n": 0, "a": np.zeros(9), "constant": [1], "items": (1, "x")})
        (entry,) = by_worker(found)
        assert isinstance(entry, Transition)
        words, elements = dict(entry.effect.words), dict(entry.effect.elements)
        if kind == "a word":
            words["last"] = [1, 1, "y"]
        elif kind == "a late word":
            del words["late"]
        elif kind == "an element":
            del elements["a"]
        elif kind == "an order of names":
            words["late"] = words.pop("late")
        leap = entry._replace(effect=entry.effect._replace(words=words, elements=elements))
        if kind == "right":
            check_leap(found, leap)
        else:
            with pytest.raises(NonDeterministicStepError):
                check_leap(found, leap)
        assert found.result()["a"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]

    def test_leap_raises_the_flags_of_the_decimal_context_that_its_steps_raise(self) -> None:
        def step(state: Any) -> None:
            state.x = float(decimal.Decimal(state.n) / 7)

        with decimal.localcontext() as context:
            found = computation(step, {"n": 1, "x": 0.0})
            (entry,) = by_worker(found)
            assert isinstance(entry, Transition)
            context.clear_flags()
            context.flags[decimal.Clamped] = True
            found.apply(entry)
            raised = {flag for flag, is_raised in context.flags.items() if is_raised}
            assert raised == {decimal.Clamped, decimal.Inexact, decimal.Rounded}

    @pytest.mark.parametrize("asked", ["flags[decimal.Inexact]", "clear_flags()"])
    def test_superstep_that_asks_for_the_flags_of_the_decimal_context_is_no_transition(self, asked: str) -> None:
        space: dict[str, Any] = {"decimal": decimal}
        exec(f"def step(state):\n    state.x = decimal.getcontext().{asked}", space)
        found = computation(space["step"], {"x": None})
        assert found.advance(1, record=True).recorded is None

    def test_word_that_is_only_added_to_does_not_matter(self) -> None:
        entry = recorded(simple(total=0))
        other = simple(total=1000)
        assert other.agrees(entry)
        other.apply(entry)
        assert other.words() == {"n": 1, "total": 1001}

    @pytest.mark.parametrize("value", [True, 0.0, -0.0, np.int64(0), 1, None, [0]])
    def test_word_that_was_read_matches_by_type_and_bits(self, value: Any) -> None:
        entry = recorded(simple())
        assert simple().agrees(entry)
        assert simple(n=value).disagreement(entry) == "n"

    def test_nan_equals_itself_and_no_other(self) -> None:
        def step(state: Any) -> None:
            state.y = state.x > 0

        def of(value: float) -> ToyComputation:
            return computation(step, {"x": value, "y": 0}, 3)

        entry = recorded(of(math.nan))
        assert of(float("nan")).agrees(entry)
        assert not of(-math.nan).agrees(entry)

    def test_word_that_is_only_added_to_is_an_integer(self) -> None:
        entry = recorded(simple())
        for value in (0.5, True, np.int64(3), None):
            assert not simple(total=value).agrees(entry)

    def test_absent_word_matches_its_absence_only(self) -> None:
        def step(state: Any) -> None:
            state.n = getattr(state, "bonus", 1)

        def of(**words: Any) -> ToyComputation:
            return computation(step, {"n": 0, **words}, 3)

        entry = recorded(of())
        assert of().agrees(entry)
        assert not of(bonus=1).agrees(entry)
        assert of().key(("bonus", "n")) == (None, 0)

    def test_no_leap_past_the_end(self) -> None:
        entry = recorded(simple(), 5)
        assert simple(4).disagreement(entry) == "the end of the run"

    def test_key_is_that_of_the_causal_words(self) -> None:
        def step(state: Any) -> None:
            state.n += len(state.items)

        found = computation(step, {"n": 1, "items": [2]}, changing=True)
        key = found.key(("n", "items"))
        entry = recorded(found)
        assert key == (entry.causal["n"], entry.causal["items"])
        assert simple(x=1).key(("x",)) != simple(x=True).key(("x",)) != simple(x=1.0).key(("x",))

    def test_array_written_since_does_not_match(self) -> None:
        def step(state: Any) -> None:
            if state.n % 2:
                state.a[0] += 1
            else:
                state.y = int(state.a[1])
            state.n = 1 - state.n

        found = computation(step, {"n": 0, "y": 0, "a": np.zeros(2, int)}, 20)
        entry = recorded(found)
        found.advance(1)
        assert found.words()["n"] == 0
        assert found.disagreement(entry) == "a"
        again = recorded(found)
        found.advance(1)
        assert found.agrees(again)

    def test_array_accumulated_into_does_not_match(self) -> None:
        def step(state: Any) -> None:
            if state.n % 2:
                state.add("a", 1, at=0)
            else:
                state.y = int(state.a[0])
            state.n = 1 - state.n

        for record in (True, False):
            found = computation(step, {"n": 0, "y": 0, "a": np.zeros(2, int)}, 20)
            entry = recorded(found)
            found.advance(1, record)
            assert not found.agrees(entry)
            found.advance(1)
            assert found.words()["y"] == 1

    def test_container_changed_since_does_not_match(self) -> None:
        def step(state: Any) -> None:
            if state.n % 2:
                state.items[0].append(state.n)
            else:
                state.y = len(state.items)
            state.n = 1 - state.n

        for record in (True, False):
            found = computation(step, {"n": 0, "y": 0, "items": [[]]}, 20)
            entry = recorded(found)
            found.advance(1, record)
            assert found.disagreement(entry) == "items"
            again = recorded(found)
            assert again.causal["items"]
            found.apply(recorded(found))
            assert not found.agrees(again)

    def test_constant_that_has_its_first_contents_again_still_counts_as_changing(self) -> None:
        def step(state: Any) -> None:
            state.y = len(state.items)
            state.n += 1
            if state.n % 2:
                state.items.append(1)
            else:
                state.items.clear()

        found = computation(step, {"n": 0, "y": 0, "items": []}, 20)
        entry = recorded(found)
        found.advance(1)
        assert found.result()["items"] == []
        found.words()["n"] = 0  # type: ignore[index]
        assert not found.agrees(entry)

    def test_layout_of_an_array_must_be_the_same(self) -> None:
        def step(state: Any) -> None:
            state.y = len(state.a)

        entry = only(by_worker(computation(step, {"y": 0, "a": np.zeros(3)}, changing=True)))
        for other in (np.zeros(4), np.zeros((3, 1)), np.zeros(3, int), np.zeros(6)[::2], [0, 0, 0], None):
            found = computation(step, {"y": 0, "a": other}, changing=True)
            assert found.disagreement(entry) == "an array's layout, or its room for a sum"

    def test_value_that_did_not_arrive_as_it_was_left_is_no_leap(self) -> None:
        """The pickle of an array without order has other strides."""

        def step(state: Any) -> None:
            state.a = np.arange(12)[::2]

        found = computation(step, {"a": None})
        (entry,) = by_worker(found, pickled=True)
        assert isinstance(entry, Transition)
        assert found.disagreement(entry) == "a value that a worker could not send"
        assert found.agrees(only(by_worker(found)))
