"""Validators that are each wrong in one way. Most are `Strict`, spoilt."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar

from asc.computation import Computation
from asc.types import Candidate, Verdict
from asc.validators.adaptive import Adaptive
from asc.validators.strict import Strict
from mutants.spoilt import Spoilt, Table


class Refuses(Strict):
    """Refuses everything."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Say no."""
        return Verdict(accepted=False, gain_steps=0.0, reason="no")


class Raises(Strict):
    """Raises whenever it is asked."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Divide by zero."""
        raise ZeroDivisionError("division by zero")


class Accepts(Strict):
    """Accepts everything."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Say yes."""
        return super().judge(computation, candidate)._replace(accepted=True)


class ComparesBackwards(Strict):
    """Accepts what is not worse, in a comparison that NaN passes."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Ask whether it is worse."""
        losses = [float(computation.score(state, 0).mean()) for state in (candidate.base, candidate.state)]
        if losses[1] >= losses[0]:
            return Verdict(accepted=False, gain_steps=0.0, reason="it is no better")
        gain = computation.gain_steps(losses[0] - losses[1])
        return Verdict(accepted=True, gain_steps=gain if math.isfinite(gain) else 0.0, reason="it is no worse")


class RaisesOnNan(Strict):
    """Raises where a loss is no number."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Turn it into a whole number."""
        int(computation.score(candidate.state, 0).sum())
        return super().judge(computation, candidate)


class BareYes(Strict):
    """Answers with a truth value alone."""

    def judge(self, computation: Computation, candidate: Candidate) -> Any:
        """Say yes or no."""
        return super().judge(computation, candidate).accepted


class Speechless(Strict):
    """Gives no reason."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Say nothing about it."""
        return super().judge(computation, candidate)._replace(reason="")


class PaysForRefusals(Strict):
    """Finds what it rejects to be worth something."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Leave the gain."""
        return super().judge(computation, candidate)._replace(gain_steps=1.0)


class PaysEndlessly(Strict):
    """Finds what it accepts to be worth infinitely much."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Divide by a slope of zero."""
        verdict = super().judge(computation, candidate)
        return verdict._replace(gain_steps=math.inf if verdict.accepted else 0.0)


class ChangesBeyondNumbers(Strict):
    """Tells of a change that is no number."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Subtract infinities."""
        return super().judge(computation, candidate)._replace(change=math.nan)


class ForgetsTheBase(Strict):
    """Compares a link of a chain with the present state."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Forget its base."""
        return super().judge(computation, candidate._replace(base=None))


class TakesItsWord(Strict):
    """Finds a candidate to be worth what it claims."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Take the horizon for the gain."""
        verdict = super().judge(computation, candidate)
        return verdict._replace(gain_steps=float(candidate.horizon) if verdict.accepted else 0.0)


class Moves(Strict):
    """Leaves the computation at the candidate where it accepts it."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Apply it."""
        verdict = super().judge(computation, candidate)
        if verdict.accepted:
            computation._vector = candidate.state.vector
        return verdict


class Draws(Strict):
    """Draws from the computation's own generator."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Draw, and let it make no difference."""
        computation._random.normal()
        return super().judge(computation, candidate)


class RestoresOnSuccess(Strict):
    """Puts the candidate in the computation's place to judge it, and what was there back where nothing has failed."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Score it there."""
        kept, computation._vector = computation._vector, candidate.state.vector
        computation.score(None, 0)
        computation._vector = kept
        return super().judge(computation, candidate)


class AcceptsOnFailure(Strict):
    """Accepts where it could not look."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Swallow whatever went wrong."""
        try:
            return super().judge(computation, candidate)
        except Exception:  # noqa: BLE001 -- what it is there to show
            return Verdict(accepted=True, gain_steps=0.0, reason="nothing speaks against it")


class DrawsGlobally(Strict):
    """Draws from Python's global generator."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Draw, and let it make no difference."""
        random.random()
        return super().judge(computation, candidate)


class LooksSomewhere(Strict):
    """Judges on sequences that a generator without a seed draws."""

    def __init__(self, config: Strict.Config | None = None) -> None:
        super().__init__(config)
        self._random = random.Random()

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Choose another look each time, and tell which."""
        look = self._random.getrandbits(60)
        return super().judge(computation, candidate._replace(start=look))._replace(reason=f"by look {look}")


class ByTheClock(Strict):
    """Lets a clock decide, which never shows the same time twice."""

    _clock: ClassVar = count()

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Tell the time."""
        return super().judge(computation, candidate)._replace(reason=f"it is {next(self._clock)}")


class LooksAndLooks(Strict):
    """Takes another pass until it is pleased."""

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Look a hundred times."""
        for look in range(100):
            computation.score(candidate.state, look)
        return super().judge(computation, candidate)


class SharesItsPast(Adaptive):
    """Keeps its recent losses in the class."""

    _all: ClassVar[deque[tuple[int, float]]] = deque(maxlen=10)

    def __init__(self, config: Adaptive.Config | None = None) -> None:
        super().__init__(config)
        self._all.clear()
        self._recent = self._all


class KeepsItsPast(Strict):
    """Finds each candidate to be worth less than the one before, and has no state to say how many there were."""

    def __init__(self, config: Strict.Config | None = None) -> None:
        super().__init__(config)
        self._judged = 0

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Count."""
        self._judged += 1
        verdict = super().judge(computation, candidate)
        return verdict._replace(gain_steps=verdict.gain_steps / self._judged)


class ForgetsOnLoading(Adaptive):
    """Saves its state, and does not take it up again."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin anew."""


class SavesSets(Adaptive):
    """Saves a set, which no checkpoint holds."""

    def state_dict(self) -> dict[str, Any]:
        """Return the recent losses in no order."""
        return {"recent": set(self._recent)}


class LendsItsState(Adaptive):
    """Hands out what it goes on writing into."""

    def state_dict(self) -> dict[str, Any]:
        """Return it itself."""
        return {"recent": self._recent}


class GoesThroughItAll(Strict):
    """Goes through all losses that it has ever seen."""

    def __init__(self, config: Strict.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[float] = []

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Find the least by hand."""
        self._all.append(float(computation.score(None, 0).mean()))
        least = math.inf
        for loss in self._all:
            least = min(loss, least)
        return super().judge(computation, candidate)


class SumsItAll(Strict):
    """Keeps every loss and sums them up within C, where no instruction of Python's is counted."""

    def __init__(self, config: Strict.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[float] = []

    def judge(self, computation: Any, candidate: Candidate) -> Verdict:
        """Take the mean of everything."""
        self._all.append(float(computation.score(None, 0).mean()))
        assert math.isfinite(sum(self._all) / len(self._all))
        return super().judge(computation, candidate)


class KeepsByPosition(Strict):
    """Keeps a verdict for each boundary."""

    def __init__(self, config: Strict.Config | None = None) -> None:
        super().__init__(config)
        self._all: dict[int, Verdict] = {}

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Keep it."""
        return self._all.setdefault(candidate.start, super().judge(computation, candidate))


VALIDATORS: Table = MappingProxyType(
    {
        "test_raises_nothing": (
            Spoilt(Raises, "of a true candidate judge raised ZeroDivisionError: division by zero"),
            Spoilt(RaisesOnNan, "of a ruined candidate judge raised ValueError"),
        ),
        "test_accepts_the_true_continuation": (
            Spoilt(Refuses, "it rejected the true continuation: no"),
            Spoilt(Raises, "judge raised ZeroDivisionError: division by zero; see test_raises_nothing"),
        ),
        "test_rejects_a_perturbed_one": (Spoilt(Accepts, "it accepted a state that is much worse"),),
        "test_rejects_what_is_no_number": (
            Spoilt(ComparesBackwards, "it accepted a state that is no number"),
            Spoilt(RaisesOnNan, "judge raised ValueError"),
        ),
        "test_verdicts_are_well_formed": (
            Spoilt(BareYes, "which is no Verdict"),
            Spoilt(Speechless, "the reason is empty"),
            Spoilt(PaysForRefusals, "what is rejected is worth nothing"),
            Spoilt(PaysEndlessly, "the gain is a finite number"),
            Spoilt(ChangesBeyondNumbers, "the change is a finite difference"),
        ),
        "test_judges_against_the_base": (Spoilt(ForgetsTheBase, "over itself, it found a state to be worth"),),
        "test_gain_is_measured": (Spoilt(TakesItsWord, "the same state is worth 15 or 750"),),
        "test_leaves_the_computation_untouched": (
            Spoilt(Moves, "judging a candidate changed the computation"),
            Spoilt(Draws, "judging a candidate changed the computation"),
        ),
        "test_leaves_it_untouched_where_scoring_raises": (
            Spoilt(RestoresOnSuccess, "a judgement that raised changed the computation"),
            Spoilt(AcceptsOnFailure, "it accepted a state though a pass"),
        ),
        "test_leaves_global_randomness_alone": (Spoilt(DrawsGlobally, "it drew from a global generator"),),
        "test_same_input_same_answer": (
            Spoilt(LooksSomewhere, "two fresh ones gave different answers"),
            Spoilt(ByTheClock, "two fresh ones gave different answers"),
        ),
        "test_instances_are_isolated": (Spoilt(SharesItsPast, "beside another instance it gave other answers"),),
        "test_looks_are_bounded": (Spoilt(LooksAndLooks, "it looked 102 times for one judgement; 16 are allowed"),),
        "test_goes_on_after_a_stop": (
            Spoilt(KeepsItsPast, "did not go on as it would have"),
            Spoilt(ForgetsOnLoading, "did not go on as it would have"),
        ),
        "test_state_goes_through_a_checkpoint": (
            Spoilt(SavesSets, "the state does not go into a checkpoint"),
            Spoilt(ForgetsOnLoading, "one that had loaded its state gave another answer"),
        ),
        "test_state_is_a_copy": (Spoilt(LendsItsState, "it is shared, and not copied"),),
        "test_work_does_not_grow": (Spoilt(GoesThroughItAll, "instructions early in the run"),),
        "test_memory_does_not_grow": (
            Spoilt(SumsItAll, "bytes more at the end of a long run"),
            Spoilt(KeepsByPosition, "bytes more at the end of a long run"),
        ),
        "test_cost_is_reported": (Spoilt(Raises, "judge raised ZeroDivisionError.*; see test_raises_nothing"),),
    }
)
"""Spoilt validators, by the law that catches them."""
