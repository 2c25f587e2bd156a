"""Predictions of predictions: a long distance in short links."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.predictors.linear import Linear
from asc.settings import Create, Settings
from asc.types import Combination

Coefficients = tuple[Fraction | float, ...]


class Cascade(Predictor):
    """Predicts `step` steps ahead, then as far again from there, and so on to the horizon.

    Each link sees the links before it as snapshots. All links are sums of the real snapshots, so a chain costs no more
    than one prediction. The validator judges each link against the one before, and the links before the first rejected
    one are accepted; or it judges the end alone. Chains of `linear` or of the exact `quadratic` end where one
    prediction of the whole distance ends: there, a cascade only adds a verdict for each link. Source: Leap+Verify,
    section 3.3, whose (D, K) is a horizon of D · K with a step of K.
    """

    class Config(Settings):
        """Settings of `cascade`."""

        predictor: str = Field("linear", description="what predicts each link; one that names coefficients only")
        step: int = Field(25, ge=1, description="steps of a link; the last one may be shorter")
        judged: Literal["each", "end"] = Field("each", description="judge each link against the one before, or the end")

    config: Config

    def __init__(self, config: Config | None = None, predictor: Predictor | None = None) -> None:
        super().__init__(config)
        self._predictor = predictor or Linear()
        self.depth = self._predictor.depth
        name = self.config.predictor
        if self._predictor.needs:
            raise AscError(
                f"A cascade sees its own links as snapshots, which have nothing but coefficients, and {name} needs "
                f"{', '.join(sorted(self._predictor.needs))}: choose one that names coefficients, such as linear."
            )
        if self._predictor.in_place:
            raise AscError(f"A cascade looks ahead, and {name} updates in place: choose another, such as linear.")

    @classmethod
    def compose(cls, config: Config | None, create: Create) -> Self:
        """Make it with the predictor that `create` makes by name, which may be a plugin's."""
        config = config or cls.Config()
        return cls(config, create(config.predictor))

    def links(self, horizon: int) -> Sequence[int]:
        """Return the distances at which the validator looks, `horizon` the last."""
        if self.config.judged == "end":
            return (horizon,)
        return (*range(self.config.step, horizon, self.config.step), horizon)

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Chain the links; None where one of them has no prediction."""
        chain = _Chain(history)
        reached = 0
        while reached < horizon:
            length = min(self.config.step, horizon - reached)
            prediction = self._predictor.predict(chain, length)
            if prediction is None:
                return None
            if not isinstance(prediction, Combination):
                raise AscError(
                    f"{self.config.predictor} answered with a state, and a cascade chains coefficients only."
                )
            chain.append(prediction, length)
            reached += length
        return Combination(chain.newest())


class _Chain:
    """A history that continues with predictions, each kept as coefficients of the real snapshots."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.positions = tuple(history.positions)
        count = len(self.positions)
        self._rows: list[Coefficients] = [tuple(Fraction(i == j) for j in range(count)) for i in range(count)]

    def append(self, prediction: Combination, length: int) -> None:
        """Add a prediction as a snapshot."""
        rows = prediction.of(self._rows)
        terms = list(zip(prediction.coefficients, rows, strict=True))
        self._rows.append(tuple(sum((c * row[j] for c, row in terms), Fraction(0)) for j in range(len(self._rows[0]))))
        self.positions = (*self.positions, self.positions[-1] + length)

    def newest(self) -> Coefficients:
        """Return the last snapshot's coefficients."""
        return self._rows[-1]

    def gram(self) -> Any:
        """As `History.gram`; coefficients that sum to one make differences of differences."""
        rows = np.array(self._rows, dtype=np.float64)
        differences = (rows[:-1] - rows[-1])[:, :-1]
        return differences @ np.asarray(self._history.gram()) @ differences.T

    def read(self, need: str) -> Any:
        """Raise LookupError: predictions have coefficients only."""
        raise LookupError(f"a cascade's own links have no {need}")
