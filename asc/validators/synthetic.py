"""A validator for planning and lectures: accepts at a set rate, whatever the candidate."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.scores import Scores, first_look, rejected


class Synthetic(Validator):
    """Accept a share of all candidates by a draw, at a gain that is set: no candidate is looked at.

    With `--shadow`, the run's ledger then says how large the speed-up would be if that share were accepted, with the
    prices of this computation, of its predictors and of its boundaries. The draw is a function of position, predictor
    and horizon, so a resumed run, and every process of a distributed one, has the same verdicts. Where the computation
    provides "losses", `looks` of them are taken of both states, so that the price of judging is in the account.
    """

    class Config(Settings):
        """Settings of `synthetic`."""

        rate: float = Field(0.5, ge=0, le=1, description="share of the candidates that are accepted")
        worth: float = Field(
            1.0,
            ge=0,
            description="gain of an accepted candidate, in plain steps for each step of its horizon; an update in "
            "place counts as one superstep",
        )
        looks: int = Field(1, ge=0, description="looks at held-out losses that are paid for; 0 for none")

    config: Config

    remarks = (
        "The validator synthetic draws its verdicts and looks at no candidate, so the gains of this run are assumed, "
        "not measured. It is meant for planning, with --shadow.",
    )

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Pay for the looks, and draw."""
        if "losses" in computation.provides:
            _look(cast(Scores, computation), candidate, self.config.looks)
        share = f"{self.config.rate:.0%} are accepted"
        if _draw(candidate) >= self.config.rate:
            return rejected(f"drawn, not judged: {share}, and this one is not")
        gain = self.config.worth * (candidate.reach - candidate.base_reach)
        return Verdict(accepted=True, gain_steps=gain, reason=f"drawn, not judged: {share}, at a gain that is set")


def _look(scores: Scores, candidate: Candidate, looks: int) -> None:
    first = first_look(candidate.start, rotate=True)
    states: tuple[Any, Any] = candidate.base, candidate.state
    for look in range(first, first + looks):
        for state in states:
            scores.score(state, look)


def _draw(candidate: Candidate) -> float:
    """Return a number from 0 on and below 1."""
    drawn = f"{candidate.start} {candidate.source} {candidate.reach}".encode()
    return int.from_bytes(hashlib.blake2b(drawn, digest_size=6).digest(), "big") / 2**48
