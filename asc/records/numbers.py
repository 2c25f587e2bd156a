"""Numbers as files hold them: finite, or absent."""

from __future__ import annotations

import math


def finite(value: object) -> float | None:
    """Return a finite number as it is, and None for anything else: text, a missing field, infinity, NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None
