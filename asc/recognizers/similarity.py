"""A recognizer of regimes: how far a fingerprint of the state turns between two boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.computation import Computation
from asc.errors import AscError
from asc.recognizer import Recognizer
from asc.recognizers.grid import OFF_GRID, next_on_grid
from asc.recognizers.thresholds import Learned, Regime, ThresholdsConfig, build
from asc.settings import Settings
from asc.types import Decision, Outcome, Recognition

_PLACE = ("similarity", "position", "in_a_row", "passed_over")


class Similarity(Recognizer):
    """Regimes by the cosine of consecutive fingerprints: unknown, chaotic, transition or stable.

    The fingerprint is whatever the computation answers to `read("fingerprint", ())`, the empty sequence meaning *now*:
    an array of shape (d,), or (probes, d) with one row a probe. This recognizer keeps the previous one itself, so the
    snapshots of a history need not carry it. Source: Leap+Verify, Eq. 1, whose single cosine of everything joined is
    `probes="joined"`; the mean of one cosine a probe is the default because a few long rows do not outvote the rest.

    The similarity is that of what the computation did between two boundaries: after a leap the fingerprint is taken
    anew, since a leap turns it further than the steps that it replaces.
    """

    needs = frozenset({"fingerprint"})

    class Config(Settings):
        """Settings of `similarity`."""

        every: int = Field(50, ge=1, description="steps between boundaries")
        probes: Literal["each", "joined"] = Field(
            "each", description="each: mean of one cosine a row; joined: one cosine of all rows put end to end"
        )
        thresholds: ThresholdsConfig = Field(
            Learned.Config(), description="where regimes begin: fixed, quantile or learned, by name or with settings"
        )
        speculate_in: tuple[Regime, ...] = Field(("stable",), description="regimes that are speculated from")
        settle: int = Field(1, ge=1, description="stable boundaries in a row before one counts as stable")

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._thresholds = build(self.config.thresholds)
        self._previous: NDArray[np.float64] | None = None  # rows of length 1
        self._shape: tuple[int, ...] | None = None
        self._similarity: float | None = None
        self._position: int | None = None
        self._recognition = OFF_GRID
        self._in_a_row = 0
        self._passed_over = 0
        self._verdicts: list[bool] = []

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the next multiple of `every`, or the end of the run."""
        return next_on_grid(position, self.config.every, computation.total())

    def recognise(self, computation: Computation) -> Recognition:
        """Compare the fingerprint with that of the boundary before; asked twice at one position, answer the same."""
        position = computation.position()
        if position % self.config.every:
            return OFF_GRID
        if position != self._position:
            rows = self._rows(computation)
            self._settle_verdicts()
            self._similarity = _cosine(self._previous, rows)
            self._previous = rows
            self._position = position
            self._recognition = self._judge(self._similarity)
        return self._recognition

    def follow(self, computation: Computation) -> None:
        """Take the fingerprint anew after a leap, which is no turn of the training's own."""
        if self._previous is not None:
            self._previous = self._rows(computation)

    def learn(self, decision: Decision) -> None:
        """Note a verdict. All verdicts between two boundaries are one outcome: was a candidate accepted there?"""
        if decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
            self._verdicts.append(decision.outcome is Outcome.ACCEPTED)

    def state_dict(self) -> dict[str, Any]:
        """Return the fingerprint and the answer of the newest boundary, and what the thresholds have learnt."""
        thresholds = self._thresholds.state_dict()
        return {
            "previous": None if self._previous is None else self._previous.copy(),
            "shape": None if self._shape is None else list(self._shape),
            "recognition": list(self._recognition),
            "verdicts": list(self._verdicts),
            "thresholds": thresholds,
        } | {name: getattr(self, f"_{name}") for name in _PLACE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._previous = None if state["previous"] is None else np.array(state["previous"])
        self._shape = None if state["shape"] is None else tuple(state["shape"])
        self._recognition, self._verdicts = Recognition(*state["recognition"]), list(state["verdicts"])
        self._thresholds.load_state_dict(state["thresholds"])
        for name in _PLACE:
            setattr(self, f"_{name}", state[name])

    def _settle_verdicts(self) -> None:
        if self._verdicts and self._similarity is not None:
            self._thresholds.learn(self._similarity, any(self._verdicts))
        self._verdicts.clear()

    def _judge(self, similarity: float | None) -> Recognition:
        label: Regime = "unknown" if similarity is None else self._thresholds.label(similarity)
        self._in_a_row = self._in_a_row + 1 if label == "stable" else 0
        if label == "stable" and self._in_a_row < self.config.settle:
            label = "transition"
        speculate = label in self.config.speculate_in or (similarity is not None and self._curious())
        if speculate:
            self._passed_over = 0
        return Recognition(speculate, label, similarity)

    def _curious(self) -> bool:
        """Whether to speculate at a boundary that would be passed over, so that too strict limits can learn."""
        self._passed_over += 1
        return self._thresholds.explores(self._passed_over)

    def _rows(self, computation: Computation) -> NDArray[np.float64] | None:
        """Return the fingerprint's rows at length 1; None where a row is zero or not finite and has no direction."""
        if "fingerprint" not in computation.provides:
            raise AscError(
                f"recognizer similarity compares fingerprints, and {type(computation).__name__} provides "
                f"{', '.join(sorted(computation.provides)) or 'nothing to read'}: choose another recognizer, such as "
                "every, or let the backend answer read('fingerprint', ())"
            )
        rows = np.array(computation.read("fingerprint", ()), dtype=np.float64)
        if rows.ndim not in (1, 2) or rows.size == 0 or self._shape not in (None, rows.shape):
            before = "" if self._shape is None else f", and {self._shape} at the boundary before"
            raise AscError(
                f"recognizer similarity was given a fingerprint of shape {rows.shape}{before}: give an array of shape "
                "(d,) or (probes, d), not empty and the same at every boundary"
            )
        self._shape = rows.shape
        rows = rows.reshape(1, -1) if self.config.probes == "joined" else np.atleast_2d(rows)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        if not np.isfinite(largest).all() or not largest.all():
            return None
        rows /= largest  # so that no square overflows
        rows /= np.sqrt(np.sum(rows * rows, axis=1, keepdims=True))
        return rows


def _cosine(before: NDArray[np.float64] | None, now: NDArray[np.float64] | None) -> float | None:
    if before is None or now is None:
        return None
    return float(np.clip(np.sum(before * now, axis=1), -1, 1).mean())
