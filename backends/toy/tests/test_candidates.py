"""Candidates of the toy computation, and the tasks that run on from them."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

from fuzzing.differences import difference
from mixed import counting, made, mixed, only, program, recorded, simple
from ways import by_worker, computation, own_loop

from asc.computation import Executable
from asc.types import Candidate, Combination, Direct, Plan
from asc_toy.computation import ToyComputation


class TestCandidates:
    def history(self, found: ToyComputation, count: int = 3) -> list[Any]:
        snapshots = []
        for _ in range(count):
            snapshots.append(found.observe())
            found.advance(1)
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

    def test_word_that_came_late_is_combined_from_where_it_is(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n > 1:
                state.late = 7

        found = computation(step, {"n": 0})
        candidate = found.materialise(Combination((Fraction(-1), Fraction(2))), self.history(found), Plan("p", 1, 1))
        assert candidate is not None
        assert candidate.state == {"n": 3, "late": 7}

    def test_direct_prediction_of_no_words_means_nothing(self) -> None:
        found = simple()
        plan = Plan("p", 1, 1)
        assert found.materialise(Direct({"n": [1]}), [found.observe()], plan) is None
        candidate = found.materialise(Direct({"n": 7, "unknown": 3}), [found.observe()], plan)
        assert candidate is not None
        assert candidate.state == {"n": 7, "total": 0}

    def test_nothing_is_predicted_where_words_share_a_part(self) -> None:
        both = [1]
        found = computation(counting, {"n": 0, "total": 0, "a": both, "b": both})
        history = self.history(found)
        assert found.materialise(Direct({"n": 7}), history, Plan("p", 1, 1)) is None
        assert "share a list" in found.hindrance

    def test_resemblance_is_in_what_is_read(self) -> None:
        found = simple()
        recorded(found)
        right = Candidate(0, 1, {"n": 1, "total": 99}, 0, "p")
        assert found.resembles(right)
        assert not found.resembles(right._replace(state={"n": 2, "total": 1}))
        assert not found.resembles(right._replace(state={"n": True, "total": 1}))
        assert not found.resembles(right._replace(state={"total": 1}))

    def test_task_runs_on_from_the_predicted_words(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            state.pos[0] += 2
            state.pos[1] = state.n * state.pos[0]

        found = computation(step, {"n": 0, "pos": [0, 0]})
        history = self.history(found, 4)
        assert recorded(found)
        history = [found.observe()]
        for _ in range(2):
            recorded(found)
            history.append(found.observe())
        words = {"n": found.words()["n"] + 5, "pos[0]": found.words()["pos"][0] + 10}
        candidate = found.materialise(Direct(words), history, Plan("p", 5, 1))
        assert candidate is not None
        (ahead,) = found.task(candidate, (1,), None)()
        assert (ahead.start, ahead.steps) == (found.position() + 5, 1)
        found.advance(5)
        assert ahead.causal["n"] == found.words()["n"]
        assert found.agrees(ahead) is (found.words()["pos"][1] == words.get("pos[1]", history[-1].state["pos[1]"]))

    def test_task_travels(self) -> None:
        found = made()
        found.advance(4)
        for pickled in (True, False):
            entry = only(by_worker(found, (3,), pickled=pickled))
            assert (entry.start, entry.steps) == (found.position(), 3)
            assert found.agrees(entry)
            found.apply(entry)
            assert not difference(own_loop(mixed, program().state, found.position()), found.result())

    def test_array_that_nothing_has_read_is_not_sent(self) -> None:
        found = made()
        found.advance(4)
        candidate = Candidate(4, 0, found.observe().state, 0, "p")
        size = len(pickle.dumps(found.task(candidate, (1,), None).args[1]))
        recorded(found)
        assert len(pickle.dumps(found.task(candidate, (1,), None).args[1])) > size

    def test_it_is_executable(self) -> None:
        assert isinstance(made(), Executable)

    def test_dispatch_has_a_price_once_a_step_has_one(self) -> None:
        found = made()
        assert found.price("dispatch") == 0.0
        found.advance(5)
        assert found.price("dispatch") > 0.0
        assert found.price("predict") == 0.0
