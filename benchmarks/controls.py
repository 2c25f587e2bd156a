"""What a leap is measured against: a random direction, and no judge. A plugin file of the recipes' benchmark."""

from __future__ import annotations

import torch

from asc import Candidate, Computation, Direct, History, Predictor, Validator, Verdict, hookimpl
from asc.hookspecs import Registrar


class RandomDirection(Predictor):
    """As far as `linear` would move each tensor, in a random direction: what a gate that accepts noise lets pass."""

    needs = frozenset({"weights"})

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Draw from the position and the horizon, so that a run can be repeated."""
        if len(history.positions) < 2:
            return None
        earlier, newest = history.positions[-2:]
        before, now = history.read("weights")[-2:]
        random = torch.Generator(now[0].device).manual_seed(1000 * newest + horizon)
        predicted = []
        for old, new in zip(before, now, strict=True):
            direction = torch.randn(new.shape, generator=random, device=new.device)
            length = (new - old).norm() * horizon / (newest - earlier)
            predicted.append(new + direction * (length / direction.norm()))
        return Direct(predicted)


class Unverified(Validator):
    """Accepts every candidate, unseen."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Accept."""
        return Verdict(accepted=True, gain_steps=1.0, reason="not validated")


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce both."""
    for kind, name, cls, line in (
        ("predictor", "random-direction", "RandomDirection", "as far as linear, anywhere"),
        ("validator", "unverified", "Unverified", "accepts everything"),
    ):
        registry.add(kind, name, f"controls:{cls}", line)
