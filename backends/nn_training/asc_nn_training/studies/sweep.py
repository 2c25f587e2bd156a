"""Every predictor at every horizon from one snapshot; one gate pass a candidate serves every criterion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from asc.computation import Computation
from asc.errors import AscError
from asc.ledger import Ledger
from asc.speculators.candidates import predict
from asc.types import Candidate, Decision, Outcome, Plan, Snapshot
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.studies.candidates import steps_left
from asc_nn_training.studies.predictor_forms import Form
from asc_nn_training.studies.recipe import JUDGING, REPORTING

Losses = NDArray[np.float64]

PROXIMITY, PROXIMITY_AS_CODED = "proximity", "proximity-as-coded"

_PRICED_AS: Mapping[str, tuple[str, ...]] = {
    "current": ("validate",),
    "report": ("validate",),
    "reading": ("validate",),
    "cascade": ("predict", "validate"),
}
"""What each kind of a study's own work consists of."""


def criteria() -> dict[str, Validator]:
    """Return the criteria of the paper and its code, and this project's own paired test."""
    return {
        "strict": Strict(Strict.Config(rotate=False)),
        "adaptive": Adaptive(),
        PROXIMITY: Proximity(Proximity.Config(epsilon=0.05, sided="both", rotate=False)),
        PROXIMITY_AS_CODED: Proximity(Proximity.Config(epsilon=0.005, sided="upper", rotate=False)),
        "paired": Paired(Paired.Config(looks=1, rotate=False)),
    }


def take_price(computation: TrainingComputation, kind: str) -> float:
    """Return the price of one kind of a study's work in plain steps, and count it as paid; for `Ledger`."""
    return sum(computation.take_price(work) for work in _PRICED_AS.get(kind, (kind,)))


class Sweep:
    """The grid of forms and horizons, and the criteria that judge it."""

    def __init__(self, forms: Mapping[str, Form], horizons: Sequence[int], ledger: Ledger) -> None:
        """The ledger must know the prices of a study's work: see `take_price`."""
        self.forms, self.horizons, self.criteria, self.ledger = forms, tuple(horizons), criteria(), ledger

    def run(
        self, computation: TrainingComputation, history: Sequence[Snapshot], check: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Judge every candidate from the newest snapshot, and return the results; the computation stays as it is.

        `loss` and `report` are the present mean losses on the two held-out sets, in nats a token. A candidate has its
        `loss` on the first set and, if it was strictly accepted, its loss on the second as `report`. Its `cost` is the
        price in plain steps of all predictions and gate passes of its form. `past_end` holds the horizons beyond the
        last step, and `silent` the forms without a prediction. `check` is called before each candidate, and may raise.
        Raises AscError if a predictor fails.
        """
        position, left = computation.position(), steps_left(computation)
        current, candidates = self.score(computation, None, "current", JUDGING), list[dict[str, Any]]()
        report = float(self.score(computation, None, "report", REPORTING).mean())
        silent: set[str] = set()
        for name, form in self.forms.items():
            for horizon in self.horizons:
                if horizon <= left:
                    check()
                    judged = self._judge(computation, history, form, horizon, current)
                    if judged is None:
                        silent.add(name)
                    else:
                        candidates.append({"form": name, "horizon": horizon, **judged})
        return {
            "loss": float(current.mean()),
            "report": report,
            "candidates": candidates,
            "past_end": [horizon for horizon in self.horizons if horizon > left],
            "silent": sorted(silent),
            "position": position,
        }

    def _judge(
        self,
        computation: TrainingComputation,
        history: Sequence[Snapshot],
        form: Form,
        horizon: int,
        current: Losses,
    ) -> dict[str, Any] | None:
        """Judge the best of a form's candidates by every criterion; None if there is no candidate."""
        best: tuple[float, str, Candidate, Losses] | None = None
        began = self.ledger.spent
        for name in form:
            candidate = predict(computation, history, Plan(name, horizon), form, self.ledger)
            if isinstance(candidate, Decision):
                if candidate.outcome is Outcome.FAILED:
                    raise AscError(
                        f"A predictor of the sweep failed at step {computation.position()}: {candidate.reason}. If "
                        "memory was short, resume with --resume and bound the past weights with --device-bytes."
                    )
                continue
            losses = self.score(computation, candidate.state, "validate", JUDGING)
            mean = float(np.nan_to_num(losses.mean(), nan=np.inf))
            if best is None or mean < best[0]:
                best = mean, name, candidate, losses
        if best is None:
            return None
        cost = self.ledger.spent - began
        mean, name, candidate, losses = best
        known, scored = cast(Computation, KnownLosses(computation, current)), candidate._replace(state=losses)
        accepted = [criterion for criterion, part in self.criteria.items() if part.judge(known, scored).accepted]
        judged: dict[str, Any] = {"loss": mean, "accepted": accepted, "cost": cost}
        if name:
            judged["which"] = name
        if "strict" in accepted:
            judged["report"] = float(self.score(computation, candidate.state, "report", REPORTING).mean())
        return judged

    def score(self, computation: TrainingComputation, state: Any | None, kind: str, look: int) -> Losses:
        """Return each sequence's loss under a candidate's state or, for None, the present weights; booked as `kind`."""
        with self.ledger.work(kind):
            return computation.score(state, look)


class KnownLosses:
    """Losses that criteria compare without a gate pass: the state of a candidate is the array of its losses."""

    def __init__(self, computation: TrainingComputation, current: Losses) -> None:
        self._computation, self._current = computation, current

    def score(self, state: Losses | None, look: int) -> Losses:
        """Return the losses of a candidate or, for None, the current ones."""
        return self._current if state is None else state

    def gain_steps(self, improvement: float) -> float:
        """Ask the computation."""
        return self._computation.gain_steps(improvement)
