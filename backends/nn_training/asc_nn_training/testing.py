"""For authors of parts for networks: the laws over tensors, and a training of a few hundred weights to try things on.

    from asc_nn_training.testing import WeightPredictorLaws

    class TestMine(WeightPredictorLaws):
        def predictor(self):
            return Mine()

Needs what `asc.testing` needs: from a checkout of asc, `pip install -e '.[testing]'`.
"""

from __future__ import annotations

import gc
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from asc.testing import Course, PredictorLaws, RecognizerLaws, Trial, ValidatorLaws, Visit
from asc.testing.chance import shaken
from asc.testing.contents import contents
from asc.testing.laws import Laws
from asc.types import Direct, Plan
from asc_nn_training.computation import LeapConfig, TrainingComputation
from asc_nn_training.costs import Costs
from asc_nn_training.training import checkpoint
from asc_nn_training.training.device import device_of
from asc_nn_training.training.schedule import Schedule
from asc_nn_training.training.training import Training
from asc_nn_training.validators.gate import TokenGate
from asc_nn_training.weights.combine import combine
from asc_nn_training.weights.proposal import Frame, Proposal
from asc_nn_training.weights.store import Stored
from asc_nn_training.weights.weights import Values

VOCABULARY, LENGTH = 11, 6
_AHEAD = 40  # steps to a trial's continuation


class Bigrams(nn.Module):
    """Tied embedding and head, a bias that is frozen, dropout: small, and with all that may go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(8, VOCABULARY)
        self.head.weight = self.embedding.weight
        self.head.bias.requires_grad_(False)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits, (batch, length, 11), of tokens, (batch, length)."""
        found: Tensor = self.head(self.dropout(self.embedding(batch)))
        return found


class Moves:
    """Sequences in which each token is the one before plus one or two; batches of (4, 6)."""

    def batch(self, step: int) -> Tensor:
        """The batch of a step."""
        random = torch.Generator().manual_seed(step)
        moves = torch.randint(1, 3, (4, LENGTH), generator=random)
        return moves.cumsum(1) % VOCABULARY


def fingerprint(model: nn.Module) -> Tensor:
    """The answers to each token, (11, 11)."""
    probes = torch.arange(VOCABULARY, device=device_of(model)).reshape(-1, 1)
    found: Tensor = model(probes)[:, -1]
    return found


def small_training(steps: int, *, device: torch.device | str = "cpu", **settings: Any) -> TrainingComputation:
    """Make a training of `Bigrams` by AdamW at a constant rate; settings are those of `LeapConfig`."""
    torch.manual_seed(1)
    model = Bigrams().to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    training = Training(model, optimizer, Schedule(1e-2), Moves(), steps)
    gate = torch.stack([Moves().batch(10_000 + look) for look in range(4)]).to(device)
    costs = Costs(4 * LENGTH, gate[0].numel(), VOCABULARY, 88, 352)
    return TrainingComputation(training, TokenGate(gate), fingerprint, costs, LeapConfig.model_validate(settings))


def courses(device: torch.device | str = "cpu") -> list[Course]:
    """Return that training as a course for predictors and recognizers."""
    make = partial(small_training, device=device)
    # Long enough for a history of 16 snapshots to be full within the first fifth, where growth is measured from.
    return [Course("training", make, every=5, boundaries=14, long=80, departure=_departure)]


class NetworkLaws(Laws):
    """What all laws over tensors have in common."""

    def global_randomness(self) -> Hashable:
        """Return a key of the state of the generators of Python, numpy and torch."""
        return super().global_randomness(), torch.get_rng_state().numpy().tobytes()

    @contextmanager
    def shaken(self, seed: int) -> Iterator[None]:
        """Seed these generators for a while."""
        with shaken(seed), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield

    def held_elsewhere(self) -> int:
        """Return the bytes of all tensors that there are."""
        storages = {one.untyped_storage().data_ptr(): one for one in gc.get_objects() if type(one) is Tensor}
        return sum(one.untyped_storage().nbytes() for one in storages.values())

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a state as it comes out of a network's checkpoint, which holds tensors as well."""
        with TemporaryDirectory() as folder:
            checkpoint.save(Path(folder), 0, {"memory": dict(state)})
            found = checkpoint.load(Path(folder), torch.device("cpu"))
        assert found is not None
        carried: Mapping[str, Any] = found[1]["memory"]
        return carried


class WeightPredictorLaws(NetworkLaws, PredictorLaws):
    """The laws of predictors, over weights, moments and losses of a training."""

    may_hold = 64 * 1024

    def courses(self) -> Sequence[Course]:
        """Give the courses to try it on."""
        return courses()

    def contents(self, visit: Visit) -> Hashable:
        """Return a key of all that a history holds, the present moments included."""
        weights = [snapshot.state.kept.peek() for snapshot in visit.snapshots]
        moments = visit.computation.read("optimizer", visit.snapshots)
        held = None if moments is None else (moments.first, moments.second)
        return contents(weights), contents(held), visit.history.positions


class TrainingRecognizerLaws(NetworkLaws, RecognizerLaws):
    """The laws of recognizers, over a training."""

    may_hold = 64 * 1024

    def courses(self) -> Sequence[Course]:
        """Give the courses to try it on."""
        return courses()


class TrainingValidatorLaws(NetworkLaws, ValidatorLaws):
    """The laws of validators, over a training's held-out losses."""

    may_hold = 64 * 1024  # the training remembers the losses of the candidates that it was asked about
    judgements = 60

    def computation(self) -> TrainingComputation:
        """Make the training whose candidates are judged, at its start."""
        return small_training(160)

    def trial(self) -> Trial:
        """Make a training after some steps, the weights that more of them lead to, and the same way backwards."""
        computation, twin = self.computation(), self.computation()
        computation.advance(10)
        twin.advance(10 + _AHEAD)
        here, there = computation.weights.copy(), twin.weights.copy()
        away = [now - 3 * (then - now) for now, then in zip(here, there, strict=True)]
        snapshot = computation.observe()
        true, perturbed = (
            computation.materialise(Direct(weights), [snapshot], Plan("trial", _AHEAD)) for weights in (there, away)
        )
        assert true is not None
        assert perturbed is not None
        return Trial(computation, true, perturbed)

    def ruined(self, trial: Trial) -> Any:
        """Make a candidate of weights that are no numbers."""
        computation: Any = trial.computation
        weights = [torch.full_like(value, torch.nan) for value in computation.weights.copy()]
        return computation.materialise(Direct(weights), [computation.observe()], Plan("trial", _AHEAD))


def _departure(guessed: Proposal, before: Frame, after: Frame) -> float:
    """The distance of predicted weights to those that came, in that of the weights they were predicted from."""
    predicted = combine(guessed.coefficients, Stored(guessed.terms))
    there = after.kept.values()
    return _distance(predicted, there) / _distance(before.kept.values(), there)


def _distance(one: Values, other: Values) -> float:
    return float(sum((a - b).double().square().sum() for a, b in zip(one, other, strict=True)) ** 0.5)
