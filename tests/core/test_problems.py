"""The reference computations are what they say they are."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.computation import Executable
from asc.reference.descent import Descent
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Recording, Registers, run_superstep
from asc.trajectory import Trajectory
from asc.types import Combination, Direct, Plan, Snapshot, Transition
from asc.validators.scores import Scores


def test_what_was_read_is_what_the_outcome_depends_on() -> None:
    recording = Recording({"a": 1, "b": 2, "sum": 10, "untouched": 5}, {"sum"})
    assert recording["a"] == 1
    recording.take({"b": 7, "sum": 3})
    assert recording["b"] == 7  # its own, so nothing was read
    recording.take({"sum": 4})
    assert (recording.causal, recording.written, recording.added) == ({"a": 1}, {"b": 7}, {"sum": 7})
    assert recording["sum"] == 17
    assert recording.causal == {"a": 1, "sum": 10}
    assert len(recording) == 4
    assert set(recording) == {"a", "b", "sum", "untouched"}


@settings(max_examples=60)
@given(st.sampled_from(sorted(PROGRAMS)), st.integers(0, 30), st.integers(1, 30), st.data())
def test_a_superstep_holds_wherever_what_it_read_is_the_same(program: str, ahead: int, steps: int, data: Any) -> None:
    """Law 2 at its root: words that were not read may have any value."""
    here = machine(program, 1000)
    here.advance(ahead)
    transition = run_superstep(PROGRAMS[program].step, PROGRAMS[program].sums, here.words, ahead, steps=steps)
    other = {
        name: value if name in transition.causal else data.draw(st.integers(-9, 9), name)
        for name, value in here.words.items()
    }
    leapt, stepped = (Registers(PROGRAMS[program].step, other, 1000, PROGRAMS[program].sums) for _ in range(2))
    assert leapt.agrees(transition)
    leapt.apply(transition)
    stepped.advance(steps)
    assert leapt.digest() == stepped.digest()


def test_a_total_that_nobody_reads_is_replayed_as_an_increment() -> None:
    transition = machine("count", 100).advance(10, record=True).recorded
    assert transition is not None
    assert set(transition.causal) == {"n"}
    assert transition.effect.written == {"n": 23}
    assert set(transition.effect.added) == {"total"}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_tasks_travel(program: str) -> None:
    computation, trajectory = machine(program, 1000), Trajectory()
    for _ in range(2):
        computation.advance(8)
        trajectory.append(computation.observe())
    assert isinstance(computation, Executable)
    plan = Plan("linear", 8, 8)
    candidate = computation.materialise(Combination((-1.0, 2.0)), trajectory.snapshots(), plan)
    assert candidate is not None
    assert (candidate.start, candidate.horizon) == (16, 8)
    parts = list(pickle.loads(pickle.dumps(computation.task(candidate, [2, 6], 60.0)))())
    assert all(isinstance(part, Transition) for part in parts)
    assert [(part.start, part.steps) for part in parts] == [(24, 2), (26, 6)]
    computation.restore(Snapshot(24, 0, candidate.state, 0))
    there = machine(program, 1000)
    there.restore(computation.snapshot())
    there.advance(8)
    for part in parts:
        assert computation.agrees(part)
        computation.apply(part)
    assert computation.digest() == there.digest()


def test_a_task_keeps_its_time_limit() -> None:
    computation = machine("count", 100)
    candidate = computation.materialise(Direct({}), [computation.observe()], Plan("none", 8, 8))
    assert candidate is not None
    with pytest.raises(TimeoutError, match="8 steps did not end in time"):
        list(computation.task(candidate, [8], -1.0)())


def test_registers_refuse_what_they_cannot_keep_exact() -> None:
    with pytest.raises(TypeError, match=r"total is summed in any order, so .* not 0\.5"):
        Registers(lambda _: {}, {"total": 0.5}, 10, sums=["total"])
    with pytest.raises(TypeError, match=r"total is summed in any order, so .* not True"):
        Registers(lambda _: {"total": True}, {"total": 0}, 10, sums=["total"]).advance(1)
    with pytest.raises(KeyError, match="the step wrote b"):
        Registers(lambda _: {"b": 1}, {"a": 0}, 10).advance(1)
    with pytest.raises(LookupError, match="provides words, not optimizer"):
        machine("count", 10).read("optimizer", ())


def test_predictions_that_are_no_state_mean_nothing() -> None:
    registers, descent = machine("count", 10), Descent(10)
    plan = Plan("mine", 1)
    assert registers.materialise(Direct({"n": [1]}), [registers.observe()], plan) is None
    assert descent.materialise(Direct([1.0, 2.0]), [descent.observe()], plan) is None
    with pytest.raises(ValueError, match="2 coefficients were given for 1 snapshots"):
        registers.materialise(Combination((1, 1)), [registers.observe()], plan)


def test_gram_of_registers_is_over_the_words_that_are_numbers() -> None:
    computation, trajectory = machine("mixed", 100), Trajectory()
    for _ in range(4):
        trajectory.append(computation.observe())
        computation.advance(1)
    rows = np.array([[snapshot.state["turn"], snapshot.state["zero"]] for snapshot in trajectory.snapshots()], float)
    differences = rows[:-1] - rows[-1]  # gap has been a nan, and flag is no number
    assert (computation.gram(trajectory.snapshots()) == differences @ differences.T).all()


def test_descent_descends_and_its_noise_is_part_of_the_state() -> None:
    one, other = Descent(600, seed=3), Descent(600, seed=3)
    before = one.score(None, 0).mean()
    one.advance(600)
    assert one.score(None, 0).mean() < 0.05 * before
    other.advance(600)
    assert one.digest() == other.digest()
    assert one.digest() != Descent(600, seed=4).digest()


def test_descent_is_judged_on_looks_that_share_no_sequence() -> None:
    descent = Descent(10)
    assert isinstance(descent, Scores)
    looks = [descent.score(None, look) for look in range(4)]
    assert len({look.tobytes() for look in looks}) == 4
    assert (descent.score(None, 5) == looks[1]).all()
    history = [descent.observe()]
    candidate = descent.materialise(Combination((1.0,)), history, Plan("same", 0))
    assert candidate is not None
    assert (descent.score(candidate.state, 2) == looks[2]).all()


def test_descent_puts_a_price_on_an_improvement() -> None:
    descent = Descent(1000, noise=0.0)
    descent.advance(300)
    loss = float(descent.score(None, 0).mean())
    ahead = Descent(1000, noise=0.0)
    ahead.advance(310)
    improvement = loss - float(ahead.score(None, 0).mean())
    assert 2 < descent.gain_steps(improvement) < 50
    assert descent.gain_steps(0.0) == 0.0


def test_a_descents_transition_is_good_only_where_it_was_made() -> None:
    descent = Descent(100)
    descent.advance(10)
    candidate = descent.materialise(Combination((0.5,)), [descent.observe()], Plan("shrink", 0))
    assert candidate is not None
    transition = Transition(10, 0, candidate.state, 1, "shrink")
    assert descent.agrees(transition)
    snapshot = descent.snapshot()
    descent.advance(1)
    assert not descent.agrees(transition)
    descent.restore(snapshot)
    assert descent.agrees(transition)
    assert not descent.agrees(transition._replace(steps=91))
    position, velocity = descent.position(), descent.snapshot().state.velocity
    descent.apply(transition)
    assert descent.position() == position
    assert (descent.vector == candidate.state.vector).all()
    assert (descent.snapshot().state.velocity == velocity).all()
    assert not descent.agrees(transition)
