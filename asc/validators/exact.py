"""A validator for transitions that were computed, not guessed."""

from __future__ import annotations

from asc.computation import Computation
from asc.errors import AscError
from asc.settings import Settings
from asc.types import Candidate, Transition, Verdict


class Exact:
    """Accept a computed transition exactly when everything that it read has the same bits in the current state."""

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Compare what was read; `candidate.state` is the `Transition`. The gain is its steps, since they were run."""
        transition = candidate.state
        if not isinstance(transition, Transition):
            raise AscError(
                "validator exact judges transitions that a worker has executed, and the candidate of "
                f"{candidate.source} holds a {type(transition).__name__}, which nobody has executed: choose a "
                "validator that compares held-out losses, such as --validator strict"
            )
        read = f"what the {transition.steps} steps from position {transition.start} read"
        if computation.agrees(transition):
            return Verdict(accepted=True, gain_steps=float(transition.steps), reason=f"{read} has the same bits here")
        return Verdict(accepted=False, gain_steps=0.0, reason=f"{read} has other bits here")
