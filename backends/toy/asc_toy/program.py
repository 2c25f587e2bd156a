"""A program: a step function, the state that it starts from, and the number of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Step = Callable[[Any], None]


class Program(NamedTuple):
    """Everything that defines a computation. `step` changes the state that it is given and returns nothing."""

    name: str
    step: Step
    state: Mapping[str, Any]  # initial state words and arrays, by name
    steps: int
