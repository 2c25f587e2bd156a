"""What became of candidates: counted for people, and faded for the scheduler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from asc.types import Decision, Horizon, Outcome

_FADE = 0.95  # an older outcome weighs this much less than the one after it


class Faded:
    """The faded outcomes of one predictor at one distance."""

    def __init__(self) -> None:
        self.accepted, self.rejected, self.gain = 1.0, 1.0, 0.0

    def note(self, accepted: bool, weight: float = 1.0, gain: float = 0.0) -> None:
        """Take one outcome into account."""
        self.accepted = 1 + _FADE * (self.accepted - 1) + weight * accepted
        self.rejected = 1 + _FADE * (self.rejected - 1) + weight * (not accepted)
        if accepted:
            self.gain = gain if not self.gain else _FADE * self.gain + (1 - _FADE) * gain

    @property
    def probability(self) -> float:
        """The estimated probability of acceptance."""
        return self.accepted / (self.accepted + self.rejected)


_UNTRIED = Faded()


class Outcomes:
    """The record of outcomes that a speculator and its scheduler share."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Decisions by `Outcome.value`."""
        self._faded: dict[tuple[str, int], Faded] = {}
        self._horizons: dict[int, list[int]] = {}  # settled and accepted, by steps ahead
        self._reached = 0  # steps ahead, summed over all accepted candidates

    def note(self, decision: Decision, distance: int) -> None:
        """Take one decision into account; outcomes are kept by predictor and `distance`."""
        outcome = decision.outcome
        self.counts[outcome.value] += 1
        if outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
            accepted = outcome is Outcome.ACCEPTED
            self._of(decision.plan.predictor, distance).note(accepted, gain=decision.gain_steps)
            settled = self._horizons.setdefault(decision.horizon, [0, 0])
            settled[0] += 1
            settled[1] += accepted
            self._reached += decision.horizon if accepted else 0
        elif outcome is Outcome.SILENT:
            self._of(decision.plan.predictor, distance).note(False, weight=0.1)

    def at(self, predictor: str, distance: int) -> Faded:
        """Return the faded outcomes of a predictor at a distance; even odds where there are none."""
        return self._faded.get((predictor, distance), _UNTRIED)

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted of the candidates that were accepted or rejected; None without any."""
        settled = sum(settled for settled, _ in self._horizons.values())
        return self._accepted() / settled if settled else None

    @property
    def mean_accepted_horizon(self) -> float | None:
        """Steps ahead that accepted candidates reach, on average; None without any."""
        accepted = self._accepted()
        return self._reached / accepted if accepted else None

    def horizons(self) -> dict[int, Horizon]:
        """Return how many candidates were settled, and accepted, by the steps ahead that they reached."""
        return {steps: Horizon(*counts) for steps, counts in sorted(self._horizons.items())}

    def state_dict(self) -> dict[str, Any]:
        """Return everything."""
        return {
            "counts": dict(self.counts),
            "faded": [[*key, dict(vars(faded))] for key, faded in self._faded.items()],
            "horizons": [[steps, *counts] for steps, counts in self._horizons.items()],
            "reached": self._reached,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.counts = Counter(state["counts"])
        self._faded.clear()
        for predictor, distance, faded in state["faded"]:
            vars(self._of(predictor, distance)).update(faded)
        self._horizons = {steps: list(counts) for steps, *counts in state["horizons"]}
        self._reached = state["reached"]

    def _of(self, predictor: str, distance: int) -> Faded:
        return self._faded.setdefault((predictor, distance), Faded())

    def _accepted(self) -> int:
        return sum(accepted for _, accepted in self._horizons.values())
