"""The toy computation: snapshots, transitions, digests, errors, and the laws that every exact computation keeps."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import cloudpickle
import numpy as np
import pytest

from asc.computation import Computation, Executable
from asc.errors import AscError, StepError
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.testing.laws import ExactLaws
from asc.types import Candidate, Combination, Direct, Plan, Transition
from asc_toy.computation import ToyComputation, run_plain
from asc_toy.program import Program
from asc_toy.programs import build


def mixed(state: Any) -> None:
    """Words of several types, an array that is only read, one that is written, accumulations of both kinds."""
    n = state.n
    state.cells[n % 5] = state.table[n % 7] + state.cells[(n + 2) % 5] // 2
    state.cells[1:3] += 1
    state.add("total", int(state.cells[0]))
    state.add("histogram", 1, at=n % 3)
    state.ratio = -state.ratio if n % 4 == 0 else state.ratio * 0.5
    state.label = "even" if n % 2 == 0 else "odd"
    if n == 9:
        state.late = n
    state.n = n + 1


def program(steps: int = 60) -> Program:
    return Program(
        "mixed",
        mixed,
        {
            "n": 0,
            "total": 0,
            "ratio": 1.0,
            "label": "",
            "cells": np.zeros(5, np.int64),
            "table": np.arange(7) * 3,
            "histogram": np.zeros(3, np.int32),
        },
        steps,
    )


def made(steps: int = 60) -> ToyComputation:
    return ToyComputation(program(steps))


def counting(state: Any) -> None:
    state.n += 1
    state.add("total", state.n)


def simple(steps: int = 20, **words: Any) -> ToyComputation:
    return ToyComputation(Program("counting", counting, {"n": 0, "total": 0, **words}, steps))


def recorded(computation: ToyComputation, steps: int = 1) -> Transition:
    found = computation.advance(steps, record=True).recorded
    assert found is not None
    return found


class TestMixedKeepsTheLaws(ExactLaws):
    every = 3

    def computation(self) -> Computation:
        return made(180)

    def predictors(self) -> Mapping[str, Any]:
        return {"linear": Linear(), "last-value": LastValue()}


class TestListKeepsTheLaws(ExactLaws):
    every = 64

    def computation(self) -> Computation:
        return ToyComputation(build("list-shuffled", 2, 3))


class TestCollatzKeepsTheLaws(ExactLaws):
    def computation(self) -> Computation:
        return ToyComputation(build("collatz-count", 1200, 1))


class TestAdvance:
    def test_ends_where_the_plain_loop_ends(self) -> None:
        expected, digest = run_plain(program())
        found = made()
        assert found.advance(10**9).steps == 60
        assert found.finished()
        assert found.digest() == digest
        assert found.result()["late"] == expected["late"] == 9
        assert np.array_equal(found.result()["cells"], expected["cells"])

    def test_plain_form_ends_alike(self) -> None:
        plain = ToyComputation(program(), plain=True)
        plain.advance(60)
        assert plain.digest() == run_plain(program())[1]

    def test_nothing_past_the_end(self) -> None:
        found = made(5)
        assert found.advance(7).steps == 5
        assert found.advance(7).steps == 0
        assert found.position() == found.total() == 5

    def test_result_is_a_copy(self) -> None:
        found = made()
        found.result()["cells"][0] = 99
        assert found.result()["cells"][0] == 0

    def test_the_state_given_is_left_as_it_is(self) -> None:
        given = program()
        ToyComputation(given).advance(60)
        assert given.state["n"] == 0
        assert not given.state["cells"].any()


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

    def test_word_of_a_wrong_type_is_reported(self) -> None:
        found = ToyComputation(Program("mine", lambda state: setattr(state, "x", [1]), {"x": 0}, 5))
        for record in (True, False):
            with pytest.raises(StepError, match=r"state.x was set to a list; a word holds int, float, bool, bytes"):
                found.advance(1, record)
        assert found.words() == {}
        assert found.digest()  # a failed run has a summary as well

    def test_missing_word_is_reported(self) -> None:
        found = ToyComputation(Program("mine", lambda state: state.nn, {"n": 0}, 5))
        with pytest.raises(StepError, match="the state has no word 'nn'; it has n"):
            found.advance(1)

    def test_index_out_of_range_is_reported(self) -> None:
        for name in ("u", "w"):
            found = ToyComputation(Program("mine", lambda s, name=name: getattr(s, name)[9], {name: np.zeros(3)}, 5))
            for record in (True, False):
                with pytest.raises(StepError, match="raised IndexError at position 0 of 5: index 9 is out of bounds"):
                    found.advance(1, record)

    def test_writing_past_the_state_has_a_hint(self) -> None:
        found = ToyComputation(Program("mine", lambda state: state.a.sort(), {"a": np.zeros(3)}, 5))
        with pytest.raises(StepError, match=r"read-only. Write into an array of the state by state.a\[...\] = value"):
            found.advance(1)

    def test_overflow_of_an_element_is_one_of_the_step(self) -> None:
        """Recorded, a sum is carried out in one go; it must not end in another place or as another error."""

        def step(state: Any) -> None:
            state.n += 1
            state.add("a", 100, at=0)

        found = ToyComputation(Program("mine", step, {"n": 0, "a": np.zeros(1, np.uint8)}, 9))
        recorded(found, 2)
        with pytest.raises(StepError, match="'mine' raised OverflowError at position 2 of 9"):
            found.advance(2, record=True)

    def test_recorded_superstep_that_ends_badly_is_not_taken_twice(self) -> None:
        """Tracked, the value shows only in the end; what the superstep wrote must not be written on top of itself."""

        class Odd(int):
            pass

        def step(state: Any) -> None:
            state.a[0] += 1
            state.x = Odd(3)

        found = ToyComputation(Program("mine", step, {"x": 0, "a": np.zeros(1, int)}, 9))
        with pytest.raises(StepError):
            found.advance(1, record=True)
        assert found.result()["a"].tolist() == [1]

    def test_program_that_tracking_cannot_follow_runs_all_the_same(self) -> None:
        def step(state: Any) -> None:
            if state.n:
                state.a.sort()
            else:
                state.a[0] = 9
            state.n += 1

        found = ToyComputation(Program("mine", step, {"n": 0, "a": np.arange(3)}, 4))
        found.advance(1)
        assert found.advance(2, record=True).recorded is None
        assert found.position() == 3
        assert found.result()["a"].tolist() == [1, 2, 9]


class TestSnapshots:
    def test_goes_back_bit_for_bit(self) -> None:
        found = made()
        found.advance(7)
        snapshot, before = found.snapshot(), found.digest()
        found.advance(20)
        found.restore(snapshot)
        assert (found.position(), found.digest()) == (7, before)
        assert "late" not in found.words()

    def test_goes_into_another_computation_of_the_program(self) -> None:
        """Arrays that were written there count as written here."""
        one, other = made(), made()
        entry = recorded(other, 3)
        one.advance(11)
        fresh = made()
        fresh.restore(one.snapshot())
        assert fresh.digest() == one.digest()
        assert not fresh.agrees(entry)
        first = fresh.snapshot()
        later = recorded(fresh, 2)
        third = made()
        third.restore(first)
        assert third.agrees(later)
        third.apply(later)
        assert third.digest() == fresh.digest()

    def test_observed_words_do_not_change_any_more(self) -> None:
        found = made()
        observed = found.observe()
        found.advance(3)
        assert found.read("words", [observed, found.observe()])[0]["n"] == 0
        assert observed.nbytes > 0

    def test_only_words_can_be_read(self) -> None:
        with pytest.raises(AscError, match='The toy backend provides "words", and was asked for "optimizer"'):
            made().read("optimizer", [])

    def test_gram_matrix_is_of_differences_to_the_newest(self) -> None:
        found = simple()
        snapshots = []
        for _ in range(3):
            snapshots.append(found.observe())
            found.advance(1)
        # (n, total): (0, 0), (1, 1), (2, 3)
        assert found.gram(snapshots).tolist() == [[13.0, 8.0], [8.0, 5.0]]


class TestTransitions:
    def test_transition_leaps(self) -> None:
        executed, leapt = made(), made()
        entry = recorded(executed, 5)
        assert (entry.start, entry.steps) == (0, 5)
        assert leapt.agrees(entry)
        leapt.apply(entry)
        assert (leapt.position(), leapt.digest()) == (5, executed.digest())

    def test_word_that_is_only_added_to_does_not_matter(self) -> None:
        entry = recorded(simple(total=0))
        other = simple(total=1000)
        assert other.agrees(entry)
        other.apply(entry)
        assert other.words() == {"n": 1, "total": 1001}

    @pytest.mark.parametrize("value", [True, 0.0, -0.0, np.int64(0), 1])
    def test_word_that_was_read_matches_by_type_and_bits(self, value: Any) -> None:
        entry = recorded(simple())
        assert simple().agrees(entry)
        assert not simple(n=value).agrees(entry)

    def test_nan_equals_itself_and_no_other(self) -> None:
        def step(state: Any) -> None:
            state.y = state.x > 0

        def of(value: float) -> ToyComputation:
            return ToyComputation(Program("nan", step, {"x": value, "y": 0}, 3))

        entry = recorded(of(math.nan))
        assert of(float("nan")).agrees(entry)
        assert not of(-math.nan).agrees(entry)

    def test_word_that_is_only_added_to_is_an_integer(self) -> None:
        entry = recorded(simple())
        for value in (0.5, True, np.int64(3)):
            assert not simple(total=value).agrees(entry)

    def test_absent_word_matches_its_absence_only(self) -> None:
        def step(state: Any) -> None:
            state.n = getattr(state, "bonus", 1)

        def of(**words: Any) -> ToyComputation:
            return ToyComputation(Program("absent", step, {"n": 0, **words}, 3))

        entry = recorded(of())
        assert of().agrees(entry)
        assert not of(bonus=1).agrees(entry)
        assert of().key(("bonus", "n")) == (None, 0)

    def test_no_leap_past_the_end(self) -> None:
        entry = recorded(simple(), 5)
        short = simple(4)
        assert not short.agrees(entry)

    def test_key_is_that_of_the_causal_words(self) -> None:
        found = simple(x=1.5)
        entry = recorded(simple(x=1.5))
        assert found.key(("n",)) == tuple(entry.causal[name] for name in ("n",))
        assert simple(x=1).key(("x",)) != simple(x=True).key(("x",)) != simple(x=1.0).key(("x",))

    def test_array_written_since_does_not_match(self) -> None:
        def step(state: Any) -> None:
            if state.n % 2:
                state.a[0] += 1
            else:
                state.y = int(state.a[1])
            state.n = 1 - state.n

        found = ToyComputation(Program("written", step, {"n": 0, "y": 0, "a": np.zeros(2, int)}, 20))
        entry = recorded(found)
        found.advance(1)
        assert found.words()["n"] == 0
        assert not found.agrees(entry)
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
            found = ToyComputation(Program("written", step, {"n": 0, "y": 0, "a": np.zeros(2, int)}, 20))
            entry = recorded(found)
            found.advance(1, record)
            assert not found.agrees(entry)
            found.advance(1)
            assert found.words()["y"] == 1


class TestCandidates:
    def history(self, computation: ToyComputation, count: int = 3) -> list[Any]:
        snapshots = []
        for _ in range(count):
            snapshots.append(computation.observe())
            computation.advance(1)
        return snapshots

    def test_combination_is_exact_on_integers(self) -> None:
        found = simple(n=2**70, x=0.25, t="a")
        history = self.history(found)
        candidate = found.materialise(
            Combination((Fraction(0), Fraction(-4), Fraction(5))), history, Plan("linear", 4, 2)
        )
        assert candidate is not None
        assert (candidate.start, candidate.horizon) == (2, 4)
        assert candidate.state == {
            "n": 2**70 + 6,
            "total": history[2].state["total"] * 5 - history[1].state["total"] * 4,
            **{"x": 0.25, "t": "a"},
        }

    def test_word_that_cannot_be_combined_keeps_its_value(self) -> None:
        found = simple()
        history = self.history(found, 2)
        candidate = found.materialise(Combination((Fraction(1, 2), Fraction(1, 2))), history, Plan("p", 1, 1))
        assert candidate is not None
        assert candidate.state["n"] == 1

    def test_direct_prediction_of_no_words_means_nothing(self) -> None:
        found = simple()
        plan = Plan("p", 1, 1)
        assert found.materialise(Direct({"n": [1]}), [found.observe()], plan) is None
        candidate = found.materialise(Direct({"n": 7, "unknown": 3}), [found.observe()], plan)
        assert candidate is not None
        assert candidate.state == {"n": 7, "total": 0}

    def test_resemblance_is_in_what_is_read(self) -> None:
        found = simple()
        recorded(found)
        right = Candidate(0, 1, {"n": 1, "total": 99}, 0, "p")
        assert found.resembles(right)
        assert not found.resembles(right._replace(state={"n": 2, "total": 1}))
        assert not found.resembles(right._replace(state={"n": True, "total": 1}))
        assert not found.resembles(right._replace(state={"total": 1}))

    def test_task_travels(self) -> None:
        found = made()
        found.advance(4)
        stale = self.sent(found, 3)
        assert not found.agrees(stale)  # only now it is known that a superstep reads an array that is written
        entry = self.sent(found, 3)
        assert (entry.start, entry.steps) == (4, 3)
        assert found.agrees(entry)
        expected = made()
        expected.advance(7)
        found.apply(entry)
        assert found.digest() == expected.digest()

    def sent(self, computation: ToyComputation, steps: int) -> Transition:
        """Return what a worker in another process makes of the present state."""
        candidate = Candidate(computation.position(), 0, dict(computation.words()), 0, "p")
        task = cloudpickle.loads(cloudpickle.dumps(computation.task(candidate, steps, 5.0)))
        entry: Transition = pickle.loads(pickle.dumps(task()))
        return entry

    def test_it_is_executable(self) -> None:
        assert isinstance(made(), Executable)

    def test_dispatch_has_a_price_once_a_step_has_one(self) -> None:
        found = made()
        assert found.price("dispatch") == 0.0
        found.advance(5)
        assert found.price("dispatch") > 0.0
        assert found.price("predict") == 0.0


class TestDigest:
    def of(self, position: int = 0, **values: Any) -> str:
        found = ToyComputation(Program("digest", counting, values, 50))
        found.load(
            position,
            {n: v for n, v in values.items() if not isinstance(v, np.ndarray)},
            {n: v for n, v in values.items() if isinstance(v, np.ndarray)},
        )
        return found.digest()

    def test_every_difference_shows(self) -> None:
        different = [
            self.of(x=1),
            self.of(x=True),
            self.of(x=1.0),
            self.of(x=np.int64(1)),
            self.of(x=np.int32(1)),
            self.of(x="1"),
            self.of(x=b"1"),
            self.of(y=1),
            self.of(x=1, y=1),
            self.of(position=1, x=1),
            self.of(x=0.0),
            self.of(x=-0.0),
            self.of(x=math.nan),
            self.of(x=10**5000),
            self.of(x=np.array([1])),
            self.of(x=np.array([[1]])),
            self.of(x=np.array([1], np.int32)),
            self.of(x=np.array(1)),
            self.of(x=np.array([1.0])),
            self.of(x=np.array([], int)),
        ]
        assert len(set(different)) == len(different)

    def test_order_of_the_words_does_not_show(self) -> None:
        assert self.of(x=1, y=2, a=np.zeros(2)) == self.of(a=np.zeros(2), y=2, x=1)

    def test_byte_order_of_the_machine_does_not_show(self) -> None:
        assert self.of(a=np.arange(3, dtype=">i4")) == self.of(a=np.arange(3, dtype="<i4"))

    def test_write_after_a_digest_shows(self) -> None:
        found = made()
        before = found.digest()
        found.advance(1)
        later = found.digest()
        found.advance(1, record=True)
        assert len({before, later, found.digest()}) == 3


class TestLoad:
    def test_state_of_another_program_is_refused(self) -> None:
        state = made(5).snapshot().state
        sentence = "The checkpoint belongs to another program than 'mixed' with 5 steps. Start the run anew"
        for position, words, arrays in (
            (6, state.words, state.arrays),
            (-1, state.words, state.arrays),
            (1, state.words, {}),
            (1, state.words, {**state.arrays, "more": np.zeros(2)}),
            (1, state.words, {**state.arrays, "cells": np.zeros(6, np.int64)}),
            (1, state.words, {**state.arrays, "cells": np.zeros(5, np.int32)}),
            (1, {**state.words, "cells": 1}, state.arrays),
        ):
            with pytest.raises(AscError, match=sentence):
                made(5).load(position, words, arrays)

    def test_state_loaded_goes_on(self) -> None:
        one, other = made(), made()
        one.advance(23)
        saved = one.snapshot().state
        other.load(23, saved.words, saved.arrays)
        other.advance(60)
        assert other.digest() == run_plain(program())[1]
