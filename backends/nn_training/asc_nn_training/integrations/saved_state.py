"""Whether a saved state of a speculation belongs to this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asc.errors import AscError


def require_own(state: Any, own: Mapping[str, Any]) -> None:
    """Raise AscError for a state of another model, of other components or of another rank than `own` is."""
    if not isinstance(state, Mapping) or not own.keys() <= state.keys():
        held = ", ".join(map(str, state)) if isinstance(state, Mapping) and state else "nothing"
        raise AscError(
            f"A saved state of a speculation has {', '.join(sorted(own))}, and this one has {held}: give what "
            "state_dict() returned."
        )
    weights, given = own["weights"], list(state["weights"])
    if weights != given:
        other = next((line for line in given if line not in weights), None)
        other = other or next(iter(set(weights) - set(given)), "")
        raise AscError(
            f"The saved state of the speculation is of a model with other trainable weights ({other}): load it for the "
            "model that it was saved with, or continue without it."
        )
    for part, named in own["parts"].items():
        if state["parts"].get(part) != named:
            raise AscError(
                f"The saved state of the speculation is of {part} {state['parts'].get(part)}, and this one has "
                f"{named}: make it with the same components, or continue without the saved state."
            )
    if state["rank"] != own["rank"]:
        raise AscError(
            f"The saved state of the speculation is of rank {state['rank']} (number, of so many), and this is rank "
            f"{own['rank']}: every rank of a sharded training loads its own state."
        )
