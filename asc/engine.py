"""The engine: one short loop.

    while not computation.finished():
        boundary()                 # recognise; speculate; look up; apply a hit
        computation.advance(...)   # to the recognizer's next boundary

A leap is always a cache hit. The speculator decides how candidates come about and when leaps are taken. The loop knows
no backend, no tensor library and no terminal. A training loop outside can drive the engine, one `boundary()` at a time.
"""

from __future__ import annotations

import time

from asc import answers
from asc.cache import Cache
from asc.calls import call
from asc.computation import Computation
from asc.errors import describe_error, what_it_did
from asc.ledger import Ledger
from asc.recognizer import Recognizer
from asc.shadow import Shadow
from asc.speculators.explain import Facts
from asc.speculators.speculator import Speculator
from asc.trajectory import Trajectory
from asc.types import MAIN, Boundary, Decision, EngineState, Fault, Outcome, Recognition, Snapshot, Transition
from asc.words import Excited

_NO_RECOGNIZER = Recognition(speculate=False, label="no recognizer", score=None)


class Observer:
    """Receives what an engine reports during a run. Each method does nothing by default."""

    def recognised(self, recognition: Recognition) -> None:
        """The recognizer has judged a boundary. A judged leap, if there is one, comes later."""

    def boundary(self, boundary: Boundary) -> None:
        """A boundary is complete."""

    def paused(self) -> None:
        """The computation has returned from `advance` before the next boundary."""

    def fault(self, fault: Fault) -> None:
        """A component has raised, or answered something of a wrong kind. The run continues."""


class Engine:
    """Drives one computation. It consists of parts that can each be replaced; `asc.assemble` puts them together."""

    def __init__(
        self,
        computation: Computation,
        recognizer: Recognizer,
        speculator: Speculator,
        *,
        cache: Cache,
        ledger: Ledger,
        trajectory: Trajectory,
        recognizer_name: str = "recognizer",
        shadow: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self.computation, self.speculator = computation, speculator
        self.recognizer: Recognizer | None = recognizer  # None once it has raised
        self.cache, self.ledger, self.trajectory, self.excited = cache, ledger, trajectory, Excited()
        self._recognizer_name, self._title = recognizer_name, f'The recognizer "{recognizer_name}"'
        self._observer = observer or Observer()
        self._shadow = Shadow(ledger) if shadow else None
        if shadow:
            computation.may_leap = False
        self._fault = ""  # why there is no recognizer any more
        self.stopped = False
        self.until: int | None = None
        self._begun = False
        self._settled: int | None = None  # position after the newest boundary
        self._distance = 1  # steps in the newest superstep
        self._target: int | None = None  # position of the next boundary, where `advance` returned before it
        self._resting = False  # whether several supersteps lie before it
        self.recalled = 0  # hits on what the main thread itself had recorded
        self.hits = self.misses = 0  # boundaries with a leap or a chain of leaps, and boundaries without
        self.found = 0  # steps of the leaps that the cache had
        self.recognised = self.passed_over = 0  # boundaries that the recognizer said yes to, and no

    def run(self, until: int | None = None) -> None:
        """Run to the end, to position `until`, or to the next boundary after `stop`."""
        self.until = until
        if not self._begun and not self._arrived():
            self._begun = True
            self.speculator.begin(self.computation)
        while not self.stopped and not self._arrived():
            if self._target is None and self._settled != self.computation.position():
                self.boundary()
            if not self.stopped and not self._arrived() and not self._delegated():
                self.advance()

    def stop(self) -> None:
        """Ask for an end at the next boundary; safe to call from a signal handler or another thread."""
        self.stopped = True
        self.computation.stop()

    def boundary(self) -> Boundary:
        """Recognise, speculate, look up, apply a hit."""
        began, computation, speculator = time.perf_counter(), self.computation, self.speculator
        position = computation.position()
        decisions = list(speculator.collect(computation, self.cache))
        self._observe()
        asked = len(self.cache) > 0
        leaps = self._leap(decisions) if asked and speculator.leaps_first else []
        recognition = self._recognise()
        if asked and not speculator.leaps_first:
            leaps = self._leap(decisions)
        if recognition.speculate and not self._arrived() and (speculator.leaps_first or not leaps):
            history, furthest = self.trajectory.snapshots(), recognition.furthest
            new = speculator.speculate(computation, history, self._superstep(), self.cache, furthest)
            decisions += new
            if not leaps and any(decision.outcome is Outcome.ACCEPTED for decision in new):
                leaps = self._leap(decisions)
        self._count(bool(leaps), not leaps, sum(leap.steps for leap in leaps))
        self._settled = computation.position()
        spans = tuple(speculator.spans())
        event = Boundary(position, recognition.label, tuple(leaps), tuple(decisions), spans, began, time.perf_counter())
        self._settle(event)
        if self._shadow is not None:
            self._shadow.note(event)
        self._observer.boundary(event)
        return event

    def advance(self) -> None:
        """Take plain steps to the recognizer's next boundary."""
        computation, position = self.computation, self.computation.position()
        if self._target is None:
            supersteps, target = self.due()
            self._resting = supersteps > 1
        else:
            target = self._target
        target = target if self.until is None else min(target, self.until)
        steps = target - position
        recorded = 0 if self._resting else self.speculator.remembers(steps, self.recalled)
        steps = steps if recorded else min(steps, self.ledger.stretch())
        ledger = self.ledger
        began, computed = ledger.clock(), ledger.processor()
        done = answers.advanced(computation.advance(recorded or steps, record=recorded > 0))
        seconds, computed = ledger.clock() - began, ledger.processor() - computed
        tracked = recorded > 0 and not done.hits + done.misses  # a backend that looks up by itself tracks nothing
        steps = done.steps - done.skipped
        ledger.progress(steps, seconds, tracked=tracked, computed=computed, usual=done.usual)
        early = computation.position() < target and not computation.finished()
        self._target = target if early else None
        if done.skipped:  # a backend that leaps within its own advance reports a batch
            self.ledger.batch(done.hits, done.skipped, steps, seconds)
            self.recalled += done.hits
        self._count(done.hits, done.misses, done.skipped)
        if done.recorded is not None:
            with self.ledger.work("insert"):
                self.cache.insert(done.recorded._replace(source=MAIN))
        if early:
            self._observer.paused()

    def _delegated(self) -> bool:
        """Whether a worker has taken the next superstep, so that another boundary here finds it in the cache."""
        if self._target is not None or self.stopped:
            return False
        position, history = self.computation.position(), self.trajectory.snapshots()
        room = None if self.until is None else self.until - position
        delegated = self.speculator.delegate(
            self.computation, history, self._superstep(), self.cache, room, lambda: self.stopped
        )
        if delegated:
            self._settled = None
        return delegated or self.stopped

    def due(self) -> tuple[int, int]:
        """Return how many supersteps to take before the next boundary, and its position; asked once a boundary.

        For a loop outside that drives the engine, and books the steps that it takes with `ledger.progress`.
        """
        superstep, position = self._superstep(), self.computation.position()
        supersteps = self.speculator.rest(superstep)
        return supersteps, self.speculator.awaits(position, position + superstep * supersteps)

    def save_state(self) -> EngineState:
        """Return what a judged run needs, beside the computation's state, to be resumed to the same end."""
        components = {
            name: answers.learnt(self._title, component) if name == "recognizer" else component.state_dict()
            for name, component in self._components().items()
        }
        progress = {"settled": self._settled, "distance": self._distance, "target": self._target}
        counts = {"hits": self.hits, "misses": self.misses, "found": self.found}
        counts |= {"recognised": self.recognised, "passed_over": self.passed_over}
        own = progress | counts | {"segment": self.trajectory.segment, "fault": self._fault}
        return EngineState(components | {"engine": own}, self.trajectory.snapshots())

    def load_state(self, state: EngineState) -> None:
        """Continue from what `save_state` returned; the computation is at that position already."""
        own, components = state.state["engine"], self._components()
        if "recognizer" not in state.state:  # it had raised, and stays switched off
            components.pop("recognizer", None)
        states = {name: state.state[name] for name in components}  # all are there, before anything changes
        if "recognizer" not in components:
            self.recognizer = None
        for name, component in components.items():
            component.load_state_dict(states[name])
        self._settled, self._distance, self._target = own["settled"], own["distance"], own["target"]
        self.hits, self.misses, self.found = own["hits"], own["misses"], own["found"]
        self.recognised, self.passed_over = own["recognised"], own["passed_over"]
        self._fault = own["fault"]
        self.trajectory.restore(state.history, own["segment"])

    def shadow_speedup(self) -> float | None:
        """Return the speed-up of a shadow run, had its leaps been taken; None where that is not known."""
        return None if self._shadow is None else self._shadow.speedup()

    def forget(self) -> None:
        """Forget all earlier states, where the state has another layout from now on."""
        self.trajectory.new_segment()
        self.cache.clear()
        self.speculator.forget()

    def switch_off(self, why: str) -> None:
        """Say from now on that there is no speculation any more; the loop outside does not call `boundary` again."""
        self._fault = f"speculation was switched off: {why.rstrip('.')}"

    def explain(self, *, position: int, over: bool) -> str:
        """Say in one sentence why there is a gain, or none, after so many steps."""
        ledger = self.ledger
        paid = ledger.plain + ledger.spent + ledger.started
        facts = Facts(
            speedup=ledger.speedup(),
            skipped=ledger.skipped,
            gained=ledger.gained,
            position=position,
            recalled=self.recalled,
            leaps=ledger.leaps,
            over=over,
            shadow=self._shadow is not None,
            spent_share=(ledger.spent + ledger.started) / paid if paid else 0.0,
            passed_over=0 if self.recognised else self.passed_over,
            shadow_speedup=self.shadow_speedup(),
            fault=self._fault,
        )
        return self.speculator.explain(facts)

    def _components(self) -> dict[str, Ledger | Recognizer | Speculator | Cache | Shadow]:
        components: dict[str, Ledger | Recognizer | Speculator | Cache | Shadow] = {
            "ledger": self.ledger,
            "speculator": self.speculator,
            "cache": self.cache,
        }
        if self._shadow is not None:
            components["shadow"] = self._shadow
        if self.recognizer is not None:
            components["recognizer"] = self.recognizer
        return components

    def _count(self, hits: int, misses: int, found: int) -> None:
        self.hits += hits
        self.misses += misses
        self.found += found

    def _recognise(self) -> Recognition:
        recognition, recognizer = _NO_RECOGNIZER, self.recognizer
        if recognizer is not None:
            try:
                with self.ledger.work("recognise"):
                    answer = call(self._title, recognizer.recognise, self.computation)
                recognition = answers.recognition(answer)
            except Exception as error:  # noqa: BLE001 -- a recognizer is foreign code, and must never end the run
                self._without_recognizer(error)
        if recognition.speculate:
            self.recognised += 1
        else:
            self.passed_over += 1
        self._observer.recognised(recognition)
        return recognition

    def _superstep(self) -> int:
        """Steps to the recognizer's next boundary, at least one; as many as before where there is no recognizer."""
        if self.recognizer is not None:
            position = self.computation.position()
            try:
                answer = call(self._title, self.recognizer.next_boundary, position, self.computation)
                boundary = answers.whole("next_boundary", answer)
                self._distance = max(1, boundary - position)
            except Exception as error:  # noqa: BLE001 -- as above
                self._without_recognizer(error)
        return self._distance

    def _follow(self) -> None:
        if self.recognizer is not None:
            try:
                with self.ledger.work("recognise"):
                    call(self._title, self.recognizer.follow, self.computation)
            except Exception as error:  # noqa: BLE001 -- as above
                self._without_recognizer(error)

    def _without_recognizer(self, error: Exception) -> None:
        self.recognizer, name = None, self._recognizer_name
        self._fault = f"speculation was switched off after the recognizer {name} {what_it_did(error)}"
        self._observer.fault(Fault("recognizer", name, describe_error(error), switched_off=True))

    def _arrived(self) -> bool:
        return self.computation.finished() or (self.until is not None and self.computation.position() >= self.until)

    def _leap(self, decisions: list[Decision]) -> list[Transition]:
        """Look up and apply; where hits may chain, repeat until the cache has none.

        Results are collected at each position on the way: one that a chain uses would otherwise count as late.
        """
        leaps: list[Transition] = []
        while len(self.cache) and self.speculator.chains(len(leaps)) and not self._arrived():
            with self.ledger.work("lookup"):
                found = self.cache.lookup(self.computation, self.until)
            if found is None:
                break
            leaps.append(found)
            if self._shadow is not None:
                break
            self._apply(found)
            decisions += self.speculator.collect(self.computation, self.cache)
        return leaps

    def _observe(self) -> None:
        computation = self.computation
        with self.ledger.work("observe"):
            snapshot = answers.instance("observe", computation.observe(), Snapshot, "asc.Snapshot")
            self.trajectory.append(snapshot)
            if "words" in computation.provides:
                self.excited.note(computation.read("words", (snapshot,))[0])

    def _apply(self, leap: Transition) -> None:
        same_trajectory = self.speculator.leap(self.computation, leap)
        self.ledger.leap(leap.steps, leap.steps if leap.gain_steps is None else leap.gain_steps)
        self.recalled += leap.source == MAIN
        if not same_trajectory:
            self.cache.discard(leap)
            self.trajectory.new_segment()
            self._follow()
        self._observe()

    def _settle(self, boundary: Boundary) -> None:
        for fault in self.speculator.settle(boundary, applied=self._shadow is None):
            self._observer.fault(fault)
        for decision in boundary.decisions:
            if self.recognizer is not None:
                try:
                    call(self._title, self.recognizer.learn, decision)
                except Exception as error:  # noqa: BLE001 -- as above
                    self._without_recognizer(error)
