"""The engine: one short loop.

    while not computation.finished():
        boundary()                 # recognise; speculate; look up; apply a hit
        computation.advance(...)   # to the recognizer's next boundary

A leap is always a cache hit; only the speculator differs. The loop knows no backend, no tensor library, no terminal.
It can be driven from outside, one `boundary()` at a time, where somebody else's loop does the stepping.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from asc.allocator import Allocator
from asc.computation import Cache, Computation, Follows, Learns, Recognizer, Speculator, Stateful, Stoppable
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.recognizers.never import Never
from asc.spotcheck import check_first_step, check_leap
from asc.trajectory import Trajectory
from asc.types import Attempt, Boundary, Memory, Outcome, Recognition, Transition
from asc.words import Excited

MAIN = "main"  # the source of transitions that the main thread remembered itself


class Engine:
    """Drives one computation; made of parts that can each be replaced."""

    def __init__(
        self,
        computation: Computation,
        recognizer: Recognizer,
        speculator: Speculator,
        *,
        cache: Cache,
        allocator: Allocator,
        ledger: Ledger,
        trajectory: Trajectory | None = None,
        shadow: bool = False,
        chain: int = 1024,
        on_recognised: Callable[[Recognition], None] | None = None,
        on_boundary: Callable[[Boundary], None] | None = None,
        on_fault: Callable[[str, str], None] | None = None,
        on_pause: Callable[[], None] | None = None,
    ) -> None:
        self.computation, self.speculator = computation, speculator
        self.recognizer: Recognizer = recognizer
        self.cache, self.allocator, self.ledger = cache, allocator, ledger
        self.trajectory, self.excited = trajectory or Trajectory(), Excited()
        self._shadow, self._chain = shadow, chain if computation.exact else 1
        self._on_recognised, self._on_boundary = on_recognised, on_boundary
        self._on_fault, self._on_pause = on_fault, on_pause
        self.stopped = False
        self.until: int | None = None
        self._checked, self._next_check = False, 0  # the first step was checked; the leap that will be
        self._settled: int | None = None  # where the newest boundary has left the computation
        self._distance = 1  # the last superstep's
        self._target: int | None = None  # the boundary that is under way where the run has paused between two
        self.recalled = 0  # hits on what the main thread itself had remembered
        self.hits = self.misses = 0  # look-ups that found a way on, be it a chain of leaps; and that found none
        self.found = 0  # steps of what was found

    def run(self, until: int | None = None) -> None:
        """Walk to the end, to position `until`, or to the next boundary after `stop`."""
        self.until = until
        if self.computation.exact and not self._checked and not self._arrived():
            self._checked = True
            since = self.ledger.clock()
            check_first_step(self.computation)
            self.ledger.start("spot-check", self.ledger.clock() - since)
        while not self.stopped and not self._arrived():
            if self._target is None and self._settled != self.computation.position():
                self.boundary()
            if not self.stopped and not self._arrived():
                self.advance()

    def stop(self) -> None:
        """Ask for an end at the next boundary; safe to call from a signal handler or another thread."""
        self.stopped = True
        if isinstance(self.computation, Stoppable):
            self.computation.stop()

    def boundary(self) -> Boundary:
        """Recognise, speculate, look up, apply a hit."""
        began, computation, position = time.time(), self.computation, self.computation.position()
        attempts = list(self.speculator.collect(computation, self.cache))
        self._observe()
        leaps = self._leap(attempts) if computation.exact else []
        asked = bool(leaps) or len(self.cache) > 0
        recognition = self._recognise()
        if self._on_recognised is not None:
            self._on_recognised(recognition)
        if not computation.exact:  # recognised is what the steps have led to, and not a leap
            leaps = self._leap(attempts)
        if recognition.speculate and not self._arrived() and (computation.exact or not leaps):
            fresh = self._speculate()
            attempts += fresh
            if not leaps and any(attempt.outcome is Outcome.ACCEPTED for attempt in fresh):
                leaps = self._leap(attempts)
        self.speculator.settle(leaps if not self._shadow else ())
        for attempt in attempts:
            self._learn(attempt)
        self._count(bool(leaps), asked and not leaps, sum(leap.steps for leap in leaps))
        self._settled = computation.position()
        spans = tuple(self.speculator.spans())
        event = Boundary(position, recognition.label, tuple(leaps), tuple(attempts), spans, began, time.time())
        if self._on_boundary is not None:
            self._on_boundary(event)
        return event

    def advance(self) -> None:
        """Take plain steps to the recognizer's next boundary."""
        computation, position = self.computation, self.computation.position()
        supersteps, target = self.due() if self._target is None else (1, self._target)
        target = target if self.until is None else min(target, self.until)
        record = computation.exact and supersteps == 1 and self.allocator.remembers(self.recalled)
        since = self.ledger.clock()
        done = computation.advance(target - position, record)
        cut = not computation.exact and computation.position() < target  # it was asked to return early
        self._target = target if cut else None
        since = self.ledger.progress(done.steps - done.skipped, since, tracked=record)
        if done.skipped:  # a backend that leaps within its own advance reports a batch
            self.ledger.leap(done.skipped, done.skipped)
        self._count(done.hits, done.misses, done.skipped)
        if done.learnt is not None:
            self.cache.insert(done.learnt._replace(source=MAIN))
            self.ledger.charge("insert", since, computation.cost("insert"))
        if cut and self._on_pause is not None:
            self._on_pause()

    def due(self) -> tuple[int, int]:
        """Return how many supersteps to take before the next boundary, and its position; asked once a boundary.

        For whoever drives the engine from outside, and tells `ledger.progress` of the steps taken.
        """
        superstep = self._superstep()
        supersteps = self.allocator.rest(superstep)
        return supersteps, self.computation.position() + superstep * supersteps

    def memory(self) -> Memory:
        """Return what a run of an inexact computation needs, beside its state, to be resumed to the same end."""
        state = {name: part.state_dict() for name, part in self._stateful().items()}
        place = {"settled": self._settled, "distance": self._distance, "target": self._target}
        counts = {"hits": self.hits, "misses": self.misses, "found": self.found}
        own = place | counts | {"segment": self.trajectory.segment}
        return Memory(state | {"engine": own}, self.trajectory.snapshots())

    def remember(self, memory: Memory) -> None:
        """Go on where the engine was that returned this; the computation is there already."""
        for name, part in self._stateful().items():
            part.load_state_dict(memory.state[name])
        own = memory.state["engine"]
        self._settled, self._distance, self._target = own["settled"], own["distance"], own["target"]
        self.hits, self.misses, self.found = own["hits"], own["misses"], own["found"]
        self.trajectory.restore(memory.history, own["segment"])

    def _stateful(self) -> dict[str, Stateful]:
        parts = {
            "ledger": self.ledger,
            "allocator": self.allocator,
            "recognizer": self.recognizer,
            "speculator": self.speculator,
            "cache": self.cache,
        }
        return {name: part for name, part in parts.items() if isinstance(part, Stateful)}

    def _count(self, hits: int, misses: int, found: int) -> None:
        self.hits += hits
        self.misses += misses
        self.found += found

    def _recognise(self) -> Recognition:
        since = self.ledger.clock()
        try:
            return self.recognizer.recognise(self.computation)
        except Exception as error:  # noqa: BLE001 -- a recognizer is anybody's code, and must never end the run
            return self._rest(error)
        finally:
            self.ledger.charge("recognise", since, self.computation.cost("recognise"))

    def _follow(self) -> None:
        if isinstance(self.recognizer, Follows):
            since = self.ledger.clock()
            try:
                self.recognizer.follow(self.computation)
            except Exception as error:  # noqa: BLE001 -- as above
                self._rest(error)
            self.ledger.charge("recognise", since, self.computation.cost("recognise"))

    def _superstep(self) -> int:
        """Steps to the recognizer's next boundary, at least one."""
        position = self.computation.position()
        try:
            distance = self.recognizer.next_boundary(position, self.computation) - position
        except Exception as error:  # noqa: BLE001 -- as above
            self._rest(error)
            distance = self._distance
        self._distance = max(1, distance)
        return self._distance

    def _rest(self, error: Exception) -> Recognition:
        """Go on without the recognizer, which has raised."""
        if self._on_fault is not None:
            self._on_fault(type(self.recognizer).__name__, describe_error(error))
        self.recognizer = Never(Never.Config(steps=self._distance))
        return self.recognizer.recognise(self.computation)

    def _arrived(self) -> bool:
        return self.computation.finished() or (self.until is not None and self.computation.position() >= self.until)

    def _speculate(self) -> list[Attempt]:
        speculator, since = self.speculator, self.ledger.clock()
        capacity, slowdown = speculator.capacity(), speculator.slowdown() or 1.0
        plans = self.allocator.plans(self.computation, self._superstep(), capacity, speculator.covered(), slowdown)
        self.ledger.charge("plan", since)
        history = self.trajectory.snapshots()
        return list(self.speculator.speculate(self.computation, history, plans, self.cache)) if plans else []

    def _leap(self, attempts: list[Attempt]) -> list[Transition]:
        """Look up and apply, over and over where hits may chain, settling what was sent off for each place on the way.

        Otherwise a result that was used in a chain would be found passed at the next boundary, and be called late.
        """
        leaps: list[Transition] = []
        while len(leaps) < self._chain and not self._arrived():
            found = self._lookup()
            if found is None:
                break
            leaps.append(found)
            if self._shadow:
                break
            self._apply(found)
            attempts += self.speculator.collect(self.computation, self.cache)
        return leaps

    def _observe(self) -> None:
        computation, since = self.computation, self.ledger.clock()
        snapshot = computation.observe()
        self.trajectory.append(snapshot)
        if "words" in computation.provides:
            self.excited.note(computation.read("words", (snapshot,))[0])
        self.ledger.charge("observe", since, computation.cost("observe"))

    def _lookup(self) -> Transition | None:
        if not len(self.cache):
            return None
        since = self.ledger.clock()
        found = self.cache.lookup(self.computation, self.until)
        self.ledger.charge("lookup", since, self.computation.cost("lookup"))
        return found

    def _apply(self, leap: Transition) -> None:
        computation, since = self.computation, self.ledger.clock()
        affordable = leap.steps * self.ledger.unit < self.ledger.allowance() / 32
        if computation.exact and self.ledger.leaps >= self._next_check and affordable:
            self._next_check = 16 * self.ledger.leaps + 1
            check_leap(computation, leap)
            self.ledger.charge("spot-check", since)
        else:
            computation.apply(leap)
            self.ledger.charge("apply", since, computation.cost("apply"))
        self.ledger.leap(leap.steps, leap.steps if leap.gain_steps is None else leap.gain_steps)
        self.recalled += leap.source == MAIN
        if not computation.exact:
            self.cache.discard(leap)  # it has bent the way: nothing will come by here again
            self.trajectory.new_segment()
            self._follow()
        self._observe()

    def _learn(self, attempt: Attempt) -> None:
        self.allocator.learn(attempt)
        if isinstance(self.recognizer, Learns):
            try:
                self.recognizer.learn(attempt)
            except Exception as error:  # noqa: BLE001 -- as above
                self._rest(error)
        if attempt.outcome is Outcome.FAILED:
            first = self.allocator.drop(attempt.plan.predictor)
            if first and self._on_fault is not None:
                self._on_fault(attempt.plan.predictor, attempt.reason)
