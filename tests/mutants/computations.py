"""Mutants of computations, made of `Registers` and `Descent`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np

from asc.computation import Computation
from asc.reference.descent import Descent
from asc.reference.programs import PROGRAMS
from asc.reference.registers import Registers
from asc.testing.laws.computations import ExactLaws, JudgedLaws
from mutants.mutant import Mutant, Table, mutate

_STEPS = 400


class Counting(Registers):
    """A sound machine that counts."""

    def __init__(self) -> None:
        program = PROGRAMS["count"]
        super().__init__(program.step, program.words, _STEPS, program.sums)


class Mixing(Registers):
    """A sound machine whose state is hard to predict."""

    def __init__(self) -> None:
        program = PROGRAMS["congruential"]
        super().__init__(program.step, program.words, _STEPS, program.sums)


class Descending(Descent):
    """A sound descent."""

    def __init__(self) -> None:
        super().__init__(_STEPS)


def machine(**changes: Any) -> type[Any]:
    """Return a mutant of the machine that counts."""
    return mutate(Counting, **changes)


def descent(**changes: Any) -> type[Any]:
    """Return a mutant of the descent."""
    return mutate(Descending, **changes)


def first(deed: Callable[[Any], object]) -> Callable[..., Any]:
    """Return a method that does something with the computation before the original one."""

    def method(self: Any, original: Any, *arguments: Any) -> Any:
        deed(self)
        return original(*arguments)

    return method


def _increment(self: Any) -> None:
    self._words["n"] += 1


def _draw(self: Any) -> None:
    """Draw from the generator of the steps."""
    self._random.normal()


def _move(self: Any) -> None:
    self._vector = self._vector + 1e-9


def _count(self: Any) -> int:
    self.asked = getattr(self, "asked", 0) + 1
    asked: int = self.asked
    return asked


def _count_observed(self: Any) -> None:
    self.observed = getattr(self, "observed", 0) + 1


def _asked(self: Any, original: Any) -> str:
    return f"{getattr(self, 'asked', 0)} {getattr(self, 'observed', 0)} {original()}"


def _lend(self: Any, _: Any, snapshot: Any) -> None:
    self._position, self._words = snapshot.position, snapshot.state


def _record_other_steps(self: Any, original: Any, steps: int, record: bool = False) -> Any:
    if record:
        _increment(self)
    return original(steps, record)


def _record_without_sums(self: Any, original: Any, steps: int, record: bool = False) -> Any:
    done = original(steps, record)
    if record and done.steps > 1:
        self._words["total"] = 0
    return done


def _forget_reads(self: Any, original: Any, *arguments: Any) -> Any:
    run = original(*arguments)

    def forget() -> Any:
        return [part._replace(causal={}) for part in run()]

    return forget


def _apply_half(self: Any, original: Any, transition: Any) -> None:
    original(transition._replace(effect=transition.effect._replace(added={})))


def _count_slowly(self: Any, _: Any) -> int:
    steps = 0
    while steps < self._position:
        steps += 1
    return steps


def _all_but(name: str) -> Callable[..., None]:
    """Return a `restore` that leaves out one attribute."""

    def restore(self: Any, original: Any, snapshot: Any) -> None:
        kept = vars(self)[name]
        original(snapshot)
        setattr(self, name, kept)

    return restore


def _restore_but_random(self: Any, original: Any, snapshot: Any) -> None:
    kept = self._random.bit_generator.state
    original(snapshot)
    self._random.bit_generator.state = kept


def _score_in_place(self: Any, original: Any, state: Any, look: int) -> Any:
    if state is None:
        return original(None, look)
    kept, self._vector = self._vector, np.zeros_like(self._vector)
    self._vector = state.vector
    losses = original(None, look)
    self._vector = kept
    return losses


def _owe(self: Any, original: Any, *arguments: Any) -> Any:
    self.owed = 0.5
    return original(*arguments)


def _pay(self: Any, original: Any, work: str) -> float:
    owed, self.owed = getattr(self, "owed", 0.0), 0.0
    return float(owed)


_speeds = cycle((0.05, 5.0))


def _by_clock(self: Any, original: Any) -> None:
    original()
    self._prices = {"validate": next(_speeds)}


_TRANSPARENT = "with speculation the run ended in another state than without"
_TWO_STATES = "ended in two states"
_observing = Mutant("increments a word where it is observed", machine(observe=first(_increment)), _TRANSPARENT)
_forgetting = Mutant(
    "leaves what it read out of its transitions",
    mutate(Mixing, task=_forget_reads),
    f"gave one state to worker 1|{_TRANSPARENT}",
)
_half = Mutant(
    "leaps without the words that are summed",
    mutate(Mixing, apply=_apply_half),
    f"gave one state to worker 1|{_TRANSPARENT}",
)

EXACT: Table = MappingProxyType(
    {
        "test_snapshot_brings_everything_back": (
            Mutant("continues in the words of the snapshot", machine(restore=_lend), "restore did not bring back"),
        ),
        "test_steps_are_steps_however_grouped": (
            Mutant(
                "records other steps",
                machine(advance=_record_other_steps),
                r"advance\(12, record=True\) and advance\(12\) ended in two states",
            ),
            Mutant(
                "records steps without their sums",
                machine(advance=_record_without_sums),
                r"advance\(12, record=True\) and advance\(12\) ended in two states",
            ),
            _observing._replace(sentence="one by one, observed and recorded in between, ended in two states"),
        ),
        "test_asking_for_a_price_changes_nothing": (
            Mutant(
                "counts the questions for its price",
                machine(price=lambda self, *_: float(_count(self))),
                r"price of observe, it answers 1\.0, then 2\.0, and takes 3\.0",
            ),
        ),
        "test_digest_sees_the_state": (
            Mutant(
                "has a digest of its position alone",
                machine(digest=lambda self, _: str(self._position)),
                "led to one and the same digest",
            ),
        ),
        "test_agrees_only_where_it_matches": (
            Mutant(
                "agrees with everything",
                machine(agrees=lambda *_: True),
                "is True at position 0 for a transition that was made at 8, from other bits",
            ),
            Mutant(
                "agrees where too few steps are left",
                machine(agrees=lambda self, original, transition: original(transition._replace(steps=0))),
                "at position 0 of 400 for a transition of 401 steps, which leads past the end",
            ),
            Mutant(
                "agrees with nothing",
                machine(agrees=lambda *_: False),
                "is False at position 0 for a transition that was made at 0",
            ),
        ),
        "test_transparent_with_a_silent_predictor": (_observing,),
        "test_transparent_with_a_raising_predictor": (_observing,),
        "test_transparent_with_garbage": (
            Mutant("makes candidates in its own words", machine(materialise=first(_increment)), _TRANSPARENT),
        ),
        "test_exact_with_any_predictor": (_forgetting, _half),
        "test_exact_with_all_predictors": (_forgetting, _half),
        "test_driven_from_outside": (
            Mutant(
                "counts in its digest how often it was asked",
                machine(position=first(_count), observe=first(_count_observed), digest=_asked),
                r"in another state than by run\(\)",
            ),
        ),
        "test_all_time_is_booked": (
            Mutant(
                "counts its steps in each question",
                machine(position=_count_slowly),
                r"position\(\) took .* instructions; it is asked often",
            ),
        ),
    }
)
"""Mutants of executable computations, by the law that catches them."""

_drawing = Mutant("draws where it is observed", descent(observe=first(_draw)), _TRANSPARENT)
_moving = Mutant("moves where it makes a candidate", descent(materialise=first(_move)), _TRANSPARENT)
_scoring = Mutant("draws where it scores", descent(score=first(_draw)), _TRANSPARENT)
_hiding = Mutant(
    "restores no velocity, and has none in its digest",
    descent(restore=_all_but("_velocity"), digest=lambda self, _: f"{self._position} {self._vector.tobytes().hex()}"),
    "it lacks something that the steps depend on",
)

JUDGED: Table = MappingProxyType(
    {
        "test_snapshot_brings_everything_back": (
            Mutant("restores no random state", descent(restore=_restore_but_random), "restore did not bring back"),
            _hiding,
        ),
        "test_steps_are_steps_however_grouped": (_drawing._replace(sentence=_TWO_STATES),),
        "test_asking_for_a_price_changes_nothing": (
            Mutant(
                "clears what is owed where it is asked for a price",
                descent(score=_owe, price=_pay),
                r"price of observe, it answers 0\.5, then 0\.0, and takes 0\.0",
            ),
            Mutant(
                "draws where it is asked for a price",
                descent(price=first(_draw)),
                "asking for prices changed the computation",
            ),
        ),
        "test_transparent_with_a_silent_predictor": (_drawing,),
        "test_transparent_with_a_raising_predictor": (_drawing,),
        "test_transparent_with_garbage": (_moving,),
        "test_digest_sees_the_state": (
            Mutant(
                "has a digest of its position and its generator alone",
                descent(digest=lambda self, _: f"{self._position} {self._random.bit_generator.state}"),
                "led to one and the same digest",
            ),
        ),
        "test_agrees_only_where_it_matches": (
            Mutant("agrees with everything", descent(agrees=lambda *_: True), "of 377 steps, which leads past the end"),
            Mutant(
                "agrees where steps are left",
                descent(agrees=lambda self, _, transition: self._position + transition.steps <= self._steps),
                "is True for a candidate of .* after the leap to it",
            ),
            Mutant(
                "agrees where too few steps are left",
                descent(agrees=lambda self, original, transition: original(transition._replace(steps=0))),
                "which leads past the end",
            ),
            Mutant(
                "agrees with nothing",
                descent(agrees=lambda *_: False),
                "is False for a candidate of last-value made at position 24",
            ),
        ),
        "test_transparent_where_all_is_rejected": (_moving, _scoring),
        "test_transparent_where_the_validator_raises": (
            Mutant(
                "scores a candidate in its own place, and stays there on failure",
                descent(score=_score_in_place),
                _TRANSPARENT,
            ),
        ),
        "test_rejection_changes_nothing": tuple(
            one._replace(sentence="took no leap and yet changed the state") for one in (_moving, _scoring)
        ),
        "test_judging_changes_nothing": tuple(
            one._replace(sentence="judging a candidate of .* changed the computation") for one in (_moving, _scoring)
        ),
        "test_driven_from_outside": (
            Mutant(
                "draws where it is asked for its position",
                descent(position=first(_draw)),
                r"in another state than by run\(\)",
            ),
        ),
        "test_reproducible": (
            Mutant("prices its work by a clock", descent(__init__=_by_clock), "decided differently"),
        ),
        "test_resumed": (_hiding._replace(sentence="did not continue as it would have"),),
        "test_loss_is_bounded": (
            Mutant(
                "has a price that is NaN",
                descent(price=lambda self, original, work: float("nan") if work == "validate" else original(work)),
                "speculation has lost nan",
            ),
        ),
    }
)
"""Mutants of judged computations, by the law that catches them."""


class ExactUnderLaws(ExactLaws):
    """The laws of executable computations, for any class."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def computation(self) -> Computation:
        """Make it."""
        made: Computation = self._make()
        return made


class JudgedUnderLaws(JudgedLaws):
    """The laws of judged computations, for any class."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def computation(self) -> Computation:
        """Make it."""
        made: Computation = self._make()
        return made
