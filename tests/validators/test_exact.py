"""The exact validator: on what was read, and nothing else."""

from __future__ import annotations

from typing import cast

import pytest

from asc.computation import Computation
from asc.errors import AscError
from asc.types import Candidate, Transition
from asc.validators.exact import Exact
from asc.words import bits


class Program:
    """Named words, some of which a transition has read."""

    def __init__(self, **words: float) -> None:
        self.words = words

    def agrees(self, transition: Transition) -> bool:
        return all(bits(self.words[name]) == was for name, was in transition.causal.items())


def transition(**read: float) -> Candidate:
    causal = {name: bits(value) for name, value in read.items()}
    return Candidate(10, 7, Transition(10, 7, None, 0, "worker", causal), 0, "linear")


@pytest.mark.parametrize(
    ("read", "accepted"),
    [
        ({"n": 3}, True),
        ({"n": 3, "x": 0.5}, True),
        ({}, True),
        ({"n": 4}, False),
        ({"n": True}, False),
        ({"n": 3.0}, False),
        ({"x": -0.5}, False),
        ({"n": 3, "x": 0.25}, False),
    ],
)
def test_accepted_exactly_when_what_was_read_agrees(read: dict[str, float], accepted: bool) -> None:
    program = Program(n=3, x=0.5, unread=1)
    verdict = Exact().judge(cast(Computation, program), transition(**read))
    assert verdict.accepted is accepted
    assert verdict.gain_steps == (7.0 if accepted else 0.0)
    assert "the 7 steps from position 10" in verdict.reason
    assert program.words == {"n": 3, "x": 0.5, "unread": 1}


def test_a_candidate_that_nobody_executed_is_refused() -> None:
    candidate = Candidate(10, 7, {"n": 3}, 0, "linear")
    with pytest.raises(AscError, match="candidate of linear holds a dict, which nobody has executed: choose a"):
        Exact().judge(cast(Computation, Program(n=3)), candidate)
