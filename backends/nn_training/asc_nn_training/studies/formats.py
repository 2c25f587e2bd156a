"""Numbers as text for tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from asc_nn_training.studies.results import AcceptanceRate


def plus_minus(mean: float, std: float | None, digits: int = 1) -> str:
    """Return a mean with its standard deviation, if there is one."""
    return f"{mean:.{digits}f}" if std is None else f"{mean:.{digits}f} ± {std:.{digits}f}"


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the standard deviation of a sample; None as the deviation of a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def percent(rate: AcceptanceRate, seeds: int) -> str | None:
    """Return a rate over seeds in per cent, and how many of the seeds had any candidates if not all had."""
    if rate.mean is None:
        return None
    text = plus_minus(100 * rate.mean, None if rate.std is None else 100 * rate.std)
    return text if len(rate.seeds) == seeds else f"{text} ({len(rate.seeds)} of {seeds} seeds)"


def variation(rate: AcceptanceRate) -> str | None:
    """Return the coefficient of variation over seeds in per cent."""
    return f"{100 * rate.std / rate.mean:.1f}" if rate.mean and rate.std is not None else None


def number(value: float) -> str:
    """Return a loss, or a ratio of two losses."""
    if not math.isfinite(value):
        return "" if math.isnan(value) else "not finite"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
