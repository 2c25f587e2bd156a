"""A program: a step function, the state it starts from, and how many steps there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Step = Callable[[Any], None]


class Program(NamedTuple):
    """Everything that defines a walk; `step` changes the state it is given and returns nothing."""

    name: str
    step: Step
    state: Mapping[str, Any]  # initial words and arrays
    steps: int
