"""The recogniser of texts: how well the texts of an earlier state of the training are drafts for those of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = 0.5  # share of the earlier evidence that is kept from one generation to the next
_FIRST = 0.03  # chance of a departure at a token, before anything was seen


class Recurrence:
    """The chance that a text departs from the earlier one at a token, by how far the training has moved since.

    The distance is the sum of the learning rates of the steps in between. The chance is taken as proportional to it,
    with a factor that is measured at each generation. Where the distance is not known, the chance is the newest.
    """

    def __init__(self) -> None:
        self._newest: float | None = None  # chance of a departure
        self._factor: float | None = None  # the same by distance

    def chance(self, distance: float | None) -> float:
        """Return the chance that a token of a draft that has not departed is accepted, after this distance."""
        departs = self._newest if distance is None or self._factor is None else self._factor * distance
        return 1 - min(1.0, _FIRST if departs is None else departs)

    def note(self, departures: int, judged: int, distance: float | None) -> None:
        """Take a generation into account: tokens that were judged, and departures among them."""
        if not judged:
            return
        news = (departures + 0.1) / (judged + 1)
        self._newest = _mixed(self._newest, news)
        if distance:
            self._factor = _mixed(self._factor, news / distance)

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen."""
        return {"newest": self._newest, "factor": self._factor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._newest, self._factor = state["newest"], state["factor"]


def _mixed(old: float | None, new: float) -> float:
    return new if old is None else _KEPT * old + (1 - _KEPT) * new
