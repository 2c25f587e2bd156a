"""The toy computation: plain steps, digests, checkpoints, and the laws that every exact computation keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from fuzzing.differences import difference
from mixed import counting, made, mixed, only, program, recorded
from ways import by_worker, computation, own_loop

from asc.computation import Computation
from asc.errors import AscError
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.testing.laws import ExactLaws
from asc_toy.computation import ToyComputation
from asc_toy.own_loop import run_plain
from asc_toy.program import Program
from asc_toy.programs import build


class TestMixedKeepsTheLaws(ExactLaws):
    every = 3

    def computation(self) -> Computation:
        return made(600)

    def predictors(self) -> Mapping[str, Any]:
        return {"linear": Linear(), "last-value": LastValue()}


class TestListKeepsTheLaws(ExactLaws):
    every = 16

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
        assert not difference(expected, found.result())
        assert not difference(own_loop(mixed, program().state, 60), expected)

    def test_nothing_past_the_end(self) -> None:
        found = made(5)
        assert found.advance(7).steps == 5
        assert found.advance(7).steps == 0
        assert found.position() == found.total() == 5

    @pytest.mark.parametrize("record", [True, False])
    def test_nothing_past_the_condition(self, record: bool) -> None:
        found = computation(counting, {"n": 0, "total": 0}, 20, until=lambda state: state.total >= 6)
        assert found.advance(7, record).steps == 3
        assert found.finished()
        assert found.advance(7, record).steps == 0
        assert found.result() == {"n": 3, "total": 6}

    @pytest.mark.parametrize("record", [True, False])
    def test_nothing_at_all_where_the_condition_holds_at_the_start(self, record: bool) -> None:
        found = computation(counting, {"n": 0, "total": 0}, 20, until=lambda state: state.n == 0)
        assert found.advance(7, record).steps == 0
        assert found.result() == {"n": 0, "total": 0}

    def test_a_condition_alone_has_no_total(self) -> None:
        found = ToyComputation(
            Program("open", counting, {"n": 0, "total": 0}, None, until=lambda state: state.total >= 6)
        )
        assert found.total() is None
        assert found.advance(10**9).steps == 3

    def test_the_state_given_is_left_as_it_is(self) -> None:
        given = program()
        found = ToyComputation(given)
        found.advance(20)
        found.advance(20, record=True)
        assert given.state["n"] == 0
        assert not given.state["cells"].any()
        assert given.state["log"] == []

    def test_program_that_tracking_cannot_follow_runs_all_the_same(self) -> None:
        def step(state: Any) -> None:
            state.v = state.a[state.n :]
            state.a[2] += 1
            state.n += 1

        found = computation(step, {"n": 0, "a": np.arange(3), "v": None}, 4)
        assert found.advance(1).recorded is None
        assert found.advance(2, record=True).recorded is None
        assert found.position() == 3
        assert found.result()["a"].tolist() == [0, 1, 5]
        assert found.result()["v"].tolist() == [5]

    def test_supersteps_that_cannot_be_recorded_are_given_up(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.add("a", 200, at=state.n % 2)
            state.a[:] = 0

        found = computation(step, {"n": 0, "a": np.full(2, 100, np.uint16)}, 40)
        found.advance(20, record=True)
        small = computation(step, {"n": 0, "a": np.zeros(2, np.uint8)}, 40)
        assert small.advance(3, record=True).recorded is not None
        assert found.remarks == []

    def test_remark_says_why_nothing_is_recorded(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n % 2:
                state.kept = state.a[1:]
            state.kept = None
            print(end="")  # noqa: T201

        found = computation(step, {"n": 0, "a": np.zeros(2), "kept": None}, 40)
        for _ in range(5):
            assert found.advance(2, record=True).recorded is None
        (remark,) = found.remarks
        assert remark.startswith("The main thread records no supersteps: the step prints (test_computation.py, line")
        assert found.position() == 10


class TestInterrupted:
    def test_state_is_that_before_the_superstep(self) -> None:
        """A constant is changed in place before Ctrl-C ends the superstep."""

        def step(state: Any) -> None:
            state.items.append(1)
            state.a[0] += 1
            state.n += 1
            if state.n == 1 and not calm:
                raise KeyboardInterrupt

        calm: list[int] = []
        found = computation(step, {"n": 0, "items": [], "a": np.zeros(2)})
        with pytest.raises(KeyboardInterrupt):
            found.advance(3, record=True)
        result = found.result()
        assert (found.position(), result["n"], result["items"], result["a"].tolist()) == (0, 0, [], [0, 0])


class TestDigest:
    def of(self, position: int = 0, **values: Any) -> str:
        found = computation(counting, {"n": 0})
        found.load(position, values)
        return found.digest()

    def test_every_difference_shows(self) -> None:
        inner = [1]
        different = [
            self.of(x=1),
            self.of(x=True),
            self.of(x=1.0),
            self.of(x=np.int64(1)),
            self.of(x=np.int32(1)),
            self.of(x="1"),
            self.of(x=b"1"),
            self.of(x=None),
            self.of(x=[1]),
            self.of(x=(1,)),
            self.of(x=[1.0]),
            self.of(x={"a": 1, "b": 2}),
            self.of(x={"b": 2, "a": 1}),
            self.of(x=[inner, inner]),
            self.of(x=[[1], [1]]),
            self.of(x=inner, y=inner),
            self.of(x=[1], y=[1]),
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
            self.of(x=np.ma.masked_array([1])),
        ]
        assert len(set(different)) == len(different)

    def test_order_of_the_words_does_not_show(self) -> None:
        assert self.of(x=1, y=2, a=np.zeros(2)) == self.of(a=np.zeros(2), y=2, x=1)

    def test_write_after_a_digest_shows(self) -> None:
        found = made()
        before = found.digest()
        found.advance(1)
        later = found.digest()
        found.advance(1, record=True)
        assert len({before, later, found.digest()}) == 3


class TestLoad:
    def test_position_outside_the_program_is_refused(self) -> None:
        sentence = "The checkpoint belongs to another program than 'mixed' with 5 steps. Start the run anew"
        for position in (6, -1):
            with pytest.raises(AscError, match=sentence):
                made(5).load(position, {})

    def test_state_loaded_goes_on(self) -> None:
        one, other = made(), made()
        one.advance(23)
        other.load(23, own_loop(mixed, program().state, 23))
        assert other.digest() == one.digest()
        other.advance(60)
        assert other.digest() == run_plain(program())[1]

    def test_words_may_hold_other_kinds_of_values_than_at_the_start(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.best = [state.n] if state.n % 2 else np.zeros(state.n)

        found = computation(step, {"n": 0, "best": None})
        for steps in (1, 2):
            found.load(steps, own_loop(step, {"n": 0, "best": None}, steps))
            entry = only(by_worker(found))
            assert found.agrees(entry)
            found.apply(entry)
            assert not difference(own_loop(step, {"n": 0, "best": None}, steps + 1), found.result())

    def test_what_differs_from_the_start_is_no_constant(self) -> None:
        def step(state: Any) -> None:
            state.n += len(state.items)

        found = computation(step, {"n": 0, "items": [1]})
        entry = recorded(found)
        found.load(0, {"n": 0, "items": [1, 2]})
        assert found.disagreement(entry) == "items"
        found.load(0, {"n": 0, "items": [1]})
        assert not found.agrees(entry)  # it counts as changing for good

    def test_the_condition_is_asked_anew(self) -> None:
        found = computation(counting, {"n": 0, "total": 0}, until=lambda state: state.n == 4)
        found.load(4, {"n": 4, "total": 10})
        assert found.finished()
