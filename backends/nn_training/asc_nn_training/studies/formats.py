"""Numbers as tables show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from asc_nn_training.studies.results import Rate


def plus_minus(mean: float, std: float | None, digits: int = 1) -> str:
    """Return a mean with its standard deviation, where there is one."""
    return f"{mean:.{digits}f}" if std is None else f"{mean:.{digits}f} ± {std:.{digits}f}"


def over_seeds(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the standard deviation of a sample; None for that of a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def percent(found: Rate, seeds: int) -> str | None:
    """Return a share over seeds in per cent; it says how many seeds had any where not all of them had."""
    if found.mean is None:
        return None
    told = plus_minus(100 * found.mean, None if found.std is None else 100 * found.std)
    return told if len(found.seeds) == seeds else f"{told} ({len(found.seeds)} of {seeds} seeds)"


def variation(found: Rate) -> str | None:
    """Return the coefficient of variation over seeds in per cent."""
    return f"{100 * found.std / found.mean:.1f}" if found.mean and found.std is not None else None


def number(value: float) -> str:
    """Return a loss, or a ratio of two."""
    if not math.isfinite(value):
        return "" if math.isnan(value) else "not finite"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
