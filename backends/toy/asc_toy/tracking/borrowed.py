"""State words whose given values the code finds beside the state too: a run works on copies, which it finds nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asc_toy.content import nodes_of, overlaps
from asc_toy.tracking.effect import is_scalar
from asc_toy.tracking.memory import is_by_element
from asc_toy.tracking.outside import Outside


def borrowed(values: Mapping[str, Any], outside: Outside) -> dict[str, str]:
    """Return where else the code finds a part of these values that can change, by word."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if not is_scalar(value) and (place := _place(name, value, outside)):
            found[name] = place
    return found


def _place(name: str, value: Any, outside: Outside) -> str:
    parts = [value] if is_by_element(value) else [node.value for node in nodes_of(value, name)]
    for part in parts:
        if id(part) in outside.owners:
            return outside.owners[id(part)]
    return next((place for place, arrays in outside.arrays.items() if overlaps({place: arrays, name: value})), "")
