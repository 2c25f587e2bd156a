"""Accept a candidate when it is still better after a few real steps: a lower loss now is not yet progress."""

from __future__ import annotations

from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.computation import Computation
from asc.errors import AscError
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validators.paired import Paired
from asc.validators.scores import Scores


@runtime_checkable
class Trials(Protocol):
    """A computation that can tell how its losses would be some steps later, from here and from a candidate."""

    def trial(self, state: Any | None, steps: int, looks: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
        """Take `steps` real steps from a candidate's state, or from the current one for None; return losses by look.

        Both sides meet the same batches and the same random numbers. The computation is unchanged on return and raise.
        """


class Probation:
    """Train a few steps from the candidate and from the current weights, on the same batches, then compare them.

    Averaging removes noise across the valley of the loss, which shows at once and is gone after a few steps; progress
    along it stays. The comparison is `paired`'s test. Both sides' steps are on the clock and neither is kept, so that
    the computation is as it was before: a trial costs twice its steps, and its memory a full snapshot.
    """

    class Config(Settings):
        """Settings of `probation`."""

        steps: int = Field(10, ge=1, description="real steps from either side")
        alpha: float = Field(0.05, gt=0, lt=0.5, description="chance of accepting what is no better")
        looks: int = Field(4, ge=1, description="subsets of the gate set that are compared")

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._paired = Paired(Paired.Config(alpha=self.config.alpha, looks=self.config.looks, futility=0))
        self._place: int | None = None  # position whose own trial is remembered: every candidate there needs it
        self._own: dict[int, NDArray[np.float64]] = {}

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Give both their trial, and compare."""
        if not isinstance(computation, Trials) or not isinstance(computation, Scores):
            raise AscError(
                f"validator probation takes real steps on trial, which {type(computation).__name__} does not offer: "
                "choose validator held-out-loss."
            )
        sides = _Sides(computation, candidate, self)
        return self._paired.judge(cast(Computation, sides), candidate)

    def own(self, computation: Trials, position: int, looks: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
        """The losses after a trial from the current weights, made once a boundary."""
        if self._place != position or not set(looks) <= set(self._own):
            self._own = computation.trial(None, self.config.steps, looks)
            self._place = position
        return self._own


class _Sides:
    """Scores of the two sides after their trials, as `paired` asks for them."""

    def __init__(self, computation: Any, candidate: Candidate, probation: Probation) -> None:
        self._computation, self._candidate, self._probation = computation, candidate, probation
        self._tried: dict[int, dict[int, NDArray[np.float64]]] = {}  # by the identity of the state
        self._looks: tuple[int, ...] = ()

    def score(self, state: Any | None, look: int) -> NDArray[np.float64]:
        config = self._probation.config
        if not self._looks:
            self._looks = tuple(look + i for i in range(config.looks))
        if state is None:
            return self._probation.own(self._computation, self._candidate.start, self._looks)[look]
        if id(state) not in self._tried:
            self._tried[id(state)] = self._computation.trial(state, config.steps, self._looks)
        return self._tried[id(state)][look]

    def gain_steps(self, improvement: float) -> float:
        return float(self._computation.gain_steps(improvement))
