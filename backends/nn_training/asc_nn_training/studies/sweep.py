"""Every predictor at every horizon from one snapshot, each candidate judged by every criterion in one gate pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc.computation import Validator
from asc.errors import AscError
from asc.ledger import Ledger
from asc.speculators.guess import guess
from asc.types import Attempt, Candidate, Outcome, Plan, Snapshot
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.studies.forms import Form
from asc_nn_training.studies.recipe import JUDGING, REPORTING
from asc_nn_training.weights.proposal import Proposal

Losses = NDArray[np.float64]

PROXIMITY, PROXIMITY_AS_CODED = "proximity", "proximity-as-coded"


def criteria() -> dict[str, Validator]:
    """Return the criteria of the paper and its code, and the paired test that is this project's own."""
    return {
        "strict": Strict(Strict.Config(rotate=False)),
        "adaptive": Adaptive(),
        PROXIMITY: Proximity(Proximity.Config(epsilon=0.05, sided="both", rotate=False)),
        PROXIMITY_AS_CODED: Proximity(Proximity.Config(epsilon=0.005, sided="upper", rotate=False)),
        "paired": Paired(Paired.Config(looks=1, rotate=False)),
    }


class Sweep:
    """The grid of forms and horizons, and what judges them."""

    def __init__(self, forms: Mapping[str, Form], horizons: Sequence[int], ledger: Ledger) -> None:
        self.forms, self.horizons, self.criteria, self.ledger = forms, tuple(horizons), criteria(), ledger

    def at(
        self, computation: TrainingComputation, history: Sequence[Snapshot], check: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Return what becomes of every candidate from the newest snapshot; the computation stays as it is.

        `loss` and `report` are the present means on the two held-out sets, nats a token; a candidate has its `loss` on
        the first, and on the second `report`, where it was strictly accepted. `cost` is what it took, in plain steps:
        prediction and gate passes, of all that stood for its form. `past_end` names horizons that lead past the last
        step, and `silent` the forms that had no prediction. `check` is called before each candidate, and may raise.
        Raises AscError where a predictor fails.
        """
        position, left = computation.position(), computation.total() - computation.position()
        current, found = self.score(computation, None, "current", JUDGING), list[dict[str, Any]]()
        report = float(self.score(computation, None, "report", REPORTING).mean())
        silent: set[str] = set()
        for name, form in self.forms.items():
            for horizon in self.horizons:
                if horizon <= left:
                    check()
                    told = self._try(computation, history, form, horizon, current)
                    if told is None:
                        silent.add(name)
                    else:
                        found.append({"form": name, "horizon": horizon, **told})
        return {
            "loss": float(current.mean()),
            "report": report,
            "candidates": found,
            "past_end": [horizon for horizon in self.horizons if horizon > left],
            "silent": sorted(silent),
            "position": position,
        }

    def _try(
        self,
        computation: TrainingComputation,
        history: Sequence[Snapshot],
        form: Form,
        horizon: int,
        current: Losses,
    ) -> dict[str, Any] | None:
        """Judge the best of a form's candidates by every criterion; None where there is none."""
        best: tuple[float, str, Candidate, Losses] | None = None
        began = self.ledger.spent
        for which in form:
            candidate = guess(computation, history, Plan(which, horizon), form, self.ledger)
            if isinstance(candidate, Attempt):
                if candidate.outcome is Outcome.FAILED:
                    raise AscError(
                        f"A predictor of the sweep failed at step {computation.position()}: {candidate.reason}. Where "
                        "that is for want of memory, go on with --resume and --device-bytes, a bound on past weights."
                    )
                continue
            losses = self.score(computation, candidate.state, "validate", JUDGING)
            mean = float(np.nan_to_num(losses.mean(), nan=np.inf))
            if best is None or mean < best[0]:
                best = mean, which, candidate, losses
        if best is None:
            return None
        cost = self.ledger.spent - began
        mean, which, candidate, losses = best
        known, judged = Known(computation, current), candidate._replace(state=losses)
        accepted = [name for name, part in self.criteria.items() if part.judge(known, judged).accepted]  # type: ignore[arg-type]
        told: dict[str, Any] = {"loss": mean, "accepted": accepted, "cost": cost}
        if which:
            told["which"] = which
        if "strict" in accepted:
            told["report"] = float(self.score(computation, candidate.state, "report", REPORTING).mean())
        return told

    def score(self, computation: TrainingComputation, state: Proposal | None, kind: str, look: int) -> Losses:
        """Return each sequence's loss under a proposal or, for None, the present weights, booked as that kind."""
        since = self.ledger.clock()
        losses = computation.score(state, look)
        self.ledger.charge(kind, since, computation.cost("validate"))
        return losses


class Known:
    """Losses that are known already, for criteria to compare: a candidate's state is the array of its losses."""

    def __init__(self, computation: TrainingComputation, current: Losses) -> None:
        self._computation, self._current = computation, current

    def score(self, state: Losses | None, look: int) -> Losses:
        """Return them."""
        return self._current if state is None else state

    def gain_steps(self, improvement: float) -> float:
        """Ask the computation."""
        return self._computation.gain_steps(improvement)
