"""Numbers as a record holds them: finite, or absent."""

from __future__ import annotations

import math


def known(value: object) -> float | None:
    """Return a finite number, or None for anything else (a damaged record, a missing field, infinity)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
