"""Ways of going on: the arithmetic of EMA-Nesterov, its use in a run and in a loop, and its trial as a block."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from asc.computation import Computation
from asc.plugins import load
from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.run.run import Run
from asc.testing.laws import JudgedLaws
from asc.types import Direct, Plan, Transition
from asc.validator import Validator
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.predictors.ema_nesterov import EmaNesterov
from asc_nn_training.testing import small_training
from asc_nn_training.training.onward import Onward, Way
from asc_nn_training.training.training import Training
from asc_nn_training.validators.held_out_loss import HeldOutLoss
from asc_nn_training.validators.probation import Probation

STEPS = 160


def going_on(**settings: Any) -> TrainingComputation:
    return small_training(STEPS, **{"way": "ema-nesterov", "way_start": 5, "way_decay": 0.8, **settings})


class TestGoingOn(JudgedLaws):
    """The laws of judged computations hold while a way is in use, resumed runs and undone trials included."""

    every = 5
    horizons = (5, 20)

    def computation(self) -> Computation:
        return going_on()


class TestJudgedAsABlock(JudgedLaws):
    """They hold as well where ways are candidates."""

    every = 5
    horizons = (5, 20)

    def computation(self) -> Computation:
        return small_training(STEPS)

    def predictors(self) -> dict[str, Predictor]:
        return {"linear": Linear(), "ema-nesterov": EmaNesterov(EmaNesterov.Config(start=10, again=1.5))}

    def validator(self) -> Validator:
        return Probation(Probation.Config(steps=4, averaged=2))


def begun(way: Way, weights: Tensor) -> Onward:
    """A way that has noted the weights."""
    onward = Onward(way)
    onward.after([weights], 0, 0.0)
    return onward


@pytest.mark.parametrize("beta", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("decay", [0.5, 0.9, 0.98])
def test_one_buffer_gives_what_the_definition_gives(beta: float, decay: float) -> None:
    """The definition keeps the weights before each addition, and so the increments, in float64."""
    random = torch.Generator().manual_seed(0)
    here = torch.randn(40, 3, generator=random)
    there, before, mean = here.double(), here.double(), torch.zeros(40, 3, dtype=torch.float64)
    onward = begun(Way(beta, decay, start=20), here)
    for step in range(1, 200):
        move, rate = 1e-3 * torch.randn(40, 3, generator=random) + 1e-3, 1e-3 if step < 150 else 4e-4
        here += move
        onward.after([here], step, rate)
        there += move.double()
        mean += max(1 - decay, 1 / (step + 1)) * (there - before - mean)
        before = there.clone()
        if step >= 20 and 1 / (step + 1) <= 1 - decay:
            there += beta * rate / 1e-3 * mean
    assert torch.allclose(here.double(), there, atol=1e-4, rtol=0)


def test_nothing_is_added_before_its_start_or_without_a_rate() -> None:
    weights = torch.ones(3)
    onward = begun(Way(0.6, 0.9, start=10), weights)
    for step in range(1, 10):
        weights += 0.1
        expected = weights.clone()
        onward.after([weights], step, 1e-3)
        assert torch.equal(weights, expected)
    onward.after([weights], 10, 0.0)
    assert torch.equal(weights, expected)
    onward.after([weights], 11, 1e-3)
    assert bool((weights > expected).all())


def test_weights_that_are_loaded_before_the_first_step_are_no_increment() -> None:
    onward, weights = Onward(Way(0.6, 0.9)), torch.zeros(3)
    onward.leapt([weights], [weights + 1])  # before the first step there is nothing to correct
    weights += 1
    onward.after([weights], 5000, 1e-3)
    assert weights.tolist() == [1, 1, 1]
    for step in range(1, 11):
        weights += 0.001
        onward.after([weights], 5000 + step, 1e-3)
    assert weights.tolist() == pytest.approx([1.01 + 0.6 * 0.001 * 10 / 11] * 3, abs=1e-6)


def test_nothing_is_added_before_the_average_has_its_span() -> None:
    weights, moved = torch.zeros(3), []
    onward = begun(Way(0.6, 0.75), weights)
    for step in range(1, 6):
        weights += 0.1
        before = weights.clone()
        onward.after([weights], step, 1e-3)
        moved.append(not torch.equal(weights, before))
    assert moved == [False, False, True, True, True]


def test_the_average_begins_with_the_mean_increment_since_earlier_weights() -> None:
    onward, weights = Onward(Way(0.6, 0.9)), torch.full((3,), 5.0)
    onward.begin([weights - 4.0], [weights], 20)
    weights += 0.4
    onward.after([weights], 1, 1e-3)
    average = 0.9 * 0.2 + 0.1 * 0.4
    assert weights.tolist() == pytest.approx([5.4 + 0.6 * average] * 3, abs=1e-5)


def test_weights_that_no_longer_train_stay() -> None:
    trained, frozen = torch.ones(3), torch.ones(3)
    onward = Onward(Way(0.6, 0.9))
    for step in range(10):
        onward.after([trained, frozen], step, 1e-3)
        trained += 0.1
        frozen += 0.1
    before = frozen.clone()
    onward.after([trained, frozen], 10, 1e-3, [True, False])
    assert torch.equal(frozen, before)
    assert not torch.equal(trained, before)


def test_a_saved_way_continues_where_the_weights_are() -> None:
    weights = torch.ones(3)
    onward = begun(Way(0.6, 0.5), weights)
    weights += 0.1
    onward.after([weights], 1, 1e-3)
    assert not torch.equal(weights, torch.ones(3) + 0.1)
    again = Onward.from_state(deepcopy(onward.state_dict()), [weights])
    assert again.state_dict()["buffer"][0].device == weights.device
    there = weights.clone()
    for each, values in ((onward, weights), (again, there)):
        values.add_(0.1)
        each.after([values], 2, 1e-3)
    assert torch.equal(weights, there)


def test_a_leap_is_no_increment() -> None:
    """The average stays what it was: what is added after the next step does not depend on the leap."""
    added = []
    for leap in (0.0, 5.0):
        weights = torch.ones(3)
        onward = begun(Way(0.6, 0.9), weights)
        for step in range(1, 20):
            weights += 0.1
            onward.after([weights], step, 1e-3)
        before = weights.clone()
        weights += leap
        onward.leapt([before], [weights])
        weights += 0.1
        before = weights.clone()
        onward.after([weights], 20, 1e-3)
        added.append(weights - before)
    assert torch.allclose(added[0], added[1], atol=1e-5)


def test_weights_of_low_precision_have_a_precise_average() -> None:
    weights = torch.ones(3, dtype=torch.bfloat16)
    onward = begun(Way(0.6, 0.9), weights)
    for step in range(1, 30):
        weights += 0.0625
        onward.after([weights], step, 1e-3)
    assert onward.state_dict()["buffer"][0].dtype == torch.float32
    assert bool((weights > 1 + 29 * 0.0625).all())


def test_a_plain_training_takes_plain_steps_whatever_the_way(small: Callable[..., NetworkConfig]) -> None:
    ends = dict[tuple[str, bool], str]()
    for way in ("plain", "ema-nesterov"):
        backend = NetworkBackend(small(steps=6, way=way, way_start=0, way_decay=0.5))
        for plain in (False, True):
            made = backend.computation(plain=plain)
            made.advance(6)
            ends[way, plain] = made.digest()
    assert ends["ema-nesterov", True] == ends["plain", True] == ends["plain", False] != ends["ema-nesterov", False]


def candidate(subject: TrainingComputation, beta: float = 0.6) -> Any:
    made = subject.materialise(Direct(Way(beta, 0.7, peak=1e-2)), [subject.observe()], Plan("ema-nesterov", 0))
    assert made is not None
    return made


def test_a_trial_of_a_way_takes_its_steps_in_that_way_and_undoes_it() -> None:
    subject, twin = small_training(STEPS), small_training(STEPS)
    for made in (subject, twin):
        made.advance(10)
    digest = subject.digest()
    plain, tried = (subject.trial(state, 8, (0,))[0] for state in (None, candidate(subject).state))
    assert not np.array_equal(plain, tried)
    assert subject.digest() == digest
    assert np.array_equal(subject.trial(None, 8, (0,))[0], plain)
    made = candidate(twin)
    twin.apply(Transition(made.start, 0, made.state, 0, "ema-nesterov"))
    assert twin.digest() == digest  # a way moves nothing by itself
    twin.advance(8)
    assert np.array_equal(twin.score(None, 0), tried)


def test_a_trial_is_judged_by_the_mean_of_its_last_steps() -> None:
    subject, twin = small_training(STEPS), small_training(STEPS)
    for made in (subject, twin):
        made.advance(10)
    found = subject.trial(None, 6, (0,), averaged=3)[0]
    twin.advance(3)
    seen = []
    for _ in range(3):
        twin.advance(1)
        seen.append(twin.weights.copy())
    twin.weights.put([torch.stack(values).mean(0) for values in zip(*seen, strict=True)])
    twin.changed()
    assert np.allclose(found, twin.score(None, 0), rtol=1e-5)


def test_a_trial_can_end_with_steps_in_which_the_rate_falls_to_zero() -> None:
    subject, twin = small_training(STEPS), small_training(STEPS)
    for made in (subject, twin):
        made.advance(10)
    assert isinstance(twin.training, Training)
    found = subject.trial(None, 6, (0,), annealed=4)[0]
    twin.advance(6)
    plain = [twin.training.rate(step) for step in range(14, 22)]
    with twin.training.annealing(4):
        rates = [twin.training.rate(step) for step in range(14, 22)]
        twin.advance(4)
    here = plain[2]  # the rate of the next step
    assert rates == pytest.approx([*plain[:2], here, 0.75 * here, 0.5 * here, 0.25 * here, 0, 0])
    assert np.array_equal(found, twin.score(None, 0))
    assert [twin.training.rate(step) for step in range(14, 22)] == plain


def test_a_trial_near_the_end_takes_the_steps_that_are_left() -> None:
    subject = small_training(12)
    subject.advance(10)
    digest = subject.digest()
    assert np.isfinite(subject.trial(None, 6, (0,), annealed=4)[0]).all()
    assert (subject.digest(), subject.position()) == (digest, 10)


def test_probation_anneals_both_sides() -> None:
    asked = list[tuple[Any, ...]]()
    subject = small_training(STEPS)
    subject.advance(10)
    trial = subject.trial

    def noted(*given: Any) -> dict[int, Any]:
        asked.append((given[1], *given[3:]))
        return trial(*given)

    subject.trial = noted  # type: ignore[method-assign, assignment]
    Probation(Probation.Config(steps=3, anneal=2, looks=1)).judge(subject, candidate(subject))
    assert asked == [(3, 1, 2)] * 2


def test_a_loss_of_the_moment_rejects_a_way_since_nothing_moves() -> None:
    subject = small_training(STEPS)
    subject.advance(10)
    verdict = HeldOutLoss().judge(subject, candidate(subject))
    assert not verdict.accepted
    assert "changes nothing" in verdict.reason


class Rates:
    """A history at one position, with a learning rate."""

    def __init__(self, position: int, rate: float) -> None:
        self.positions, self._rate = (position,), rate

    def gram(self) -> Any:
        raise AssertionError

    def read(self, need: str) -> Any:
        return lambda ahead: self._rate


def test_a_way_is_a_candidate_once_and_again_where_the_position_has_doubled() -> None:
    predictor, proposed = EmaNesterov(EmaNesterov.Config(start=100)), []
    for position in range(0, 1000, 50):
        found = predictor.predict(Rates(position, 1e-3), 0)
        if found is not None:
            proposed.append((position, found.state.beta))
            predictor.settle(position == 100)
    assert proposed == [(100, 0.3), (200, 0.0), (400, 0.0), (800, 0.0)]  # accepted at 100: then to do without it


def test_no_way_is_a_candidate_while_the_rate_falls() -> None:
    predictor = EmaNesterov(EmaNesterov.Config(start=0))
    assert predictor.predict(Rates(10, 5e-4), 0) is not None  # in the warm-up, the highest rate so far
    assert predictor.predict(Rates(20, 1e-3), 0) is not None
    assert predictor.predict(Rates(30, 9e-4), 0) is None
    assert predictor.predict(Rates(30, 0.0), 0) is None


def test_an_accepted_way_is_used_by_the_run_that_judged_it(small: Callable[..., NetworkConfig]) -> None:
    config = small(
        steps=30,
        schedule="constant",
        predictors=[{"name": "ema-nesterov", "start": 10}],
        validator={"name": "synthetic", "rate": 1.0},
        recognizer={"name": "every", "steps": 10},
        scheduler={"overdraft": 100.0},
    )
    run = Run(NetworkBackend(config), "nn_training", load())
    summary = run.execute()
    accepted = [leap for leap in summary["leaps"] if leap["accepted"]]
    assert [leap["position"] for leap in accepted] == [10, 20]
    assert {leap["predictor"] for leap in accepted} == {"ema-nesterov"}
    assert summary["steps_skipped"] == 0
