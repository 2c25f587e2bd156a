"""A state that was taken is a copy: nothing that happens later changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asc.computation import Stateful
from asc.testing.checks import require
from asc.testing.contents import contents


def check_copied(component: Any, live: Callable[[Any], None]) -> None:
    """Require that a component's state stays as it was while the component lives on.

    `live` lets it see something that it has not seen before. One that has no state keeps this anyway.
    """
    __tracebackhide__ = True
    if isinstance(component, Stateful):
        live(component)
        state = component.state_dict()
        held = contents(state)
        live(component)
        shared = "what state_dict() had returned changed as the component went on: it is shared, and not copied"
        require(contents(state) == held, shared)
