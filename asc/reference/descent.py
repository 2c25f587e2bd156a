"""Gradient descent on a small quadratic: a judged computation at its smallest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc.computation import Computation
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition

Vector = NDArray[np.float64]

_SEQUENCES = 8  # in one subset of the gate set
_SUBSETS = 4
_AHEAD = 5  # steps without noise that tell how fast the loss falls at present


class DescentState(NamedTuple):
    """Everything that the steps depend on."""

    vector: Vector  # (d,)
    velocity: Vector  # (d,)
    random: Mapping[str, Any]  # state of the noise's generator


class PredictedVector(NamedTuple):
    """A predicted vector, and the vector that it was predicted from."""

    vector: Vector
    base: Vector


class Descent(Computation):
    """Momentum on f(x) = (x - c)ᵀ diag(h) (x - c) / 2 with noisy gradients; provides "losses" as well.

    v ← momentum · v + ∇f + noise, x ← x - rate · v, with float64 vectors of shape (d,). A leap replaces x and keeps v;
    the noise continues its sequence. A leap of zero steps is an update in place, such as an average. A held-out
    sequence is the same quadratic with a centre of its own, and `score` returns its value.
    """

    provides = frozenset({"fingerprint", "losses", "vector"})

    def __init__(
        self,
        steps: int,
        seed: int = 0,
        *,
        dimensions: int = 6,
        rate: float = 0.02,
        momentum: float = 0.9,
        noise: float = 0.05,
        prices: Mapping[str, float] | None = None,
    ) -> None:
        setting = np.random.default_rng([seed, 0])
        self._curvature: Vector = np.geomspace(0.05, 5.0, dimensions)
        self._centre: Vector = setting.normal(size=dimensions)
        self._gate: Vector = self._centre + 0.1 * setting.normal(size=(_SUBSETS, _SEQUENCES, dimensions))
        self._vector: Vector = setting.normal(size=dimensions) * 3
        self._velocity: Vector = np.zeros(dimensions)
        self._random = np.random.default_rng([seed, 1])
        self._steps, self._rate, self._momentum, self._noise = steps, rate, momentum, noise
        self._prices = {"observe": 0.01, "predict": 0.05, "validate": 0.5, "apply": 0.01} if prices is None else prices
        self._position = 0

    @property
    def vector(self) -> Vector:
        """A copy of the present vector."""
        return self._vector.copy()

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def total(self) -> int:
        """How many steps there are."""
        return self._steps

    def finished(self) -> bool:
        """Whether all steps are done."""
        return self._position >= self._steps

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Take steps. They are not recorded for the cache, since no state comes back."""
        steps = min(max_steps, self._steps - self._position)
        for _ in range(steps):
            noise = self._noise * self._random.normal(size=self._vector.size)
            self._vector, self._velocity = self._moved(self._vector, self._velocity, noise)
        self._position += steps
        return Advanced(steps)

    def observe(self) -> Snapshot:
        """Take the full snapshot, which is small."""
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """Take vector, velocity and random state."""
        state = DescentState(self._vector.copy(), self._velocity.copy(), self._random.bit_generator.state)
        return Snapshot(self._position, 0, state, 2 * self._vector.nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Put all of it back."""
        state: DescentState = snapshot.state
        self._vector, self._velocity = state.vector.copy(), state.velocity.copy()
        self._random.bit_generator.state = state.random
        self._position = snapshot.position

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Vector:
        """Return "vector", shape (n, d), one row a snapshot, or "fingerprint", shape (d,), the present gradient."""
        if need == "fingerprint":
            return self._curvature * (self._vector - self._centre)
        if need != "vector":
            raise LookupError(f"a descent provides vector and fingerprint, not {need}")
        return np.stack([snapshot.state.vector for snapshot in snapshots])

    def gram(self, snapshots: Sequence[Snapshot]) -> Vector:
        """Inner products, (n-1, n-1), of differences to the newest vector."""
        vectors = self.read("vector", snapshots)
        differences: Vector = vectors[:-1] - vectors[-1]
        return np.asarray(differences @ differences.T)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Sum the vectors. A state that is given directly is a vector of shape (d,); None for anything else."""
        newest = history[-1]
        if isinstance(prediction, Combination):
            coefficients = np.array([float(coefficient) for coefficient in prediction.coefficients])
            vector = coefficients @ self.read("vector", prediction.of(history))
        else:
            vector = np.array(prediction.state, dtype=np.float64)
            if vector.shape != self._vector.shape:
                return None
        predicted = PredictedVector(vector, newest.state.vector)
        return Candidate(newest.position, plan.horizon, predicted, vector.nbytes, plan.predictor)

    def agrees(self, transition: Transition) -> bool:
        """Whether the transition was predicted from the present state, and its steps are left."""
        predicted: PredictedVector = transition.effect
        here = transition.start == self._position and self._position + transition.steps <= self._steps
        return here and predicted.base.tobytes() == self._vector.tobytes()

    def apply(self, transition: Transition) -> None:
        """Leap."""
        predicted: PredictedVector = transition.effect
        self._vector = predicted.vector.copy()
        self._position += transition.steps

    def price(self, work: str) -> float:
        """Price in plain steps, by a table; no clock is read."""
        return self._prices.get(work, 0.0)

    def digest(self) -> str:
        """SHA-256 of position, vector, velocity and random state."""
        random = json.dumps(self._random.bit_generator.state, sort_keys=True).encode()
        parts = (str(self._position).encode(), self._vector.tobytes(), self._velocity.tobytes(), random)
        return hashlib.sha256(b"\n".join(parts)).hexdigest()

    def score(self, state: Any | None, look: int) -> Vector:
        """Return the losses, shape (8,), of a predicted vector or, for None, of the present vector."""
        vector = self._vector if state is None else state.vector
        distances = vector - self._gate[look % _SUBSETS]
        with np.errstate(over="ignore", invalid="ignore"):
            losses: Vector = (self._curvature * distances**2).sum(axis=1) / 2
        return losses

    def gain_steps(self, improvement: float) -> float:
        """Return what an improvement is worth, by how fast the loss would fall in the next few steps without noise."""
        vector, velocity = self._vector, self._velocity
        for _ in range(_AHEAD):
            vector, velocity = self._moved(vector, velocity, np.zeros_like(vector))
        slope = (self._loss(self._vector) - self._loss(vector)) / _AHEAD
        return improvement / slope if slope > 0 else 0.0

    def _moved(self, vector: Vector, velocity: Vector, noise: Vector) -> tuple[Vector, Vector]:
        velocity = self._momentum * velocity + self._curvature * (vector - self._centre) + noise
        return vector - self._rate * velocity, velocity

    def _loss(self, vector: Vector) -> float:
        return float((self._curvature * (vector - self._centre) ** 2).sum() / 2)
