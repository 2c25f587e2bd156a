"""The base of predictors: where will the computation be?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from asc.settings import Configurable
from asc.types import Prediction


class History(Protocol):
    """One segment's snapshots, oldest first, read-only: what a predictor sees."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions in steps, ascending."""

    def gram(self) -> Any:
        """Inner products, (n-1, n-1) float64, of the differences of n snapshots to the newest."""

    def read(self, need: str) -> Any:
        """Answer a need that the predictor declared in `needs`.

        Programs answer "words" with one mapping of name to value a snapshot, oldest first. What else there is to read
        is up to the computation: trainings of networks answer "weights", "optimizer", "rate", "score" and "segment".
        """


class Predictor(Configurable, ABC):
    """Predicts the state some steps ahead. Only `predict` must be written."""

    needs: frozenset[str] = frozenset()
    """What it reads beyond positions and the Gram matrix, such as "words"; a backend without it is refused at start."""

    depth: int = 2
    """Snapshots that it looks back on. A run keeps as many as the deepest of its predictors asks for."""

    in_place: bool = False
    """Whether it updates the present state (averages, outer steps) rather than looking ahead; its horizon is then 0."""

    @abstractmethod
    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Predict the state `horizon` steps after the newest snapshot; None where there is nothing to say."""

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Prediction | None]:
        """Predict the states at several horizons, each as `predict` would after those before it.

        A predictor that can do that in less time than one by one overrides it.
        """
        return [self.predict(history, horizon) for horizon in horizons]

    def links(self, horizon: int) -> Sequence[int]:
        """Return the horizons at which a validator looks, ascending, `horizon` the last.

        A predictor that chains predictions returns one horizon a link; each link is judged against the one before.
        """
        return (horizon,)

    def settle(self, accepted: bool) -> None:
        """Learn whether the run leapt to the latest prediction, for a predictor whose own state goes with the run's.

        A prediction that is never settled was not used.
        """
