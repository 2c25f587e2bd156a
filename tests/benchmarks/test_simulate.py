"""The scaling model obeys the laws of any schedule, and comes close to the limit where overheads cost nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import WORKERS, Costs, simulate, sweep

from asc.errors import AscError
from asc.predictors.affine import Affine
from asc.reference.programs import PROGRAMS
from asc.reference.registers import Registers
from asc.testing.assembly import assemble
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Timed
from asc.types import Outcome

share = st.floats(0.0, 0.3)
costs = st.builds(
    Costs,
    superstep_s=st.floats(1e-4, 10.0),
    supersteps=st.integers(1, 400),
    tracking=st.floats(0.2, 4.0),
    dispatch_s=share,
    predict_s=share,
    hit_s=share,
    round_trip_s=st.floats(0.0, 20.0),
    worker_s=share,
    threads=st.integers(1, 20),
    start_s=share,
    task_length=st.integers(1, 20),
    delegates=st.booleans(),
    hit_probability=st.one_of(st.floats(0.0, 1.0), st.lists(st.floats(0.0, 1.0), max_size=5)),
    chain_cap=st.integers(1, 20),
    look_ahead=st.one_of(st.none(), st.integers(1, 50)),
)
MEASURED = Costs(
    superstep_s=0.02, supersteps=3000, tracking=1.5, dispatch_s=1e-4, predict_s=5e-5, hit_s=2e-5, round_trip_s=5e-4
)


@settings(max_examples=300)
@given(costs=costs, cores=st.integers(2, 70), seed=st.integers(0, 1000))
def test_laws_of_any_run(costs: Costs, cores: int, seed: int) -> None:
    run = simulate(costs, cores, seed)
    taken = run.launched - run.waste
    assert run.hits + run.executed == costs.supersteps
    assert taken <= run.hits <= taken * costs.task_length
    assert run.waste >= 0
    assert 0 <= run.utilisation <= 1 + 1e-9
    assert run.limit == (not costs.delegates) + (cores - 1) / costs.tracking
    assert run.speedup <= run.limit * (1 + 1e-9)
    spent = costs.start_s + run.launched * costs.dispatch_s + taken * costs.hit_s
    spent += run.executed * costs.superstep_s
    if not costs.delegates:  # there, what is sent from the present state is not predicted
        spent += run.launched * costs.predict_s
    assert run.seconds >= spent * (1 - 1e-9)
    assert math.isclose(run.speedup, costs.supersteps * costs.superstep_s / run.seconds)
    assert simulate(costs, cores, seed) == run


@settings(max_examples=100)
@given(costs=costs, cores=st.integers(1, 70))
def test_without_a_right_prediction_only_the_overheads_are_left(costs: Costs, cores: int) -> None:
    never = replace(costs, hit_probability=0.0, delegates=False, start_s=0.0)
    run = simulate(never, cores)
    overhead = run.launched * (costs.dispatch_s + costs.predict_s) / (costs.supersteps * costs.superstep_s)
    assert run.hits == 0
    assert math.isclose(run.speedup, 1 / (1 + overhead))


def test_without_a_right_prediction_a_worker_costs_at_most_a_task_a_superstep() -> None:
    run = simulate(replace(MEASURED, hit_probability=0.0), 2)
    assert run.speedup >= 1 / (1 + (MEASURED.dispatch_s + MEASURED.predict_s) / MEASURED.superstep_s)


@pytest.mark.parametrize("cores", [1, 2, 3, 16, 1024])
def test_perfect_predictions_at_no_cost_use_every_core(cores: int) -> None:
    run = simulate(Costs(1.0, supersteps=64 * cores), cores)
    assert math.isclose(run.speedup, cores)


@pytest.mark.parametrize("tracking", [1.2, 1.5, 2.0, 3.0])
def test_tracking_sets_the_limit_that_many_cores_come_near(tracking: float) -> None:
    run = simulate(Costs(1.0, supersteps=100_000, tracking=tracking), 1024)
    assert run.limit == 1 + 1023 / tracking
    assert 0.95 * run.limit < run.speedup <= run.limit


def test_a_slow_worker_is_given_a_distance_at_which_it_is_still_useful() -> None:
    run = simulate(Costs(1.0, supersteps=4000, tracking=3.0), 2)
    assert math.isclose(run.speedup, 4 / 3)


@pytest.mark.parametrize("name", ["tracking", "dispatch_s", "predict_s", "hit_s", "round_trip_s", "worker_s"])
@pytest.mark.parametrize("probability", [1.0, 0.9])
def test_a_higher_cost_is_never_faster_over_a_sweep(name: str, probability: float) -> None:
    base = replace(MEASURED, hit_probability=probability, worker_s=1e-4)
    speedups = []
    for factor in (1, 4, 16):
        costlier = replace(base, **{name: getattr(base, name) * factor})
        speedups.append(math.prod(row["speedup"] for row in sweep(costlier)) ** (1 / len(WORKERS)))
    assert speedups[0] >= speedups[1] * 0.999
    assert speedups[1] >= speedups[2] * 0.999
    assert speedups[0] > speedups[2]


def test_better_predictions_are_faster() -> None:
    speedups = [
        simulate(replace(MEASURED, hit_probability=chance), 32).speedup for chance in (0.0, 0.5, 0.9, 0.99, 1.0)
    ]
    assert speedups == sorted(speedups)


def test_predictions_that_hold_only_nearby_stop_scaling() -> None:
    near = replace(MEASURED, hit_probability=lambda ahead: 0.9**ahead)
    listed = replace(MEASURED, hit_probability=[0.9**ahead for ahead in range(1, 3001)])
    rows = sweep(near, (4, 64, 1024))
    assert rows == sweep(listed, (4, 64, 1024))
    assert rows[2]["speedup"] < 1.2 * rows[1]["speedup"]
    assert rows[2]["speedup"] < 0.1 * simulate(MEASURED, 1024).speedup


def test_a_result_that_costs_more_than_executing_is_not_taken() -> None:
    assert simulate(replace(MEASURED, hit_s=0.03), 8).hits == 0


def test_workers_wait_where_the_look_ahead_is_short() -> None:
    run = simulate(replace(MEASURED, look_ahead=4), 64)
    assert run.speedup < 6
    assert run.utilisation < 0.2


def test_a_longer_chain_keeps_workers_waiting() -> None:
    slow = replace(MEASURED, hit_s=5e-3, supersteps=5000)
    assert simulate(replace(slow, chain_cap=4), 16).speedup > simulate(replace(slow, chain_cap=1000), 16).speedup


def test_a_sweep_has_a_row_for_each_number_of_cores() -> None:
    rows = sweep(replace(MEASURED, supersteps=50), seed=3)
    assert [row["cores"] for row in rows] == list(WORKERS)
    assert all(row["hits"] + row["executed"] == 50 for row in rows)


class Waiting(Priced):
    """A machine whose steps wait: a task costs little of one."""

    def price(self, work: str) -> float:
        return 0.0


@pytest.mark.parametrize(("workers", "steps"), [(2, 200), (16, 1000), (64, 3000)])
def test_where_steps_wait_it_gives_the_speed_up_of_the_engine(workers: int, steps: int) -> None:
    """The engine runs on a clock that only this work moves, so nothing else differs."""
    step_s = 0.1
    clock = Clock()
    work = {"predict": 2e-4, "dispatch": 1e-4, "apply": 1e-4}
    made = PROGRAMS["congruential"]
    computation = Waiting(Registers(made.step, made.words, steps, made.sums), clock, {**work, "step": step_s})
    engine = assemble(
        computation,
        {"affine": Affine()},
        every=1,
        executor=lambda: Timed(clock, workers, step_s),
        workers=workers,
        clock=clock,
    )
    engine.ledger.processor = lambda: 0.0
    engine.run()
    alone = engine.ledger.accounts()
    rejected = engine.speculator.outcomes.counts[Outcome.REJECTED.value]
    model = Costs(
        superstep_s=step_s,
        supersteps=steps,
        predict_s=work["predict"],
        dispatch_s=work["dispatch"],
        hit_s=work["apply"],
        start_s=alone["plain"]["seconds"] + alone["spot-check"]["seconds"] + rejected * step_s,
        task_length=32,
        delegates=True,
    )
    assert simulate(model, workers + 1).speedup == pytest.approx(steps * step_s / clock(), rel=0.1)


def test_where_steps_wait_the_main_thread_executes_none() -> None:
    run = simulate(replace(MEASURED, delegates=True, hit_probability=0.5), 9)
    assert run.executed == 0
    assert run.speedup <= 8 / MEASURED.tracking


@pytest.mark.parametrize("delegates", [False, True])
def test_longer_tasks_relieve_the_main_thread(delegates: bool) -> None:
    short = Costs(1e-3, supersteps=50_000, dispatch_s=1e-3, delegates=delegates)
    assert simulate(short, 65).speedup < 2
    assert simulate(replace(short, task_length=32), 65).speedup > 20


def test_threads_of_one_process_wait_for_its_interpreter() -> None:
    alone = Costs(0.1, supersteps=20_000, worker_s=1e-3, delegates=True)
    together = replace(alone, threads=256)
    assert simulate(alone, 257).speedup > 240
    assert 95 < simulate(together, 257).speedup <= 100, "a thousand supersteps a second"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"superstep_s": 0.0}, "superstep_s and tracking above 0"),
        ({"tracking": 0.0}, "superstep_s and tracking above 0"),
        ({"hit_s": -1.0}, "not negative"),
        ({"round_trip_s": math.inf}, "finite"),
        ({"supersteps": 0}, "must be at least 1"),
        ({"chain_cap": 0}, "must be at least 1"),
        ({"task_length": 0}, "must be at least 1"),
        ({"threads": 0}, "must be at least 1"),
        ({"look_ahead": 0}, "must be at least 1"),
    ],
)
def test_costs_that_mean_nothing_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        replace(MEASURED, **change)


def test_a_number_that_is_no_probability_is_refused() -> None:
    with pytest.raises(AscError, match=r"gave 1\.5 for 1 supersteps ahead; a probability must be from 0 to 1"):
        simulate(replace(MEASURED, hit_probability=1.5), 2)


@pytest.mark.parametrize(("delegates", "least"), [(False, 1), (True, 2)])
def test_a_run_needs_a_core_and_where_steps_wait_a_worker(delegates: bool, least: int) -> None:
    with pytest.raises(AscError, match=f"was given as {least - 1}; expected at least {least}"):
        simulate(replace(MEASURED, delegates=delegates), least - 1)
