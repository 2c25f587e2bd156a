"""A criterion: better beyond the noise, by a paired test in few looks."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.computation import Computation
from asc.errors import AscError
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.scores import NEEDS, Comparison, compare, first_look
from asc.validators.student import lower_tail

_NORMAL = NormalDist()
_ROUNDING = 1e-9  # a spread below this share of the mean is that of the arithmetic


class Paired(Validator):
    """Accept when the mean of the per-sequence differences is below zero by a paired t test, looked at a few times.

    Each look adds a subset of the gate set. One that finds enough accepts at once, one that makes a later acceptance
    unlikely rejects at once, so that clear cases cost little.

    The chance of accepting a candidate that is no better stays at or below `alpha`: it is divided by the number of
    candidates at a boundary, and the share of each is split over the looks by the spending function of Lan and DeMets
    (1983) that resembles O'Brien and Fleming's boundary, 2 - 2 Phi(z / sqrt(i / looks)): little for early looks, most
    for the last. The shares add up to alpha, so the union bound alone carries the guarantee and holds however the
    looks depend on each other; the exact boundary, which uses that dependence, would accept slightly more. Rejecting
    early only lowers the chance. Within a look the guarantee is that of the t test, which holds for differences that
    are about normal; a long tail on the worse side, a candidate that ruins few sequences, would make it lenient, and
    is largely made up for by Hall's transformation (1992), on that side alone.

    With a `margin`, the mean is to be below it, instead of below zero: a test of non-inferiority.
    """

    class Config(Settings):
        """Settings of `paired`."""

        looks: int = Field(4, ge=1, description="subsets of the gate set that are looked at, at most")
        alpha: float = Field(0.05, gt=0, lt=0.5, description="chance of accepting a candidate that is no better")
        futility: float = Field(
            0.02, ge=0, lt=1, description="stop where acceptance at the last look is less likely than this; 0: never"
        )
        margin: float = Field(0.0, ge=0, description="how much higher a loss is no reason to reject, in nats")
        rotate: bool = Field(True, description="start from another subset of the gate set at each boundary")

    needs = NEEDS
    config: Config

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Look until the answer is clear, `looks` times at most."""
        first = first_look(candidate.start, self.config.rotate)
        shares = split(self.config.alpha / candidate.rivals, self.config.looks)
        seen: list[NDArray[np.float64]] = []
        reason = ""
        whole: Comparison | None = None
        for i, share in enumerate(shares):
            losses = compare(computation, candidate, first + i)
            if not isinstance(losses, Comparison):
                return losses
            if not any(np.array_equal(losses.differences, earlier) for earlier in seen):
                seen.append(losses.differences)  # a gate with too few subsets repeats itself, which is no evidence
            differences = np.concatenate(seen)
            if differences.size < 2:
                continue
            mean, error, p = _test(differences, self.config.margin)
            whole = losses._replace(differences=differences, change=mean)
            reason = (
                f"the held-out loss moved by {mean:+.4g} ± {error:.2g} over {differences.size} sequences "
                f"(look {i + 1} of {self.config.looks}, p = {p:.2g}, at most {share:.2g} is needed"
                f"{f'; a margin of {self.config.margin:g}' if self.config.margin else ''})"
            )
            if mean < self.config.margin and p <= share:
                return whole.accept(reason)
            if i + 1 < self.config.looks and self._futile(p, (i + 1) / self.config.looks, shares[-1]):
                return whole.reject(f"{reason}: not worth another look")
        if whole is None:
            raise AscError(
                f"validator paired needs 2 different held-out sequences or more, and looks={self.config.looks} gave 1: "
                "enlarge the gate set, or raise looks where it has several subsets"
            )
        return whole.reject(reason)

    def _futile(self, p: float, done: float, last: float) -> bool:
        """Whether the trend so far, continued, would be accepted at the last look with less than the set chance.

        Conditional power of a Brownian motion with the drift seen so far; an approximation, which may cost power but
        never adds a false acceptance.
        """
        if self.config.futility == 0:
            return False
        drift = -_NORMAL.inv_cdf(min(max(p, 1e-300), 1 - 1e-16)) / math.sqrt(done)
        needed = -_NORMAL.inv_cdf(last)
        return _NORMAL.cdf((drift - needed) / math.sqrt(1 - done)) < self.config.futility


@lru_cache(maxsize=64)
def split(alpha: float, looks: int) -> tuple[float, ...]:
    """Return each look's share of alpha; together they are alpha."""
    z = -_NORMAL.inv_cdf(alpha / 2)
    spent = [0.0, *(2 * _NORMAL.cdf(-z / math.sqrt(i / looks)) for i in range(1, looks)), alpha]
    return tuple(after - before for before, after in pairwise(spent))


def _test(differences: NDArray[np.float64], margin: float) -> tuple[float, float, float]:
    """Return the mean, its standard error and the chance, were the true mean the margin, of a mean this low."""
    n = differences.size
    mean = float(differences.mean())
    error, below = float(differences.std(ddof=1)) / math.sqrt(n), mean - margin
    if error <= _ROUNDING * abs(mean):  # no spread to measure with: the sign test, n of n below the margin
        return mean, error, 0.5**n if below < 0 else 1.0
    skewness = float(np.mean(((differences - mean) / differences.std()) ** 3))
    skew = max(0.0, skewness) / (3 * math.sqrt(n))
    t = below / error
    t = t * (1 + skew * t + (skew * t) ** 2 / 3) + skew / 2  # Hall's transformation, increasing in t
    return mean, error, lower_tail(t, n - 1)
