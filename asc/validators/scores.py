"""Held-out losses of the current state and of a candidate: what every criterion on scores compares."""

from __future__ import annotations

import hashlib
import math
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from asc.computation import Computation
from asc.errors import AscError
from asc.types import Candidate, Verdict

NEEDS = frozenset({"losses"})
"""What a validator declares that compares held-out losses."""

_LARGEST = 1e100  # a loss beyond this has overflowed in all but name, and its square would


@runtime_checkable
class Scores(Protocol):
    """A computation whose states can be judged by held-out losses, lower being better; it provides "losses"."""

    def score(self, state: Any | None, look: int) -> NDArray[np.float64]:
        """Return the losses, shape (n,), of a candidate's state or, for None, of the current one.

        `look` is any number from 0 on and names a subset of the gate set, one entry a sequence: a gate of m disjoint
        subsets takes it modulo m. One look means the same sequences in the same order, whatever the state; m looks in
        a row share no sequence. The computation is unchanged on return and on raise. The losses of the current state
        may be remembered until that state changes: every candidate asks for them.
        """

    def gain_steps(self, improvement: float) -> float:
        """Return what a mean improvement (current minus candidate, positive where better) is worth in plain steps.

        The backend knows the slope of its own recent progress; where it does not yet, the answer is 0.
        """


@runtime_checkable
class Reports(Protocol):
    """A computation with held-out sequences that neither judge nor tune, and so measure what a state is worth."""

    def report(self, state: Any | None) -> NDArray[np.float64]:
        """Return the losses, shape (n,), of a candidate's state or, for None, of the current one.

        They are those of the same sequences each time. The computation is unchanged on return and on raise.
        """


class Comparison(NamedTuple):
    """The current state and a candidate on the same held-out sequences, all of it finite."""

    scores: Scores
    current: float  # mean loss
    candidate: float  # mean loss
    differences: NDArray[np.float64]  # candidate minus current, shape (n,)
    change: float  # of the mean loss

    def accept(self, reason: str) -> Verdict:
        """Accept, at what the change is worth. A candidate that changes nothing is rejected all the same."""
        return accepted(self.scores, -self.change, reason) if self.differences.any() else self.reject(reason)

    def reject(self, reason: str) -> Verdict:
        """Reject, saying what the change was."""
        if not self.differences.any():
            reason = "the candidate changes nothing: no held-out loss moved"
        return rejected(reason, self.change)


def compare(computation: Computation, candidate: Candidate, look: int) -> Comparison | Verdict:
    """Score both on one look, of a computation that provides "losses"; a rejection where a loss is not finite.

    A candidate with a `base` is compared with that instead of the current state.
    """
    scores = cast(Scores, computation)
    current = _losses(scores, candidate.base, look)
    if (reason := _unusable("current", current)) is not None:
        return rejected(reason)
    proposed = _losses(scores, candidate.state, look)
    if proposed.shape != current.shape:
        raise AscError(
            f"score() gave {current.size} losses for the current state and {proposed.size} for a candidate on look "
            f"{look}: one look must mean the same sequences for both"
        )
    if (reason := _unusable("candidate's", proposed)) is not None:
        return rejected(reason)
    before, after = float(current.mean()), float(proposed.mean())
    return Comparison(scores, before, after, proposed - current, after - before)


def accepted(scores: Scores, improvement: float, reason: str) -> Verdict:
    """Accept, with the gain that the computation puts on the improvement; one that is not finite counts as none."""
    gain = float(scores.gain_steps(improvement))
    gain = gain if math.isfinite(gain) else 0.0
    return Verdict(accepted=True, gain_steps=gain, reason=reason, change=-improvement)


def rejected(reason: str, change: float | None = None) -> Verdict:
    """Reject: nothing is applied, so nothing is gained. `change` is that of the loss, where it could be compared."""
    return Verdict(accepted=False, gain_steps=0.0, reason=reason, change=change)


def first_look(position: int, rotate: bool) -> int:
    """Return the look for a boundary: always 0, or one that rotates.

    The rotation is a mixed function of the position alone. So all candidates of one boundary meet the same sequences,
    a resumed run meets those of the uninterrupted one, and positions on a grid do not keep to one subset.
    """
    if not rotate:
        return 0
    return int.from_bytes(hashlib.blake2b(str(position).encode(), digest_size=4).digest(), "big")


def moved(current: float, candidate: float) -> str:
    """Say how the loss moved, with as many digits as it takes to see it."""
    if current == candidate:
        return f"the held-out loss stayed at {current:.5g}"
    digits = next(d for d in (5, 7, 10, 17) if f"{current:.{d}g}" != f"{candidate:.{d}g}")
    verb = "fell" if candidate < current else "rose"
    return f"the held-out loss {verb} from {current:.{digits}g} to {candidate:.{digits}g}"


def _losses(scores: Scores, state: Any | None, look: int) -> NDArray[np.float64]:
    losses = np.asarray(scores.score(state, look), dtype=np.float64)
    if losses.ndim != 1 or losses.size == 0:
        raise AscError(
            f"score() gave an array of shape {losses.shape} for look {look}: give one loss a sequence, shape (n,) with "
            "n of at least 1"
        )
    return losses


def _unusable(whose: str, losses: NDArray[np.float64]) -> str | None:
    usable = np.abs(losses) < _LARGEST
    if usable.all():
        return None
    wrong = losses[~usable]
    return (
        f"the {whose} held-out loss is {wrong[0]} on {wrong.size} of {losses.size} sequences, "
        "which nothing can be compared with"
    )
