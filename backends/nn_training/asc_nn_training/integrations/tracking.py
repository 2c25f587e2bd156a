"""The figures of speculation for trackers: W&B, MLflow, Trackio, TensorBoard, or any other that takes named numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asc.hookspecs import RunView, hookimpl
from asc.types import Boundary, Status

REGIMES = ("chaotic", "transition", "stable")
"""The regimes that `activation-cosine` tells apart."""


def tracked(status: Status, *, leaps_before: int, regimes: Sequence[str] = REGIMES) -> dict[str, float]:
    """Return the figures of a run under the names that all integrations use.

    | name | value |
    |---|---|
    | `asc/leaps` | leaps so far |
    | `asc/leap` | leaps since the figures before, of which `leaps_before` were known: the marks of leaps in a chart |
    | `asc/steps_gained` | plain steps that all leaps were worth, by held-out data |
    | `asc/steps_spent` | plain steps that could have been taken in the time that speculation cost |
    | `asc/estimated_speedup` | what follows from the two |
    | `asc/acceptance_rate` | accepted of judged candidates; left out before the first |
    | `asc/mean_accepted_horizon` | steps ahead that accepted candidates reach; left out before the first |
    | `asc/regime/NAME` | 1 for the present one of `regimes`, 0 for the others; left out for any other label |
    """
    figures: dict[str, float | None] = {
        "leaps": status.leaps,
        "leap": status.leaps - leaps_before,
        "steps_gained": status.gained,
        "steps_spent": status.spent,
        "estimated_speedup": status.estimated_speedup,
        "acceptance_rate": status.acceptance_rate,
        "mean_accepted_horizon": status.mean_accepted_horizon,
    }
    if status.label in regimes:
        figures |= {f"regime/{regime}": regime == status.label for regime in regimes}
    return {
        f"asc/{name}": float(value) for name, value in figures.items() if value is not None and math.isfinite(value)
    }


class Tracking:
    """Passes the figures of each boundary, and of the end, to `log(figures, position)`.

        plugins = asc.plugins.load()
        plugins.observe(Tracking(lambda figures, step: wandb.log(figures, step=step)), "tracking")
        speculation = Speculation(model, optimizer, gate=gate, loss=loss, plugins=plugins)

    A `log` that raises is switched off with a warning, and the training continues. In a distributed training, give it
    to the first rank only. `regimes` are the labels of the recognizer, if you use another than `activation-cosine`.
    """

    def __init__(self, log: Callable[[dict[str, float], int], object], *, regimes: Sequence[str] = REGIMES) -> None:
        self._log, self._regimes, self._leaps = log, tuple(regimes), 0
        self._logged: int | None = None  # the position of the newest figures

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Count leaps from here on: a resumed run has had some."""
        self._leaps = run.status().leaps

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Log the figures after a boundary, at its position."""
        self._pass_on(run, boundary.position)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Log the figures of the whole run, unless it ends with a boundary."""
        if summary["position"] != self._logged:  # the same position again would erase the mark of its leap
            self._pass_on(run, summary["position"])

    def _pass_on(self, run: RunView, position: int) -> None:
        status = run.status()
        figures = tracked(status, leaps_before=self._leaps, regimes=self._regimes)
        self._leaps, self._logged = status.leaps, position
        self._log(figures, position)
