"""The allocator: what to try next, and whether to try at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any

from pydantic import Field, NonNegativeInt

from asc.computation import Computation
from asc.ledger import Ledger
from asc.settings import Settings
from asc.types import Attempt, Outcome, Plan

_FADE = 0.95  # an older outcome weighs this much less than the one after it
_PATIENCE = 3  # rejections in a row before speculation pauses, twice as long each time
_LONGEST_PAUSE = 1024  # boundaries
_WINDOW = 128  # supersteps remembered before it is asked whether any came back
_PROBE = 64  # supersteps that are remembered in a row before it is asked what they cost
_CHEAP = 0.005  # share of the work up to which remembering needs no proof that it pays
_PLAIN_EVERY = 64  # one superstep in so many stays untracked, so that the price of a plain step stays known
_PLAIN_FIRST = 8  # and more of them at first
_SLACK = 1.125  # the pace of workers varies, and a result that waits costs less than a main thread that does
_EXECUTED = ("predict", "dispatch", "hand-over", "collect", "wait")  # what an executed attempt costs the main thread
_JUDGED = ("predict", "validate")
_COUNTED = (
    *("predictors", "boundary", "resume_at", "streak", "stretch", "explored", "explore_at"),
    *("recorded", "window", "window_ends", "window_resumes", "probe"),
)
NOTHING: Mapping[int, int] = MappingProxyType({})


class _Record:
    """The faded outcomes of one predictor at one distance."""

    def __init__(self) -> None:
        self.accepted, self.rejected, self.gain = 1.0, 1.0, 0.0

    def note(self, accepted: bool, weight: float = 1.0, gain: float = 0.0) -> None:
        self.accepted = 1 + _FADE * (self.accepted - 1) + weight * accepted
        self.rejected = 1 + _FADE * (self.rejected - 1) + weight * (not accepted)
        if accepted:
            self.gain = gain if not self.gain else _FADE * self.gain + (1 - _FADE) * gain

    @property
    def probability(self) -> float:
        return self.accepted / (self.accepted + self.rejected)


class Allocator:
    """Picks predictor and horizon by (probability x gain - cost), backs off, and never overdraws the ledger.

    After a few rejections in a row it pauses, twice as long each time; one acceptance ends that. Whatever the
    predictors do, the main thread's loss stays within `Ledger.allowance` and the one attempt that exhausts it.
    """

    class Config(Settings):
        """How speculation is rationed."""

        overdraft: float = Field(0.03, ge=0, description="share of the plain work that speculation may lose at most")
        horizons: tuple[NonNegativeInt, ...] = Field((), description="judged speculation: horizons to try, in steps")
        lookahead: int = Field(1024, ge=1, description="executed speculation: supersteps to look ahead at most")
        stretch: int = Field(16, ge=1, description="executed speculation: supersteps in one task at most")
        memoise: bool = Field(True, description="remember the main thread's own supersteps where that pays")

    def __init__(self, config: Config, predictors: Sequence[str], ledger: Ledger, in_place: Sequence[str] = ()) -> None:
        self._config, self._ledger = config, ledger
        self._predictors, self._in_place = list(predictors), frozenset(in_place)
        self._records: dict[tuple[str, int], _Record] = {}
        self._boundary = self._resume_at = self._streak = 0
        self._stretch = 1  # supersteps in a task: doubled where a guess was right, one again where it was wrong
        self._explored = self._explore_at = 0
        self._recorded = self._window = 0
        self._window_ends, self._window_resumes = _WINDOW, 0
        self._probe = 0  # supersteps that are still to be remembered, whatever they cost

    def plans(
        self,
        computation: Computation,
        superstep: int,
        capacity: int,
        covered: Mapping[int, int] = NOTHING,
        slowdown: float = 1.0,
    ) -> list[Plan]:
        """Return at most `capacity` plans; none while paused or overdrawn.

        `covered` maps positions to the steps that are under way or delivered from there; a worker takes `slowdown`
        times as long for a step as the main thread.
        """
        self._boundary += 1
        if capacity <= 0 or self._boundary < self._resume_at or self._ledger.allowance() <= 0:
            return []
        chosen: list[Plan] = []
        dear: tuple[float, Plan] | None = None  # the best of what seems to cost more than it would gain
        for options in self._options(computation, superstep, capacity, covered, slowdown):
            worth, plan = max(((self._worth(plan, superstep), plan) for plan in options), key=lambda pair: pair[0])
            if worth > 0:
                chosen.append(plan)
            elif worth + self._price(plan) > 0 and (dear is None or worth > dear[0]):
                dear = worth, plan
            if len(chosen) == capacity:
                break
        if chosen:
            self._explored = 0
        elif dear is not None and self._boundary >= self._explore_at:  # put to the test, less and less often
            self._explored += 1
            self._explore_at = self._boundary + min(_LONGEST_PAUSE, 2**self._explored)
            chosen = [dear[1]]
        return chosen

    def learn(self, attempt: Attempt) -> None:
        """Take one settled attempt into account."""
        record = self._records.setdefault(self._place(attempt.plan), _Record())
        if attempt.outcome is Outcome.ACCEPTED:
            record.note(True, gain=attempt.gain_steps)
            self._streak = 0
            self._resume_at = 0
            self._stretch = min(self._config.stretch, 2 * self._stretch)
        elif attempt.outcome is Outcome.REJECTED:
            record.note(False)
            self._stretch = 1
            self._streak += 1
            if self._streak > _PATIENCE:
                pause = min(_LONGEST_PAUSE, 2 ** min(self._streak - _PATIENCE, 30))
                self._resume_at = self._boundary + pause
        elif attempt.outcome is Outcome.SILENT:
            record.note(False, weight=0.1)

    def drop(self, predictor: str) -> bool:
        """Plan no more with this predictor; return whether it has been planned with up to now."""
        there = predictor in self._predictors
        if there:
            self._predictors.remove(predictor)
        return there

    @property
    def paused(self) -> bool:
        """Whether a row of rejections, or the lack of any predictor, has stopped speculation for now."""
        return not self._predictors or self._boundary < self._resume_at

    def remembers(self, recalled: int) -> bool:
        """Whether to track the coming superstep for the cache; `recalled`: remembered ones that were used so far.

        Where that costs a noticeable share of the work and nothing comes back within a window, it pauses; windows and
        the pauses between them double.
        """
        self._recorded += 1
        if not self._config.memoise or not self._ledger.unit or self._recorded < self._window_resumes:
            return False
        if not self._probe:
            if self._ledger.allowance() <= 0:
                return False
            self._probe = _PROBE
        self._probe -= 1
        if recalled or self._ledger.share("track", "insert", "lookup") < _CHEAP:
            self._window_ends = self._recorded + _WINDOW
        elif self._recorded >= self._window_ends:
            self._window += 1
            self._window_resumes = self._recorded + 3 * _WINDOW * 2**self._window
            self._window_ends = self._window_resumes + _WINDOW * 2**self._window
        return self._recorded % (_PLAIN_EVERY if self._recorded > _PLAIN_EVERY else _PLAIN_FIRST) != 0

    def state_dict(self) -> dict[str, Any]:
        """Return what outcomes have taught, and where in its pauses it is."""
        records = [[*place, dict(vars(record))] for place, record in self._records.items()]
        return {"records": records} | {name: copy(getattr(self, f"_{name}")) for name in _COUNTED}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._records.clear()
        for predictor, distance, faded in state["records"]:
            vars(self._records.setdefault((predictor, distance), _Record())).update(faded)
        for name in _COUNTED:
            setattr(self, f"_{name}", copy(state[name]))

    def rest(self, superstep: int) -> int:
        """Return how many supersteps to take before the next boundary: more than one where a loss is to be made up."""
        supersteps = self._ledger.rest(superstep)
        return 1 if self._probe else supersteps

    def _options(
        self,
        computation: Computation,
        superstep: int,
        capacity: int,
        covered: Mapping[int, int],
        slowdown: float,
    ) -> Iterator[list[Plan]]:
        """Yield the alternatives: for each place still to be covered, one plan a predictor."""
        if not self._predictors:
            return
        if self._config.horizons:
            yield from ([Plan(name, 0)] for name in self._predictors if name in self._in_place)
            looking_ahead = [name for name in self._predictors if name not in self._in_place]
            for horizon in self._config.horizons if looking_ahead else ():
                yield [Plan(name, horizon) for name in looking_ahead]
            return
        position, total = computation.position(), computation.total()
        for start, steps in self._places(position, total, superstep, capacity, covered, slowdown):
            yield [Plan(name, start - position, steps) for name in self._predictors]

    def _places(
        self,
        position: int,
        total: int | None,
        superstep: int,
        capacity: int,
        covered: Mapping[int, int],
        slowdown: float,
    ) -> Iterator[tuple[int, int]]:
        """Yield where tasks are to start and how many steps they are to take, so that the main thread neither waits.

        A task starts where the main thread will be when it is done: it takes `slowdown` times as many supersteps of the
        main thread's own work as it is long. Towards the end, tasks shrink so that all are done at the same time.
        """
        stretch = self._stretch
        if total is not None:
            stretch = min(stretch, int((total - position) / superstep / (len(covered) + capacity + slowdown)))
        stretch = max(1, stretch)
        last = position + self._config.lookahead * superstep
        start, own, needed = position, 0, max(1, round(stretch * slowdown * _SLACK))
        while capacity and start <= last and (total is None or start < total):
            if start in covered:
                start += covered[start]
            elif own < needed:
                start, own = start + superstep, own + 1
            else:
                end = min([start + stretch * superstep, *(place for place in covered if place > start)])
                end = end if total is None else min(end, total)
                yield start, end - start
                start, capacity = end, capacity - 1

    def _worth(self, plan: Plan, superstep: int) -> float:
        """Expected gain less the price, in plain steps.

        A task gains its steps; a judged guess what its like have gained, or at first what it skips; an update in place,
        which skips nothing, a superstep.
        """
        record = self._records.get(self._place(plan))
        if record is None:
            record = _Record()
        gain = plan.steps or record.gain or plan.horizon or superstep
        return record.probability * gain - self._price(plan)

    def _price(self, plan: Plan) -> float:
        kinds, per = (_EXECUTED, "dispatch") if plan.steps else (_JUDGED, "validate")
        return self._ledger.price(kinds, per)

    @staticmethod
    def _place(plan: Plan) -> tuple[str, int]:
        """Outcomes are kept by predictor and distance; where executed, distances of like magnitude are one."""
        return plan.predictor, (plan.horizon // plan.steps).bit_length() if plan.steps else -plan.horizon
