"""Computations that are each wrong in one way: `Registers` and `Descent`, spoilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from asc.computation import Computation
from asc.reference.descent import Descent
from asc.reference.programs import PROGRAMS
from asc.reference.registers import Registers
from asc.testing.laws.computations import ExactLaws, JudgedLaws
from asc.types import Advanced, Candidate, Plan, Prediction, Snapshot, Transition
from mutants.spoilt import Spoilt, Table

_STEPS = 400


def _congruential(kind: Callable[..., Registers]) -> Registers:
    program = PROGRAMS["congruential"]
    return kind(program.step, program.words, _STEPS, program.sums)


def _count(kind: Callable[..., Registers]) -> Registers:
    program = PROGRAMS["count"]
    return kind(program.step, program.words, _STEPS, program.sums)


class LendsItsWords(Registers):
    """Goes on in the very words of the snapshot that it has restored."""

    def restore(self, snapshot: Snapshot) -> None:
        """Copy nothing."""
        self._position, self._words = snapshot.position, snapshot.state


class RecordsOtherSteps(Registers):
    """Takes another step where it records."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Add one."""
        if record:
            self._words["n"] += 1  # type: ignore[operator]
        return super().advance(max_steps, record)


class RecordsWithoutItsSums(Registers):
    """Takes recorded steps from words that it sums only afterwards, though the steps read them."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Leave out of each recorded stretch what was summed on the way."""
        done = super().advance(max_steps, record)
        if record and done.steps > 1:
            self._words["total"] = 0
        return done


class DigestsWhereItIs(Registers):
    """Has a digest of its position alone."""

    def digest(self) -> str:
        """Leave the words out."""
        return str(self._position)


class AgreesAnywhere(Registers):
    """Takes any transition for one from here."""

    def agrees(self, transition: Transition) -> bool:
        """Look at nothing."""
        return True


class AgreesBeyondTheEnd(Registers):
    """Takes a transition for one from here though it leads past the end."""

    def agrees(self, transition: Transition) -> bool:
        """Look at the words alone."""
        return super().agrees(transition._replace(steps=0))


class AgreesNowhere(Registers):
    """Knows no transition again."""

    def agrees(self, transition: Transition) -> bool:
        """Refuse it."""
        return False


class CountsLooks(Registers):
    """Counts in a word how often it was looked at."""

    def observe(self) -> Snapshot:
        """Count."""
        self._words["n"] += 1  # type: ignore[operator]
        return super().observe()


class WritesToMaterialise(Registers):
    """Makes candidates in its own words."""

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Leave the newest words changed."""
        self._words["n"] += 1  # type: ignore[operator]
        return super().materialise(prediction, history, plan)


class ForgetsWhatItRead(Registers):
    """Leaves what a superstep has read out of its transition."""

    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        """Let the worker say that it has read nothing."""
        run = super().task(candidate, steps, seconds)

        def forget() -> Transition | None:
            found = run()
            return found and found._replace(causal={})

        return forget


class AppliesHalf(Registers):
    """Leaps without adding to the words that are summed."""

    def apply(self, transition: Transition) -> None:
        """Write what was written, and add nothing."""
        effect = transition.effect._replace(added={})
        super().apply(transition._replace(effect=effect))


class CountsQuestions(Registers):
    """Counts in its digest how often it was asked where it is."""

    _asked = 0

    def position(self) -> int:
        """Count."""
        self._asked += 1
        return super().position()

    def digest(self) -> str:
        """Tell the count."""
        return f"{self._asked} {super().digest()}"


class TakesLongToKnowWhereItIs(Registers):
    """Counts its steps each time that it is asked how many there were."""

    def position(self) -> int:
        """Count."""
        steps = 0
        while steps < self._position:
            steps += 1
        return steps


class ForgetsTheRandomState(Descent):
    """Leaves the generator as it is where it restores."""

    def restore(self, snapshot: Snapshot) -> None:
        """Put the rest back."""
        kept = self._random.bit_generator.state
        super().restore(snapshot)
        self._random.bit_generator.state = kept


class DigestsItsChance(Descent):
    """Has a digest of its position and its generator, without the vector and its velocity."""

    def digest(self) -> str:
        """Leave out what a leap replaces."""
        return f"{self._position} {self._random.bit_generator.state}"


class LeapsFromAnywhere(Descent):
    """Takes any candidate for one that was predicted from the present state."""

    def agrees(self, transition: Transition) -> bool:
        """Look at nothing."""
        return True


class LeapsWhereThereIsRoom(Descent):
    """Takes any candidate for one from here that leads to the end at most."""

    def agrees(self, transition: Transition) -> bool:
        """Look at the room alone."""
        return self._position + transition.steps <= self._steps


class LeapsPastTheEnd(Descent):
    """Takes a candidate for one from here though it leads past the end."""

    def agrees(self, transition: Transition) -> bool:
        """Look at the state alone."""
        return super().agrees(transition._replace(steps=0))


class LeapsFromNowhere(Descent):
    """Knows no candidate again."""

    def agrees(self, transition: Transition) -> bool:
        """Refuse it."""
        return False


class DrawsToObserve(Descent):
    """Draws from training's own generator where it is observed."""

    def observe(self) -> Snapshot:
        """Draw."""
        self._random.normal()
        return super().observe()


class MovesToMaterialise(Descent):
    """Moves a little where it makes a candidate."""

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Add a trifle."""
        self._vector = self._vector + 1e-9
        return super().materialise(prediction, history, plan)


class DrawsToScore(Descent):
    """Draws from training's own generator where it scores."""

    def score(self, state: Any | None, look: int) -> Any:
        """Draw, as dropout does that was not switched off."""
        self._random.normal()
        return super().score(state, look)


class RestoresOnSuccess(Descent):
    """Puts a candidate in its own place to score it, and what was there back where nothing has failed."""

    def score(self, state: Any | None, look: int) -> Any:
        """Score it there."""
        if state is None:
            return super().score(None, look)
        kept, self._vector = self._vector, np.zeros_like(self._vector)
        self._vector = state.vector
        losses = super().score(None, look)
        self._vector = kept
        return losses


class DrawsToSayWhereItIs(Descent):
    """Draws from training's own generator where it is asked for its position."""

    def position(self) -> int:
        """Draw."""
        self._random.normal()
        return super().position()


class ReadsAClock(Descent):
    """Prices its judging by how quick the machine is, and every other one is slow."""

    _machines: ClassVar = cycle((0.05, 5.0))

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self._price: float = next(self._machines)

    def cost(self, work: str) -> float:
        """Tell the time."""
        return self._price if work == "validate" else 0.0


class HidesItsVelocity(Descent):
    """Leaves its velocity out of what it restores, and of its digest."""

    def restore(self, snapshot: Snapshot) -> None:
        """Put the rest back."""
        kept = self._velocity
        super().restore(snapshot)
        self._velocity = kept

    def digest(self) -> str:
        """Tell the rest."""
        return f"{self._position} {self._vector.tobytes().hex()}"


class PricesWithoutNumber(Descent):
    """Has a price that is no number."""

    def cost(self, work: str) -> float:
        """Divide by the steps of a table that is empty."""
        return float("nan") if work == "validate" else super().cost(work)


_TRANSPARENT = "with speculation the run ended in another state than without"

EXACT: Table = MappingProxyType(
    {
        "test_snapshot_brings_everything_back": (Spoilt(LendsItsWords, "restore did not bring back the state"),),
        "test_steps_are_steps_however_grouped": (
            Spoilt(RecordsOtherSteps, r"advance\(12, record=True\) and advance\(12\) ended in two states"),
            Spoilt(RecordsWithoutItsSums, r"advance\(12, record=True\) and advance\(12\) ended in two states"),
            Spoilt(CountsLooks, "one by one, observed and recorded in between, ended in two states"),
        ),
        "test_digest_sees_the_state": (Spoilt(DigestsWhereItIs, "led to one and the same digest"),),
        "test_agrees_refuses_another_place": (
            Spoilt(AgreesAnywhere, "says True at position 0 of a transition that was made at 8, from other bits"),
            Spoilt(AgreesBeyondTheEnd, "at position 0 of 400 of a transition of 401 steps, which leads past the end"),
            Spoilt(AgreesNowhere, "says False at position 0 of a transition that was made at 0"),
        ),
        "test_transparent_with_a_silent_predictor": (Spoilt(CountsLooks, _TRANSPARENT),),
        "test_transparent_with_a_raising_predictor": (Spoilt(CountsLooks, _TRANSPARENT),),
        "test_transparent_with_garbage": (Spoilt(WritesToMaterialise, _TRANSPARENT),),
        "test_exact_with_any_predictor": (
            Spoilt(ForgetsWhatItRead, "two results|another"),
            Spoilt(AppliesHalf, _TRANSPARENT),
        ),
        "test_exact_with_all_predictors": (
            Spoilt(ForgetsWhatItRead, "two results|another"),
            Spoilt(AppliesHalf, _TRANSPARENT),
        ),
        "test_driven_from_outside": (Spoilt(CountsQuestions, r"in another state than by run\(\)"),),
        "test_all_time_is_booked": (
            Spoilt(TakesLongToKnowWhereItIs, r"position\(\) took .* instructions; it is asked often"),
        ),
    }
)
"""Spoilt exact computations, by the law that catches them."""

JUDGED: Table = MappingProxyType(
    {
        "test_snapshot_brings_everything_back": (
            Spoilt(ForgetsTheRandomState, "restore did not bring back the state"),
            Spoilt(HidesItsVelocity, "it leaves out something they depend on"),
        ),
        "test_steps_are_steps_however_grouped": (Spoilt(DrawsToObserve, "ended in two states"),),
        "test_transparent_with_a_silent_predictor": (Spoilt(DrawsToObserve, _TRANSPARENT),),
        "test_transparent_with_a_raising_predictor": (Spoilt(DrawsToObserve, _TRANSPARENT),),
        "test_transparent_with_garbage": (Spoilt(MovesToMaterialise, _TRANSPARENT),),
        "test_digest_sees_the_state": (Spoilt(DigestsItsChance, "led to one and the same digest"),),
        "test_agrees_refuses_another_place": (
            Spoilt(LeapsFromAnywhere, "of 377 steps, which leads past the end"),
            Spoilt(LeapsWhereThereIsRoom, "says True of a candidate of .* after it has been leapt to"),
            Spoilt(LeapsPastTheEnd, "which leads past the end"),
            Spoilt(LeapsFromNowhere, "says False of a candidate of last-value made at position 24"),
        ),
        "test_transparent_where_all_is_refused": (
            Spoilt(MovesToMaterialise, _TRANSPARENT),
            Spoilt(DrawsToScore, _TRANSPARENT),
        ),
        "test_transparent_where_the_validator_raises": (Spoilt(RestoresOnSuccess, _TRANSPARENT),),
        "test_rejection_changes_nothing": (
            Spoilt(MovesToMaterialise, "took no leap and yet changed the state"),
            Spoilt(DrawsToScore, "took no leap and yet changed the state"),
        ),
        "test_judging_changes_nothing": (
            Spoilt(MovesToMaterialise, "judging a candidate of .* changed the computation"),
            Spoilt(DrawsToScore, "judging a candidate of .* changed the computation"),
        ),
        "test_driven_from_outside": (Spoilt(DrawsToSayWhereItIs, r"in another state than by run\(\)"),),
        "test_reproducible": (Spoilt(ReadsAClock, "decided differently"),),
        "test_resumed": (Spoilt(HidesItsVelocity, "did not go on as it would have"),),
        "test_loss_is_bounded": (Spoilt(PricesWithoutNumber, "speculation has lost nan"),),
    }
)
"""Spoilt judged computations, by the law that catches them."""


class ExactUnderLaws(ExactLaws):
    """Any kind of registers under the laws, without a class of its own: a count, or a wilder course."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def computation(self) -> Computation:
        """Make it."""
        wide = issubclass(self._make, ForgetsWhatItRead | AppliesHalf) if isinstance(self._make, type) else False
        return (_congruential if wide else _count)(self._make)


class JudgedUnderLaws(JudgedLaws):
    """Any kind of descent under the laws, without a class of its own."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def computation(self) -> Computation:
        """Make it."""
        made: Computation = self._make(_STEPS)
        return made
