"""Training under the laws of judged computations, with dropout and AdamW, on a model of a few hundred weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.computation import Computation
from asc.engine import Engine
from asc.errors import AscError
from asc.predictors.linear import Linear
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Quantile
from asc.testing.checks import check_resumed
from asc.testing.laws import JudgedLaws
from asc.types import Combination, Plan, Transition
from asc.validators.adaptive import Adaptive
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.costs import Costs
from asc_nn_training.testing import LENGTH, VOCABULARY, Bigrams, Moves, small_training
from asc_nn_training.training.schedule import Schedule
from asc_nn_training.training.training import Training
from asc_nn_training.validators.gate import TokenGate

STEPS = 160


def computation(**settings: Any) -> TrainingComputation:
    return small_training(STEPS, **settings)


class TestStaying(JudgedLaws):
    every = 5
    horizons = (5, 20)

    def computation(self) -> Computation:
        return computation()


class TestAdvancing(TestStaying):
    def computation(self) -> Computation:
        return computation(leap_schedule="advance", leap_moments="reset")


class TestRegimes(TestStaying):
    def validator(self) -> Adaptive:
        return Adaptive()

    def engine(self, computation: Computation, *parts: Any) -> Engine:
        engine = super().engine(computation, *parts)
        engine.recognizer = Similarity(Similarity.Config(every=5, thresholds=Quantile.Config(least=3)))
        return engine

    def test_resumed_early_and_late(self) -> None:
        check_resumed(
            self.computation,
            lambda computation: self.engine(computation, self.predictors(), self.validator()),
            stops=(3, 17, 31),
        )


def leap(subject: TrainingComputation, horizon: int = 10) -> Transition:
    """A linear leap from the present weights."""
    before = subject.observe()
    subject.advance(10)
    history = (before, subject.observe())
    candidate = subject.materialise(Combination((-1, 2)), history, Plan("linear", horizon))
    assert candidate is not None
    return Transition(candidate.start, candidate.horizon, candidate.state, candidate.nbytes, "test")


def test_a_leap_moves_trainable_weights_in_place_and_nothing_else() -> None:
    subject = computation()
    model: Any = subject.training.model
    held, bias = model.head.weight, model.head.bias.clone()
    transition = leap(subject)
    assert subject.agrees(transition)
    subject.apply(transition)
    assert held is model.head.weight is model.embedding.weight
    before, now = (kept.values() for kept in transition.effect.terms)
    assert torch.equal(held, torch.lerp(before[0], now[0], 2.0))
    assert torch.equal(model.head.bias, bias)
    assert subject.position() == 10  # it stays: the leap is extra progress
    assert not subject.agrees(transition)


@pytest.mark.parametrize("moments", ["keep", "reset", "decay"])
def test_moments_go_along_by_their_policy(moments: str) -> None:
    subject = computation(leap_moments=moments, leap_schedule="advance")
    transition = leap(subject)
    state = next(iter(subject.training.optimizer.state.values()))
    before = {name: value.clone() for name, value in state.items()}
    subject.apply(transition)
    assert subject.position() == 20
    match moments:
        case "keep":
            assert all(torch.equal(state[name], value) for name, value in before.items())
        case "reset":
            assert not any(value.any() for value in state.values())
        case "decay":
            assert torch.allclose(state["exp_avg"], before["exp_avg"] * 0.9**10)
            assert state["step"] == before["step"]


def test_no_leap_beyond_the_end() -> None:
    subject = computation(leap_schedule="advance")
    before = subject.observe()
    subject.advance(STEPS - 5)
    history = (before, subject.observe())
    assert subject.materialise(Combination((-1, 2)), history, Plan("linear", 6)) is None
    assert subject.materialise(Combination((-1, 2)), history, Plan("linear", 5)) is not None


def test_work_over_data_is_paid_for_once() -> None:
    """Asking for the price changes nothing; taking it pays for the work."""
    subject = computation()
    transition = leap(subject)
    subject.score(None, 0)
    subject.score(None, 0)  # remembered
    subject.score(transition.effect, 0)
    costs = Costs(4 * LENGTH, 4 * LENGTH, VOCABULARY, 88, 352)
    owed = pytest.approx(2 * costs.forward(4 * LENGTH) + costs.moved(5))
    assert [subject.price("validate"), subject.price("validate")] == [owed, owed]
    assert subject.take_price("validate") == owed
    assert subject.price("validate") == subject.take_price("validate") == 0


def test_transfers_of_past_weights_are_paid_for_once() -> None:
    subject = computation()
    copied = subject.price("observe")
    assert subject.take_price("observe") == copied > 0  # each boundary copies the weights
    subject.store.pending = 1000
    assert subject.price("observe") == subject.price("observe") > copied
    assert subject.take_price("observe") > copied
    assert subject.price("observe") == copied


def test_work_that_was_not_done_costs_nothing() -> None:
    subject = computation()
    assert {work: subject.price(work) for work in ("notify", "plan", "predict", "lookup")} == {
        "notify": 0.0,
        "plan": 0.0,
        "predict": 0.0,
        "lookup": 0.0,
    }


def test_a_bad_gate_and_a_bad_snapshot_are_refused() -> None:
    subject = computation()
    with pytest.raises(AscError, match=r"gate set has shape \(3, 4\): give token numbers of shape \(subsets"):
        TokenGate(torch.zeros(3, 4))
    with pytest.raises(AscError, match="holds only the weights"):
        subject.restore(subject.observe())
    with pytest.raises(
        LookupError, match="training provides fingerprint, optimizer, rate, score, segment, twin, weights, not words"
    ):
        subject.read("words", ())


def test_linear_predictor_leaps() -> None:
    """Somewhere in a training a leap is accepted, and the training ends where plain training does not."""
    laws = TestStaying()
    subject = computation()
    engine = laws.engine(subject, {"linear": Linear()}, laws.validator())
    engine.run()
    plain = computation()
    plain.advance(STEPS)
    assert engine.ledger.leaps > 0
    assert subject.digest() != plain.digest()


class Normed(Bigrams):
    """With running means, which are no weights, and change with training all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)

    def forward(self, batch: Tensor) -> Tensor:
        hidden = self.norm(self.embedding(batch).flatten(0, 1)).view(*batch.shape, 8)
        found: Tensor = self.head(self.dropout(hidden))
        return found


def normed(accumulation: int = 1) -> TrainingComputation:
    torch.manual_seed(1)
    model = Normed()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    training = Training(model, optimizer, Schedule(1e-2), Moves(), STEPS, accumulation=accumulation)
    gate = torch.stack([Moves().batch(10_000 + look) for look in range(4)])
    return TrainingComputation(training, TokenGate(gate), None, Costs(24, 24, 0, 104, 416))


def test_scores_trials_and_leaps_put_the_same_weights_into_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit."""
    made, judged = computation(), list[str]()
    losses = TrainingComputation.losses

    def seen(self: TrainingComputation, subset: int, work: str) -> Tensor:
        judged.append(self.digest())
        return losses(self, subset, work)  # type: ignore[return-value]

    monkeypatch.setattr(TrainingComputation, "losses", seen)
    past = [made.observe()]
    for _ in range(12):
        made.advance(5)
        past = [past[-1], made.observe()]
        candidate = made.materialise(Combination((-1.3, 2.3)), past, Plan("linear", 7))
        assert candidate is not None
        judged.clear()
        made.score(candidate.state, 0)
        made.trial(candidate.state, 0, (0,))
        made.apply(Transition(candidate.start, candidate.horizon, candidate.state, 0, "linear"))
        assert judged == [made.digest()] * 2


def test_a_trial_leaves_buffers_as_they_were() -> None:
    subject = normed()
    subject.advance(5)
    before = {name: value.clone() for name, value in subject.training.model.state_dict().items()}
    subject.trial(None, 4, (0, 1))
    after = subject.training.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_trial_that_fails_leaves_no_gradient_and_says_why() -> None:
    subject = normed(accumulation=2)
    subject.advance(5)
    batches, calls = subject.training.batches, []  # type: ignore[attr-defined]

    class Failing:
        def batch(self, step: int) -> Tensor:
            calls.append(step)
            if len(calls) == 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return batches.batch(step)

    subject.training.batches = Failing()  # type: ignore[attr-defined]
    with pytest.raises(torch.OutOfMemoryError):
        subject.trial(None, 4, (0,))
    assert all(parameter.grad is None for parameter in subject.weights.parameters)
    assert "too little memory" in subject.remarks[0]


def test_no_room_for_a_copy_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    subject = normed()
    monkeypatch.setattr(subject.weights, "copy", full)
    with pytest.raises(AscError, match=r"no room for a copy of the weights .* or with --no-speculation"):
        subject.observe()
