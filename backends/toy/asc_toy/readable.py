"""Values as JSON can hold them, for people. They are shortened, and cannot be read back."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np

from asc_toy.content.values import LEAVES

_MOST = 8  # members that are shown
_DEPTH = 3
_LONGEST = 1024  # bytes that are shown as a whole


def readable(value: Any, depth: int = _DEPTH) -> Any:
    """Return a value for people: numbers and texts as they are, and the start of everything else."""
    if isinstance(value, np.generic):
        return readable(value.item())
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex() if len(value) <= _LONGEST else f"{len(value)} bytes from {value[:_MOST].hex()} on"
    return _parts(value, depth)


def _integer(value: int) -> int | str:
    if abs(value) < 2**53:  # what every JSON reader can hold
        return value
    return str(value) if value.bit_length() <= 1024 else f"an integer of {value.bit_length()} bits"


def _parts(value: Any, depth: int) -> Any:
    if isinstance(value, np.ndarray) and (value.ndim != 1 or len(value) > _MOST):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if depth and isinstance(value, Mapping):
        shown = {str(key): readable(part, depth - 1) for key, part in islice(value.items(), _MOST)}
        return {**shown, **({"…": f"{len(value)} in all"} if len(value) > _MOST else {})}
    if depth and isinstance(value, Collection) and not isinstance(value, range):
        parts = [readable(part, depth - 1) for part in islice(value, _MOST)]
        return [*parts, *([f"… {len(value)} in all"] if len(value) > _MOST else [])]
    if depth and isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, type):
        return _parts(vars(value), depth)
    return str(value) if type(value) in LEAVES else reprlib.repr(value)
