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

        `loss` and `report` are the present means on the two held-out sets; a candidate has its `loss` on the first, and
        on the second `report`, where it was strictly accepted. `past_end` names horizons that lead past the last step,
        and `silent` the forms that had no prediction. `cost` is what a candidate took, in plain steps. `check` is
        called before each candidate, and may raise.
        """
        position, left = computation.position(), computation.total() - computation.position()
        current, found = self._score(computation, None, JUDGING)[0], []
        report = self._score(computation, None, REPORTING)[0]
        silent: set[str] = set()
        for name, form in self.forms.items():
            for horizon in self.horizons:
                if horizon > left:
                    continue
                check()
                best = self._best(computation, history, form, horizon)
                if best is None:
                    silent.add(name)
                else:
                    found.append({"form": name, "horizon": horizon, **self._judged(computation, current, *best)})
        return {
            "loss": float(current.mean()),
            "report": float(report.mean()),
            "candidates": found,
            "past_end": [horizon for horizon in self.horizons if horizon > left],
            "silent": sorted(silent),
            "position": position,
        }

    def _best(
        self, computation: TrainingComputation, history: Sequence[Snapshot], form: Form, horizon: int
    ) -> tuple[Candidate, str, Losses, float] | None:
        """The candidate of the lowest mean loss, which predictor's it is, its losses, and the cost of all of them."""
        best: tuple[Candidate, str, Losses, float] | None = None
        spent = 0.0
        for which in form:
            before = self.ledger.spent
            candidate = guess(computation, history, Plan(which, horizon), form, self.ledger)
            if isinstance(candidate, Attempt):
                if candidate.outcome is Outcome.FAILED:
                    raise AscError(
                        f"A predictor of the sweep failed at step {computation.position()} ({candidate.reason}). Where "
                        "memory is short, take a smaller --batch or fewer forms (--as), and go on with --resume."
                    )
                continue
            losses, _ = self._score(computation, candidate, JUDGING)
            spent += self.ledger.spent - before
            if best is None or losses.mean() < best[2].mean():
                best = candidate, which, losses, spent
        return None if best is None else (*best[:3], spent)

    def _judged(
        self,
        computation: TrainingComputation,
        current: Losses,
        candidate: Candidate,
        which: str,
        losses: Losses,
        cost: float,
    ) -> dict[str, Any]:
        known = Known(computation, current)
        judged = candidate._replace(state=losses)
        accepted = [name for name, criterion in self.criteria.items() if criterion.judge(known, judged).accepted]  # type: ignore[arg-type]
        told: dict[str, Any] = {"loss": float(losses.mean()), "accepted": accepted, "cost": cost}
        if which:
            told["which"] = which
        if "strict" in accepted:
            told["report"] = float(self._score(computation, candidate, REPORTING)[0].mean())
        return told

    def _score(self, computation: TrainingComputation, candidate: Candidate | None, look: int) -> tuple[Losses, float]:
        since = self.ledger.clock()
        losses = computation.score(None if candidate is None else candidate.state, look)
        kind = "report" if look == REPORTING else "current" if candidate is None else "validate"
        price = computation.cost("validate")
        self.ledger.charge(kind, since, price)
        return losses, price


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
