"""Numbers as files hold them: finite, or absent."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Set
from typing import Any


def finite(value: object) -> float | None:
    """Return a finite number as it is, and None for anything else: text, a missing field, infinity, NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # a whole number that no float can hold
        return None


def strict(value: Any) -> Any:
    """Return a value of what strict JSON holds: infinity and NaN become null, and what is no number becomes text."""
    match value:
        case None | str() | bool():
            return value
        case Mapping():
            return {str(key): strict(inner) for key, inner in value.items()}
        case list() | tuple() | Set():
            return [strict(inner) for inner in (sorted(value, key=str) if isinstance(value, Set) else value)]
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            return finite(float(value))
    return str(value)
