"""The parts of a task, and the result of one that has arrived.

A worker starts from a predicted state. Where that was wrong, the program often forgets the difference within a few
steps: a tokenizer that started within a name is soon where one that started before the name is. So a task is delivered
in two parts, its first superstep and the rest, each a transition of its own. Where the first part does not match, the
main thread takes that superstep by itself, and joins at the second part. In the same way it joins a result that came
too late for its start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asc.computation import Executable
from asc.types import Candidate, Decision, Outcome, Plan, Transition

WRONG = "a state word was predicted wrong"


def divide(steps: int, superstep: int) -> tuple[int, ...]:
    """Return the lengths of a task's parts. There are no more than two, since tracking begins anew with each."""
    return (superstep, steps - superstep) if steps > superstep else (steps,)


class Arrival:
    """The result of a task that waits for the main thread to reach one of its parts."""

    def __init__(
        self,
        plan: Plan,
        candidate: Candidate,
        parts: Sequence[Transition] = (),
        error: str = "",
        wrong: str = "",
    ) -> None:
        """`wrong` says what the candidate was wrong about, where that is known already."""
        self.plan, self.candidate, self.error, self.wrong = plan, candidate, error, wrong
        self.start = candidate.start + candidate.horizon
        self._parts = list(parts)
        self._end = self.start + sum(part.steps for part in parts)

    def covered(self) -> Mapping[int, int]:
        """Return the positions at which the parts that are left start, each with the steps to the end.

        Where there is no part at all, nothing else is to be tried at the start.
        """
        if not self._parts:
            return {self.start: self.plan.steps}
        return {part.start: self._end - part.start for part in self._parts}

    def settle(self, computation: Executable, position: int) -> Decision | None:
        """Return what became of the candidate; None while a later part may still match."""
        while self._parts and self._parts[0].start < position:
            del self._parts[0]
        if self._parts and self._parts[0].start == position:
            if computation.agrees(self._parts[0]):
                return Decision(self.plan, Outcome.ACCEPTED, self._end - position)
            self.wrong = _wrong(computation.disagreement(self._parts[0]))
            del self._parts[0]
        if self._parts:
            return None
        reason = _with_doubt(self.error or self.wrong, self.candidate.doubt)
        return Decision(self.plan, Outcome.REJECTED if reason else Outcome.LATE, reason=reason)


def _wrong(what: str) -> str:
    if " " in what:  # no word
        return f"{what} was not as predicted"
    return f"`{what}` was predicted wrong" if what else WRONG


def _with_doubt(reason: str, doubt: str) -> str:
    """Return the reason of a rejection with the doubt there was about the candidate, which may say more of a word."""
    if not reason or not doubt:
        return reason
    return doubt if reason.partition(" ")[0] == doubt.partition(" ")[0] else f"{reason}; {doubt}"
