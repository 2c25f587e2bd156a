"""The laws of speculation as checks to call: each raises AssertionError with a sentence where its law is broken.

`asc.testing.laws` has them as classes to subclass. A check takes any engine. `__tracebackhide__` keeps the lines of a
function out of what pytest shows of a failure, so that it shows the law and its sentence.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from asc.computation import Computation, Executable
from asc.engine import Engine, Observer
from asc.predictor import Predictor
from asc.reference.runs import ReferenceRun
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.testing.clock import Clock, Priced
from asc.trajectory import SegmentHistory
from asc.types import Boundary, EngineState, Fault, Outcome, Plan, Snapshot
from asc.validator import Validator

Make = Callable[[], Computation]
"""Makes a computation at its start, the same each time."""

Build = Callable[[Computation], Engine]
"""Makes an engine around a computation, with new components that nothing has used before."""

_LONG = 1 << 40
_PROBE = 64  # supersteps that the core may record before it asks what recording has cost


def walk(computation: Computation) -> str:
    """Take all steps that are left, without speculation; return the digest of the end."""
    while not computation.finished():
        computation.advance(_LONG)
    return computation.digest()


def drive(engine: Engine) -> list[Boundary]:
    """Drive an engine from outside to the end, one boundary at a time; return what happened at each."""
    events = []
    while not engine.computation.finished():
        events.append(engine.boundary())
        if not engine.computation.finished():
            engine.advance()
    engine.speculator.close()
    return events


def decisions(events: Iterable[Boundary]) -> list[Any]:
    """Return everything that was decided, without the times."""
    return [
        (
            event.position,
            event.label,
            [(leap.start, leap.steps, leap.source, leap.gain_steps) for leap in event.leaps],
            event.decisions,
        )
        for event in events
    ]


def check_same_end(make: Make, build: Build) -> Engine:
    """Laws 1 and 2: a run with speculation ends in the state of a run without, bit for bit, random state included.

    Returns the engine, so that a caller can see whether any step was leapt over.
    """
    __tracebackhide__ = True
    expected, computation = walk(make()), make()
    engine = build(computation)
    engine.run()
    engine.speculator.close()
    require(
        computation.digest() == expected,
        f"with speculation the run ended in another state than without, after {engine.ledger.leaps} leaps over "
        f"{engine.ledger.skipped} steps",
    )
    return engine


def check_snapshot(make: Make, first: int = 7, then: int = 11) -> None:
    """A full snapshot brings everything back, any number of times, whatever was done in between."""
    __tracebackhide__ = True
    computation = make()
    computation.advance(first)
    position, before, snapshot = computation.position(), computation.digest(), computation.snapshot()
    ends = set()
    for _ in range(2):
        computation.advance(then)
        ends.add(computation.digest())
        computation.restore(snapshot)
        require(computation.digest() == before, "restore did not bring back the state of the snapshot, bit for bit")
        require(computation.position() == position, "restore did not bring back the position of the snapshot")
    require(
        len(ends) == 1, f"{then} steps from one snapshot gave two states: it lacks something that the steps depend on"
    )
    require(before not in ends, "the digest is the same before and after the steps, so it cannot show a difference")


def check_grouping(make: Make, steps: int = 12) -> None:
    """Steps are steps, however they are grouped, observed or recorded."""
    __tracebackhide__ = True
    whole, recorded, single = make(), make(), make()
    whole.advance(steps)
    recorded.advance(steps, record=True)
    require(
        recorded.position() == whole.position() and recorded.digest() == whole.digest(),
        f"advance({steps}, record=True) and advance({steps}) ended in two states: they are not the same steps",
    )
    for i in range(whole.position()):
        single.observe()
        single.advance(1, record=i % 2 == 0)
    require(
        single.position() == whole.position() and single.digest() == whole.digest(),
        f"{steps} steps at once and one by one, observed and recorded in between, ended in two states",
    )


def check_driven(make: Make, build: Build) -> None:
    """An engine that is driven from outside, one boundary at a time, ends where `run` does."""
    __tracebackhide__ = True
    inside, outside = build(make()), build(make())
    inside.run()
    inside.speculator.close()
    require(bool(drive(outside)), "the computation was at its end from the start, so nothing was tried")
    require(
        inside.computation.digest() == outside.computation.digest(),
        "driven from outside, one boundary at a time, the computation ended in another state than by run()",
    )


def check_rejection(make: Make, build: Build) -> None:
    """Law 3: a rejected candidate changes nothing, random state included."""
    __tracebackhide__ = True
    engine = build(make())
    computation, rejected = engine.computation, 0
    while not computation.finished():
        before = computation.digest()
        event = engine.boundary()
        rejected += sum(decision.outcome is Outcome.REJECTED for decision in event.decisions)
        require(
            bool(event.leaps) or computation.digest() == before,
            f"the boundary at position {event.position} took no leap and yet changed the state",
        )
        engine.advance()
    require(rejected > 0, "no candidate was rejected, so nothing was tested: a predictor must have something to say")


def check_judging(
    make: Make, predictors: Mapping[str, Predictor], validator: Validator, horizons: Sequence[int]
) -> None:
    """Law 3, in detail: a candidate is made and judged without a change to the computation, whatever the verdict."""
    __tracebackhide__ = True
    computation, judged = make(), 0
    history: list[Snapshot] = []
    while not computation.finished():
        history = [*history[-7:], computation.observe()]
        before = computation.digest()
        for name, predictor in predictors.items():
            for horizon in horizons:
                prediction = predictor.predict(SegmentHistory(history, computation), horizon)
                if prediction is None:
                    continue
                candidate = computation.materialise(prediction, history, Plan(name, horizon))
                if candidate is not None:
                    validator.judge(computation, candidate)
                    judged += 1
                require(
                    computation.digest() == before,
                    f"judging a candidate of {name} at position {computation.position()} changed the computation",
                )
        computation.advance(max(1, *horizons))
    require(judged > 0, "no candidate was judged, so nothing was tested: a predictor must have something to say")


def check_executed(run: ReferenceRun, assembled: Callable[..., Engine]) -> Engine | None:
    """Laws 1 and 2 on a reference run: it ends as without speculation, and no component is switched off.

    `assembled` makes the engine of a computation, as `asc.testing.assembly.assemble` does. Returns the engine; None for
    a run that workers cannot execute, which is not checked.
    """
    __tracebackhide__ = True
    if not isinstance(run.make(1), Executable):
        return None
    faults = _Faults()

    def build(computation: Computation) -> Engine:
        assert isinstance(computation, Executable)
        clock, scheduler = Clock(), ExecutedScheduler.Config(overdraft=0.5)
        # A prediction is dear, so that a run rests now and then: snapshots are not always equally far apart.
        priced = Priced(computation, clock, {**PRICES, "predict": 40 * PRICES["step"]})
        return assembled(priced, clock=clock, scheduler=scheduler, observer=faults)

    engine = check_same_end(partial(run.make, 60 * run.every), build)
    require(not faults.reasons, f"it was switched off in a run of {run.name}: {'; '.join(faults.reasons)}")
    return engine


class _Faults(Observer):
    """Keeps what components raised."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def fault(self, fault: Fault) -> None:
        """Keep it."""
        self.reasons.append(fault.why)


def check_bounded(engine: Engine, overdraft: float = 0.03) -> None:
    """Law 5: what speculation has lost stays within its share of the plain work and what one probe takes.

    A probe is what the main thread spends in a few supersteps before it asks what that has cost, and what it loses
    there by a leap that a tolerant validator has accepted. Give a ledger whose clock steers a clock of the test's own,
    or the outcome depends on the machine.
    """
    __tracebackhide__ = True
    ledger, recent, largest = engine.ledger, deque([0.0] * _PROBE, maxlen=_PROBE), 0.0
    while not engine.computation.finished():
        spent, gained = ledger.spent, ledger.gained
        engine.boundary()
        if not engine.computation.finished():
            engine.advance()
        recent.append(ledger.spent - spent + max(0.0, gained - ledger.gained))
        largest = max(largest, sum(recent))
        loss = ledger.spent - ledger.gained
        require(
            loss <= overdraft * ledger.plain + largest + 1e-9 * ledger.plain,
            f"at position {engine.computation.position()} speculation has lost {loss:.6g}, which is "
            f"{loss / max(ledger.plain, 1e-300):.2%} of the plain work of {ledger.plain:.6g}",
        )
    engine.speculator.close()


def check_accounted(engine: Engine, clock: Clock) -> None:
    """Law 4: every second that has passed on the clock is in the ledger.

    The start of workers is left out: it happens beside the main thread and is timed by another clock.
    """
    __tracebackhide__ = True
    since = clock()
    engine.run()
    engine.speculator.close()
    booked = sum(account["seconds"] for kind, account in engine.ledger.accounts().items() if kind != "start")
    passed = clock() - since
    require(abs(booked - passed) <= 1e-9 * passed, f"{passed:.6g} seconds passed, and {booked:.6g} were booked")


def check_reproducible(make: Make, build: Callable[[Computation, Callable[[], float]], Engine]) -> None:
    """Law 6: where candidates are judged, the clock decides nothing, so two runs do the same at each boundary."""
    __tracebackhide__ = True
    runs = []
    for speed in (1e-6, 1e3):
        ticks = itertools.count()
        engine = build(make(), lambda ticks=ticks, speed=speed: speed * next(ticks) ** 2)  # type: ignore[misc]
        runs.append((decisions(drive(engine)), engine.computation.digest()))
    require(runs[0][0] == runs[1][0], "two runs, one on a quick clock and one on a slow one, decided differently")
    require(runs[0][1] == runs[1][1], "two runs that decided alike ended in two states")


def through_json(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state as a checkpoint returns it that holds nothing but JSON; arrays come back as lists."""
    carried: Mapping[str, Any] = json.loads(json.dumps(state, default=_as_list))
    return carried


def _as_list(value: object) -> Any:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"a {type(value).__name__} is neither an array nor a value that JSON holds")
    return value.tolist()


def check_resumed(
    make: Make,
    build: Build,
    stops: Iterable[int] = (1, 2, 5, 11),
    carried: Callable[[Mapping[str, Any]], Mapping[str, Any]] = through_json,
) -> None:
    """Law 6: a run that is resumed from a checkpoint decides and ends as a run that never stopped.

    `carried` takes a state through a checkpoint, for a backend whose checkpoints hold more than JSON.
    """
    __tracebackhide__ = True
    whole = build(make())
    whole.run()
    expected = _booked(whole), whole.computation.digest()
    for stop in stops:
        first = build(make())
        first.boundary()
        for _ in range(stop - 1):
            if not first.computation.finished():
                first.advance()
            if not first.computation.finished():
                first.boundary()
        state = first.save_state()
        kept = carried(state.state)
        second = build(make())
        second.computation.restore(first.computation.snapshot())
        second.load_state(EngineState(kept, state.history))
        second.run()
        found = _booked(second), second.computation.digest()
        require(found == expected, f"resumed at boundary {stop}, the run did not continue as it would have")


def _booked(engine: Engine) -> dict[str, Any]:
    """Everything that was done and gained, in steps."""
    state = engine.ledger.state_dict()
    accounts = {kind: account["steps"] for kind, account in state.pop("accounts").items() if account["steps"]}
    return {**state, **accounts}


PRICES: Mapping[str, float] = {
    "step": 1e-4,
    "track": 3e-5,
    "observe": 2e-6,
    "lookup": 1e-6,
    "predict": 1e-5,
    "dispatch": 5e-5,
    "apply": 2e-6,
    "snapshot": 1e-5,
    "restore": 1e-5,
    "digest": 1e-5,
}
"""Seconds, in usual proportions: a superstep of eight such steps is worth a task, though not by much."""


def require(kept: bool, otherwise: str) -> None:
    """Raise AssertionError with this sentence unless the law is kept."""
    __tracebackhide__ = True
    if not kept:
        raise AssertionError(otherwise)
