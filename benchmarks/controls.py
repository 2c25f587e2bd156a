"""What a leap is measured against: a random direction, and no judge. A plugin file of the recipes' benchmark."""

from __future__ import annotations

from asc import Candidate, Computation, Validator, Verdict, hookimpl
from asc.hookspecs import Registrar


class Unverified(Validator):
    """Accepts every candidate, unseen."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Accept."""
        return Verdict(accepted=True, gain_steps=1.0, reason="not validated")


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce both."""
    direction = "asc_nn_training.studies.random_direction:RandomDirection"
    registry.add("predictor", "random-direction", direction, "as far as linear, anywhere")
    registry.add("validator", "unverified", "controls:Unverified", "accepts everything")
