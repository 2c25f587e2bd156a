"""Why executed speculation gained something, or nothing, in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Self

from asc.ledger import Ledger
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.explain import (
    NOT_FOUND,
    TOO_SHORT,
    Facts,
    accepted,
    all_rejected,
    count,
    early,
    with_fault,
    without_candidates,
)
from asc.speculators.outcomes import Outcomes
from asc.types import Outcome

_SLOW = 1.5  # a worker that takes so many times as long as the main thread explains a loss
_PARTS = 2  # leaps that one candidate is worth at most, unless states come back
_SLOW_RECORDING = 3.0  # a recorded superstep that takes so many times as long as a plain one explains a loss


class _Cause(NamedTuple):
    what: str  # the end of "most of it …"
    kinds: tuple[str, ...]
    remedy: str


_LONGER = "Longer supersteps (--set recognizer.worth=200) or heavier steps would help."
_CAUSES = (
    _Cause(
        "for recording supersteps, so that they can be remembered",
        ("track", "insert"),
        "To record none: --set scheduler.memoise=false.",
    ),
    _Cause("for sending tasks", ("dispatch", "hand-over"), _LONGER),
    _Cause("for predicting states", ("predict", "plan"), "Fewer predictors, or heavier steps, would help."),
    _Cause("for waiting for workers", ("wait", "delegate"), "A free core for each worker would help."),
    _Cause("for taking in results and looking them up", ("collect", "lookup", "apply"), _LONGER),
    _Cause("at boundaries between supersteps", ("observe", "recognise", "notify"), _LONGER),
    _Cause("for starting workers and for checks", ("start", "warm-up", "spot-check"), "A longer run would help."),
)


_NEARLY = 2 / 3  # of what may be lost: a boundary like the last one must be affordable again before there is one
_RATIONED = _CAUSES[:-1]  # what starts a run is paid once, and rationed by nothing


class Withheld(NamedTuple):
    """What speculation had lost at the end, where that was nearly all that it may lose, or more."""

    seconds: float = 0.0  # 0 where nothing was withheld
    most: str = ""  # what most of it went into

    @classmethod
    def of(cls, ledger: Ledger) -> Self:
        """Take the figures from a ledger whose unit is the second."""
        lost = ledger.spent - ledger.gained
        if lost <= _NEARLY * ledger.overdraft():
            return cls()
        most = max(_RATIONED, key=lambda cause: ledger.cost(*cause.kinds))
        return cls(lost, most.what)


class Opening(NamedTuple):
    """What the main thread would have lost to start workers, where that was too much."""

    steps: float = 0.0  # plain ones that take as long
    nbytes: float = 0.0  # that it would have copied


class Costs(NamedTuple):
    """What speculation cost, as far as a sentence needs it."""

    cause: _Cause = _CAUSES[1]  # the largest
    task: float = 0.0  # plain steps for one task
    nbytes: float = 0.0  # that travel for one task
    unprofitable: bool = False  # whether a task costs more than it can gain
    recording: float = 1.0  # how many times as long as plain steps a recorded superstep takes
    opening: Opening = Opening()
    withheld: Withheld = Withheld()
    delegated: int = 0  # leaps over the main thread's own supersteps, which workers took from the present state

    @classmethod
    def of(cls, ledger: Ledger, scheduler: ExecutedScheduler, opening: Opening) -> Self:
        """Take the figures from the ledger, and from the scheduler."""
        cause = max(_CAUSES, key=lambda cause: ledger.cost(*cause.kinds))
        task = scheduler.price(), scheduler.nbytes, scheduler.unprofitable
        return cls(cause, *task, ledger.tracking, opening, Withheld.of(ledger))


def explain(facts: Facts, outcomes: Outcomes, reasons: Counter[str], costs: Costs) -> str:
    """Return one sentence; `reasons` counts those of rejections."""
    if (sentence := early(facts, outcomes)) is not None:
        return sentence
    if facts.leaps and facts.speedup >= 1.02:
        return with_fault(_gain(facts, outcomes, costs.delegated), facts)
    if facts.fault:
        return f"No speed-up: {facts.fault}."
    if facts.leaps and (count(outcomes, Outcome.ACCEPTED) or not count(outcomes, Outcome.REJECTED)):
        return _loss(facts, outcomes, costs)
    # The few leaps that there may have been came from recorded supersteps, and did not matter.
    return _nothing(facts, outcomes, reasons, costs)


def _gain(facts: Facts, outcomes: Outcomes, delegated: int) -> str:
    share = f"{100 * facts.skipped / max(1, facts.position):.0f} % of the steps were leapt over"
    leaps = facts.leaps - delegated
    if leaps > 2 * _PARTS * count(outcomes, Outcome.ACCEPTED):
        return f"The same states came back: {share}, {leaps:,} times by what had been seen before."
    remembered = f", {facts.recalled} leaps by what had been seen before" if facts.recalled else ""
    return f"{accepted(outcomes)}, and {share}{remembered}."


def _loss(facts: Facts, outcomes: Outcomes, costs: Costs) -> str:
    although = f"No speed-up although {accepted(outcomes)}" if count(outcomes, Outcome.ACCEPTED) else "No speed-up"
    if costs.unprofitable:
        return f"{although}: {_unprofitable(costs)}."
    if facts.slowdown is not None and facts.slowdown > _SLOW:
        return f"{although}: {_slow(facts.slowdown)}. Do more work a step on fewer reads."
    if costs.withheld.seconds and facts.skipped < 0.05 * facts.position:
        return f"No speed-up: {accepted(outcomes)}, and then {_withheld(costs.withheld)}"
    if facts.skipped < 0.05 * facts.position:
        return f"No speed-up: {accepted(outcomes)}, too few to matter, so speculation was mostly withheld."
    return (
        f"{although}: speculation took {100 * facts.spent_share:.0f} % of the time, as much as it saved, most of it "
        f"{costs.cause.what}. {costs.cause.remedy}"
    )


def _nothing(facts: Facts, outcomes: Outcomes, reasons: Counter[str], costs: Costs) -> str:
    if right := count(outcomes, Outcome.ACCEPTED):
        return f"No speed-up: {right} candidates were accepted, but {NOT_FOUND}"
    if count(outcomes, Outcome.REJECTED):
        return f"Speculation was withdrawn: {_withdrawn(outcomes, reasons)}."
    if costs.unprofitable:
        return f"No speed-up: {_unprofitable(costs)}."
    if count(outcomes, Outcome.LATE) or count(outcomes, Outcome.LAUNCHED):
        slow = f", since {_slow(facts.slowdown)}" if facts.slowdown is not None and facts.slowdown > _SLOW else ""
        if costs.withheld.seconds and not slow:
            return f"No speed-up: {_withheld(costs.withheld)}"
        return (
            "No speed-up: the run was over, or already past the position, before a worker's result arrived" + slow + "."
        )
    return without_candidates(facts, outcomes) or _without_workers(facts, costs)


def _withdrawn(outcomes: Outcomes, reasons: Counter[str]) -> str:
    """Say that every candidate was rejected, or that every task failed, with the most frequent reason."""
    if not reasons:
        return all_rejected(outcomes)
    reason, times = reasons.most_common(1)[0]
    mostly = "" if times == reasons.total() else "mostly "
    if all(map(_is_error, reasons)):
        number = count(outcomes, Outcome.REJECTED)
        tasks = "the only task" if number == 1 else f"all {number} tasks"
        return f"{tasks} failed in a worker, {mostly}with {reason}"
    return f"{all_rejected(outcomes)}, {mostly}since " + (f"a worker raised {reason}" if _is_error(reason) else reason)


def _is_error(reason: str) -> bool:
    """Whether the reason of a rejection is what a worker has raised."""
    return reason.partition(":")[0].isidentifier()


def _slow(slowdown: float) -> str:
    return f"with tracking a worker takes {slowdown:.1f} times as long as the plain step"


def _withheld(withheld: Withheld) -> str:
    return (
        f"speculation was withheld, because it had lost {1000 * withheld.seconds:,.0f} ms, most of it {withheld.most}, "
        "and it may lose only a small share of the plain work (its setting overdraft). It loses more on a machine that "
        "is busy with other programs."
    )


def _unprofitable(costs: Costs) -> str:
    task = f"a task{_copies(costs.nbytes)}"
    return f"{task} costs the main thread {_as_much_as(costs.task)}, more than it can gain"


def _as_much_as(steps: float) -> str:
    if steps < 1:
        return "less than 1 step"
    return "as much as 1 step" if round(steps) == 1 else f"as much as {steps:,.0f} steps"


def _copies(nbytes: float) -> str:
    return f", with {nbytes / 1e6:,.0f} MB to copy," if nbytes >= 1e6 else ""


def _without_workers(facts: Facts, costs: Costs) -> str:
    if costs.opening.nbytes >= 1e6:
        return (
            f"No speed-up: the start of workers{_copies(costs.opening.nbytes)} costs the main thread "
            f"{_as_much_as(costs.opening.steps)}, more than the rest of the run may lose."
        )
    if costs.withheld.seconds and costs.recording <= _SLOW_RECORDING:
        return f"No speed-up: {_withheld(costs.withheld)}"
    if facts.awaited:
        return "No speed-up: the run was over while its workers were still starting; a longer run has more of them."
    slow = f"tracking takes at least {costs.recording:.1f} times as long as plain steps"
    if costs.recording > _SLOW_RECORDING:
        return f"No speed-up: {slow}, so speculation was withheld. Do more work a step on fewer reads."
    return TOO_SHORT if facts.workers else "No speed-up: no state came back, and there are no workers to run ahead."
