"""The bound on horizons from a twin, on maps whose Lyapunov exponent is known, and on a small training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from asc.engine import Engine
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import check_bounded, check_resumed
from asc.testing.stand_ins import Accept, Reject
from asc.types import Recognition
from asc_nn_training.computation import LeapConfig, TrainingComputation
from asc_nn_training.costs import Costs
from asc_nn_training.recognizers.lyapunov import Lyapunov, exponent
from asc_nn_training.testing import LENGTH, Moves, small_training
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.training.twin import drift
from asc_nn_training.validators.gate import TokenGate


class Map:
    """A loop whose step is x ← f(x), beside a weight that stays and gives the weights their length."""

    steppable = True
    device = torch.device("cpu")

    def __init__(self, step: Callable[[Tensor], Tensor], total: int = 1000) -> None:
        self.model: nn.Module = nn.Linear(2, 1, bias=False, dtype=torch.float64)
        self._weight = next(self.model.parameters())
        self._weight.data.copy_(torch.tensor([[1e12, 0.4]]))
        self.optimizer: torch.optim.Optimizer = torch.optim.SGD(self.model.parameters(), lr=1.0)
        self._step, self.total, self.position = step, total, 0

    @property
    def finished(self) -> bool:
        return self.position >= self.total

    def step(self) -> float:
        with torch.no_grad():
            self._weight[0, 1] = self._step(self._weight[0, 1])
        if not torch.isfinite(self._weight).all():
            raise NonFiniteError("the weight is not finite")
        self.position += 1
        return 0.0

    def rate(self, step: int) -> float:
        return 1.0

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.position = state["position"]


def computation(step: Callable[[Tensor], Tensor], total: int = 1000, **settings: Any) -> TrainingComputation:
    gate = TokenGate(torch.stack([Moves().batch(look) for look in range(2)]))
    config = LeapConfig.model_validate(settings)
    return TrainingComputation(Map(step, total), gate, None, Costs(100, LENGTH, 0, 2, 16), config)


def recognise(step: Callable[[Tensor], Tensor], **settings: Any) -> Recognition:
    """Return the answer of a first look, at step 100."""
    subject = computation(step)
    subject.advance(100)
    return Lyapunov(Lyapunov.Config(share=1.0, **settings)).recognise(subject)


@pytest.mark.parametrize(("factor", "furthest"), [(1.01, 100), (1.025, 40), (1.2, 5), (0.98, None)])
def test_the_bound_is_the_inverse_of_the_exponent_of_a_linear_map(factor: float, furthest: int | None) -> None:
    answer = recognise(lambda x: factor * x + 1 - factor)  # the fixed point is at 1
    assert answer.score == pytest.approx(math.log(factor), rel=1e-3)
    assert answer.furthest == furthest
    assert answer.speculate
    assert answer.label == ("chaotic" if furthest and furthest < 50 else "predictable")


def test_a_chaotic_map_is_told_from_a_periodic_one() -> None:
    chaotic = recognise(lambda x: 4 * x * (1 - x), size=1e-6)
    periodic = recognise(lambda x: 3.2 * x * (1 - x), size=1e-6)
    assert chaotic.score == pytest.approx(math.log(2), rel=0.3)
    assert chaotic.furthest in (1, 2)
    assert periodic.furthest is None


def test_the_reach_of_a_leap_is_a_setting() -> None:
    assert recognise(lambda x: 1.025 * x - 0.025, reach=0.25).furthest == 10


def test_every_horizon_is_tried_before_the_first_twin() -> None:
    subject, recognizer = small_training(400), Lyapunov(Lyapunov.Config(every=10, steps=4, share=0.1))
    for _ in range(9):
        subject.advance(10)
        assert recognizer.recognise(subject) == Recognition(True, "unknown", None, None)
        assert subject.take_price("recognise") == 0, "nothing was followed"
    subject.advance(10)
    assert recognizer.recognise(subject).score is not None


def test_twins_cost_no_more_than_their_share_of_the_steps() -> None:
    subject, recognizer = small_training(2100), Lyapunov(Lyapunov.Config(every=20, steps=4, share=0.05))
    spent, looks = 0.0, []
    while not subject.finished():
        subject.advance(20)
        recognizer.recognise(subject)
        if price := subject.take_price("recognise"):
            spent += price
            looks.append(subject.position())
            steps = 2 * 5 * len(looks)
            assert steps <= 0.05 * subject.position()
    assert looks == [200, 400, 800, 1600]
    assert spent > 40, "the steps of both sides, and the copies"


def test_asked_twice_at_one_position_it_follows_one_twin() -> None:
    subject, recognizer = small_training(400), Lyapunov(Lyapunov.Config(every=10, steps=4, share=1.0))
    subject.advance(20)
    first = recognizer.recognise(subject)
    subject.take_price("recognise")
    assert recognizer.recognise(subject) == first
    assert subject.take_price("recognise") == 0


def test_a_twin_is_undone_with_everything_it_changed() -> None:
    subject, plain = small_training(100), small_training(100)
    for each in (subject, plain):
        each.advance(20)
    subject.observe()
    pace = subject.gain_steps(1.0)
    distances = drift(subject, (1, 2, 4), 0.1)
    assert distances is not None
    assert distances.shape == (3,)
    assert subject.gain_steps(1.0) == pace, "steps of a twin are no progress"
    for each in (subject, plain):
        each.advance(20)
    assert subject.digest() == plain.digest()


def test_a_twin_is_followed_alike_each_time() -> None:
    subject = small_training(100)
    subject.advance(20)
    first, second = drift(subject, (2, 4), 0.1), drift(subject, (2, 4), 0.1)
    assert np.array_equal(first, second)  # type: ignore[arg-type]


def test_a_twin_goes_on_in_the_training_s_own_way() -> None:
    def growth(step: Callable[[Tensor], Tensor], **settings: Any) -> float:
        subject = computation(step, **settings)
        subject.advance(50)
        digest = subject.digest()
        distances = drift(subject, (4, 8, 12), 0.1)
        assert subject.digest() == digest
        assert distances is not None
        return exponent((4, 8, 12), distances)

    way = {"way": "ema-nesterov", "way_start": 0, "way_beta": 0.9, "way_decay": 0.8}
    assert growth(lambda x: x + 1, **way) == pytest.approx(0, abs=1e-6), "being ahead is no increment of the twin's own"
    plain, along = growth(lambda x: 1.01 * x), growth(lambda x: 1.01 * x, **way)
    assert plain == pytest.approx(math.log(1.01), rel=1e-3)
    assert along > 1.2 * plain


@pytest.mark.parametrize(
    ("step", "total"),
    [
        (lambda x: 1.5 * x, 10),
        (lambda x: x, 1000),
        (lambda x: x**9 * 1e30, 1000),
    ],
    ids=["too few steps are left", "the weights do not move", "a step leads to infinity"],
)
def test_where_no_twin_can_be_followed_nothing_is_bounded(step: Callable[[Tensor], Tensor], total: int) -> None:
    subject = computation(step, total)
    assert drift(subject, (5, 10), 0.1) is None
    assert subject.position() == 0
    recognizer = Lyapunov(Lyapunov.Config(share=1.0))
    recognizer._look_at = 0
    assert recognizer.recognise(subject) == Recognition(True, "unknown", None, None)


def test_a_twin_too_near_the_end_costs_nothing() -> None:
    subject = small_training(20)
    subject.advance(15)
    assert drift(subject, (2, 5), 0.1) is None
    assert subject.take_price("recognise") == 0


def test_the_exponent_is_the_slope_of_the_logarithm() -> None:
    assert exponent((3, 6, 9), np.exp([0.3, 0.6, 0.9])) == pytest.approx(0.1)


def test_a_run_that_is_resumed_ends_alike_and_says_what_was_left_out() -> None:
    def build(made: Any) -> Engine:
        return assemble(
            made,
            {"linear": Linear(), "mean": Mean()},
            recognizer=Lyapunov(Lyapunov.Config(every=5, steps=4, share=0.5, reach=1e-3)),
            validator=Accept(gain_steps=2.0),
            scheduler=JudgedScheduler.Config(horizons=(5, 20), overdraft=9.0),
        )

    check_resumed(lambda: small_training(120), build)
    engine = build(computation(lambda x: 1.1 * x - 0.1, 120))
    engine.run()
    assert "Long horizons were left out at " in engine.explain(position=120, over=True)


def test_twins_keep_the_loss_bounded() -> None:
    recognizer = Lyapunov(Lyapunov.Config(every=10, steps=4))
    engine = assemble(small_training(1200), {"linear": Linear()}, recognizer=recognizer, validator=Reject())
    check_bounded(engine)
    assert recognizer.state_dict()["look_at"] > 1000, "a twin was followed"
