"""The toy backend of asc: exact speculation over ordinary Python step functions.

from asc_toy import accelerate

def step(state):
    state.add("total", state.n * state.n)
    state.n += 1

result = accelerate(step, {"n": 0, "total": 0}, steps=10_000_000)
print(result.state["total"], result.report)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asc_toy.ambient import query
    from asc_toy.api import Interrupted, Result, accelerate
    from asc_toy.backend import SpeculationConfig
    from asc_toy.program import Program

__all__ = ["Interrupted", "Program", "Result", "SpeculationConfig", "accelerate", "query"]

_HOMES = {
    "Interrupted": "api",
    "Program": "program",
    "Result": "api",
    "SpeculationConfig": "backend",
    "accelerate": "api",
    "query": "ambient",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use, so that finding the plugin stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'asc_toy' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- needed only where a name is used

    return getattr(import_module(f"asc_toy.{_HOMES[name]}"), name)
