"""The user's own loop: what every run is compared with."""

from __future__ import annotations

from typing import Any

from asc_toy.digest import state_digest
from asc_toy.program import Program
from asc_toy.running import RunningState
from asc_toy.state import copied


def run_plain(program: Program) -> tuple[dict[str, Any], str]:
    """Run a program in one loop, as a user without asc would; return its final state and digest."""
    running = RunningState(copied(program.state))
    state = running.start()
    step, until, position = program.run, program.until, 0
    while not (until is not None and until(state)) and position != program.steps:
        step(state)
        position += 1
    running.stop()
    return state.__dict__, state_digest(position, state.__dict__)
