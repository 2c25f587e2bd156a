"""For authors of components for networks: the laws over tensors, and a training of a few hundred weights for trials.

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

from asc.testing import PredictorLaws, RecognizerLaws, ReferenceRun, Trial, ValidatorLaws, Visit
from asc.testing.chance import seeded
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
from asc_nn_training.weights.candidate import CandidateWeights
from asc_nn_training.weights.combine import combine
from asc_nn_training.weights.snapshot import WeightSnapshot
from asc_nn_training.weights.store import LazyWeights
from asc_nn_training.weights.weights import Values

VOCABULARY, LENGTH = 11, 6
_AHEAD = 40  # steps to a trial's continuation


class Bigrams(nn.Module):
    """Tied embedding and head, a frozen bias, dropout: small, and with everything that may go wrong."""

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
    """Sequences in which each token is the token before plus one or two; batches of (4, 6)."""

    def batch(self, step: int) -> Tensor:
        """Return the batch of a step."""
        random = torch.Generator().manual_seed(step)
        moves = torch.randint(1, 3, (4, LENGTH), generator=random)
        return moves.cumsum(1) % VOCABULARY


def fingerprint(model: nn.Module) -> Tensor:
    """Return the model's answer to each token, (11, 11)."""
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


def training_runs(device: torch.device | str = "cpu") -> list[ReferenceRun]:
    """Return that training as a reference run for predictors and recognizers."""
    make = partial(small_training, device=device)
    # Long enough for a history of 16 snapshots to be full within the first fifth, from which growth is measured.
    return [ReferenceRun("training", make, every=5, boundaries=14, long=80, departure=_departure)]


class NetworkLaws(Laws):
    """What all laws over tensors share."""

    def global_randomness(self) -> Hashable:
        """Return a key of the state of the generators of Python, numpy and torch."""
        return super().global_randomness(), torch.get_rng_state().numpy().tobytes()

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Within, these generators are seeded; afterwards they are as they were before."""
        with seeded(seed), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield

    def held_elsewhere(self) -> int:
        """Return the bytes of all tensors of this process."""
        storages = {each.untyped_storage().data_ptr(): each for each in gc.get_objects() if type(each) is Tensor}
        return sum(each.untyped_storage().nbytes() for each in storages.values())

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a state as a network's checkpoint returns it, which can hold tensors as well."""
        with TemporaryDirectory() as folder:
            checkpoint.save(Path(folder), 0, {"state": dict(state)})
            found = checkpoint.load(Path(folder), torch.device("cpu"))
        assert found is not None
        carried: Mapping[str, Any] = found[1]["state"]
        return carried


class WeightPredictorLaws(NetworkLaws, PredictorLaws):
    """The laws of predictors, over the weights, moments and losses of a training."""

    may_hold = 64 * 1024

    def reference_runs(self) -> Sequence[ReferenceRun]:
        """Return the reference runs of the laws."""
        return training_runs()

    def contents(self, visit: Visit) -> Hashable:
        """Return a key of everything that a history holds, the present moments included."""
        weights = [snapshot.state.weights.peek() for snapshot in visit.snapshots]
        moments = visit.computation.read("optimizer", visit.snapshots)
        held = None if moments is None else (moments.first, moments.second)
        return contents(weights), contents(held), visit.history.positions


class TrainingRecognizerLaws(NetworkLaws, RecognizerLaws):
    """The laws of recognizers, over a training."""

    may_hold = 64 * 1024

    def reference_runs(self) -> Sequence[ReferenceRun]:
        """Return the reference runs of the laws."""
        return training_runs()


class TrainingValidatorLaws(NetworkLaws, ValidatorLaws):
    """The laws of validators, over the held-out losses of a training."""

    may_hold = 64 * 1024  # the training keeps the losses of the candidates that it has scored
    judgements = 60

    def computation(self) -> TrainingComputation:
        """Make the training whose candidates are judged, at its start."""
        return small_training(160)

    def trial(self) -> Trial:
        """Make a training after some steps, the weights after 40 more, and weights in the opposite direction."""
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
        """Make a candidate of weights that are NaN."""
        computation: Any = trial.computation
        weights = [torch.full_like(value, torch.nan) for value in computation.weights.copy()]
        return computation.materialise(Direct(weights), [computation.observe()], Plan("trial", _AHEAD))


def _departure(predicted: CandidateWeights, before: WeightSnapshot, after: WeightSnapshot) -> float:
    """Return the distance of predicted weights to the later ones, relative to that of the weights before."""
    summed = combine(predicted.coefficients, LazyWeights(predicted.terms))
    there = after.weights.values()
    return _distance(summed, there) / _distance(before.weights.values(), there)


def _distance(left: Values, right: Values) -> float:
    return float(sum((a - b).double().square().sum() for a, b in zip(left, right, strict=True)) ** 0.5)
