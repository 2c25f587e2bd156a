"""Copies of what an object has written down, for a stand-in that must not write into the original."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import Any


def own_records(value: Any) -> Any:
    """Return a copy of a container and of the dictionaries and lists in it; anything else as it is."""
    if isinstance(value, dict):
        made = copy(value)  # keeps the kind of dictionary
        for key, entry in value.items():
            made[key] = own_records(entry)
        return made
    if type(value) is list:
        return [own_records(entry) for entry in value]
    return copy(value) if isinstance(value, list | set | deque) else value
