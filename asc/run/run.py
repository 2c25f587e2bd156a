"""One run, from configuration to summary: puts the parts together, records, checkpoints, compares."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from asc.allocator import Allocator
from asc.backend import Backend, Caches, Figures, Pool
from asc.cache import TrajectoryCache
from asc.computation import Cache, InPlace, Measures, Predictor, Recognizer, Remarks, Unhurried, Validator
from asc.config.run import require_distinct
from asc.engine import Engine
from asc.errors import AscError, describe_error
from asc.interrupts import stoppable
from asc.ledger import Ledger
from asc.plugins import Plugins
from asc.reason import Facts, reason
from asc.run.replay.recorder import Keeper
from asc.speculators import Executed, Judged
from asc.speculators.guess import require_needs
from asc.speculators.judged import merit
from asc.trajectory import Trajectory
from asc.types import Boundary, Memory, Outcome, Recognition, Status

A = TypeVar("A")
CHECKPOINTS = "checkpoints"
_TELL_S = 1.0  # between two boundaries, those who watch are told of progress this often
_CHUNK_S = 0.25  # a plain run looks up this often, to be stopped or to report


class Run:
    """A run that plugins can watch (`RunView`), be it speculative or plain.

    `folder` is where it is recorded, if anywhere; `resume` continues from the folder's checkpoint.
    """

    def __init__(
        self,
        backend: Backend[Any],
        name: str,
        plugins: Plugins,
        *,
        folder: Path | None = None,
        resume: bool = False,
        shadow: bool = False,
        speculate: bool = True,
    ) -> None:
        self.backend, self.folder, self.shadow, self.speculate = name, folder, shadow, speculate
        self.config: Mapping[str, Any] = backend.config.model_dump(mode="json")
        self.started = time.time()
        self.warnings: list[str] = []
        self.stopped = False
        self._backend, self._settings, self._plugins = backend, backend.config, plugins
        self.computation = self._backend.computation(plain=not speculate)
        self.first = 0  # position at which this stretch of the run began
        memory = self._backend.load(self.computation, folder / CHECKPOINTS) if resume and folder is not None else None
        if memory is not None:
            self.first = self.computation.position()
        elif resume:
            self.warn("There was no checkpoint yet to go on from, so the run begins at its start.")
        self._notifier = plugins.notifier(self.warn)
        self._outcomes: Counter[str] = Counter()
        self._regimes: Counter[str] = Counter()
        self._leaps: list[dict[str, Any]] = []
        self._label = "plain"
        self._began = time.perf_counter()
        self._seconds: float | None = None
        self._saved = self._told = self._began
        self._keeping = self._keeper()
        self._recognised = Counter[bool]()  # boundaries, by whether they were found worth guessing from
        self._build(self._backend.pool(self.computation) if speculate else None)
        if memory is not None and memory.state:
            self.engine.remember(memory)
            told = memory.state["run"]
            self._outcomes.update(told["outcomes"])
            self._regimes.update(told["regimes"])
            self._leaps += told["leaps"]

    def warn(self, sentence: str) -> None:
        """Keep a warning for the summary, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def execute(self) -> dict[str, Any]:
        """Run to the end, or until stopped; return the summary. The speculator is closed whatever happens."""
        self._began = self._saved = self._told = time.perf_counter()
        self._notifier.run_started(self)
        try:
            with stoppable(self.stop):
                if self.speculate:
                    self.engine.run()
                else:
                    self._run_plain()
        except AscError:
            self._finish("failed")
            raise
        finally:
            self.engine.speculator.close()
        return self._finish("finished" if self.computation.finished() else "interrupted")

    def stop(self) -> None:
        """Ask for a clean end at the next boundary."""
        self.stopped = True
        self.engine.stop()

    def status(self) -> Status:
        """Take stock."""
        engine, computation, ledger = self.engine, self.computation, self.ledger
        workers, capacity = engine.speculator.workers, engine.speculator.capacity()
        newest = engine.trajectory.snapshots()[-1:]
        words = computation.read("words", newest)[0] if newest and "words" in computation.provides else {}
        return Status(
            position=computation.position(),
            total=computation.total(),
            seconds=self.seconds,
            label=self._label,
            hits=engine.hits,
            misses=engine.misses,
            skipped=ledger.skipped,
            hit_rate=min(1.0, engine.found / max(1, computation.position() - self.first)),
            outcomes=dict(self._outcomes),
            workers=workers,
            busy=max(0, workers - capacity) if workers else 0,
            excited=tuple(sorted(engine.excited.names)),
            words=len(words),
            estimated_speedup=ledger.speedup(),
            ceiling=math.inf
            if engine.recalled or not computation.exact
            else 1 + workers / max(1.0, engine.speculator.slowdown() or 1.0),
            reason=self._reason(),
            measures=dict(computation.measures()) if isinstance(computation, Measures) else {},
            judged=not computation.exact,
        )

    @property
    def seconds(self) -> float:
        """Seconds of this stretch so far, or in all once it has ended."""
        return time.perf_counter() - self._began if self._seconds is None else self._seconds

    def summary(self, state: str) -> dict[str, Any]:
        """Return what `summary.json` and `--json` hold, before any comparison with a plain run."""
        status = self.status()
        outcomes = status.outcomes
        judged = {} if self.computation.exact else {"regimes": dict(self._regimes), "leaps": self._leaps}
        figures: Mapping[str, Any] = {}
        if isinstance(backend := self._backend, Figures):
            figures = self._asked(state, "figures", lambda: backend.figures(self.computation)) or {}
        kept = {} if self._keeping is None else {"trajectory": self._keeping.summary()}
        return {
            "backend": self.backend,
            "config": dict(self.config),
            "state": state,
            "position": status.position,
            "total": status.total,
            "final_digest": self._asked(state, "digest", self.computation.digest) or "",
            "outcome": dict(self._asked(state, "outcome", lambda: self._backend.outcome(self.computation)) or {}),
            "seconds": status.seconds,
            "plain_seconds": None,
            "net_speedup": None,
            "identical": None,
            "estimated_speedup": status.estimated_speedup if self.speculate else None,
            "ceiling": status.ceiling if math.isfinite(status.ceiling) else None,
            "hit_rate": status.hit_rate,
            "hits": status.hits,
            "misses": status.misses,
            "skipped": status.skipped,
            "accepted": outcomes.get(Outcome.ACCEPTED.value, 0),
            "rejected": outcomes.get(Outcome.REJECTED.value, 0),
            "outcomes": dict(outcomes),
            "workers": status.workers,
            "excited": list(status.excited),
            "words": status.words,
            "reason": status.reason,
            "ledger": self.ledger.accounts(),
            "cache": self.engine.cache.stats(),
            "resumed_from": self.first,
            "shadow": self.shadow,
            "warnings": list(self.warnings),
            "run_dir": None if self.folder is None else str(self.folder),
            **judged,
            **kept,
            **figures,
        }

    def _asked(self, state: str, what: str, ask: Callable[[], A]) -> A | None:
        """Ask the backend about the end. What it raises after a failure must not hide that: None, and a warning."""
        if state != "failed":
            return ask()
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 -- a backend is anybody's code, and has failed already
            self.warn(f"The {what} of the failed run cannot be told: {describe_error(error)}.")
            return None

    def _build(self, pool: Pool | None) -> None:
        config, create, computation = self._settings, self._plugins.registry.create, self.computation
        overdraft = math.inf if self.shadow else config.allocator.overdraft
        self.ledger = Ledger(computation.exact, overdraft)
        require_distinct([component.name for component in config.predictors])
        predictors: dict[str, Predictor] = {
            component.name: create("predictor", component.name, component.settings) for component in config.predictors
        }
        recognizer: Recognizer = create("recognizer", config.recognizer.name, config.recognizer.settings)
        require_needs("predictor", predictors, computation)
        require_needs("recognizer", {config.recognizer.name: recognizer}, computation)
        validator: Validator = create("validator", config.validator.name, config.validator.settings)
        in_place = [name for name, part in predictors.items() if isinstance(part, InPlace) and part.in_place]
        backend: object = self._backend
        cache: Cache = backend.cache(computation) if isinstance(backend, Caches) else TrajectoryCache(config.cache)
        speculator: Executed | Judged
        if pool is None:
            speculator = Judged(predictors, validator, self.ledger)
        else:
            speculator = Executed(predictors, pool.make, pool.workers, self.ledger, pool.start_s)
        self.engine = Engine(
            computation,
            recognizer,
            speculator,
            cache=cache,
            allocator=Allocator(config.allocator, list(predictors), self.ledger, in_place),
            ledger=self.ledger,
            trajectory=Trajectory(config.history),
            shadow=self.shadow,
            on_recognised=self._on_recognised,
            on_boundary=self._on_boundary,
            on_fault=self._on_fault,
            on_pause=self._checkpoint_if_due,
        )
        if isinstance(computation, Unhurried):
            computation.on_step = self._on_step

    def _on_boundary(self, boundary: Boundary) -> None:
        self._label = boundary.label
        for attempt in boundary.attempts:
            self._outcomes[attempt.outcome.value] += 1
        if not self.computation.exact:
            self._note(boundary)
        since = self.ledger.clock()
        self._notifier.boundary(self, boundary)
        self._told = time.perf_counter()
        self.ledger.charge("notify", since, self.computation.cost("notify"))
        self._checkpoint_if_due()

    def _note(self, boundary: Boundary) -> None:
        """Keep what a judged run is told by: its regimes, and every candidate that was judged."""
        self._regimes[boundary.label] += 1
        accepted = [attempt for attempt in boundary.attempts if attempt.outcome is Outcome.ACCEPTED]
        taken = max(accepted, key=merit) if accepted and boundary.leaps else None
        self._leaps += [
            {
                "position": boundary.position,
                "predictor": attempt.plan.predictor,
                "horizon": attempt.plan.horizon if attempt.reached is None else attempt.reached,
                "regime": boundary.label,
                "accepted": attempt.outcome is Outcome.ACCEPTED,
                "taken": attempt is taken,
                "gate_change": attempt.change,
                "gain_steps": attempt.gain_steps,
                "reason": attempt.reason,
            }
            for attempt in boundary.attempts
            if attempt.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
        ]

    def _on_step(self) -> bool:
        """Give those who watch their turn within a long superstep; return whether a checkpoint is due."""
        now = time.perf_counter()
        if now - self._told > _TELL_S:
            self._told = now
            self._notifier.progress(self)
        return self._due(now)

    def _on_fault(self, name: str, why: str) -> None:
        self.warn(f"{name!r} was switched off, and the run went on without it: {why}.")

    def _checkpoint_if_due(self) -> None:
        if self._due(time.perf_counter()):
            self._checkpoint()

    def _due(self, now: float) -> bool:
        return self.folder is not None and now - self._saved > self._settings.checkpoint_seconds

    def _checkpoint(self) -> None:
        if self.folder is None:
            return
        since = self.ledger.clock()
        try:
            memory = Memory() if self.computation.exact else self._memory()
            self._backend.save(self.computation, self.folder / CHECKPOINTS, memory)
        except OSError as error:
            self.warn(f"The checkpoint at position {self.computation.position()} could not be written: {error}.")
        self._saved = self.ledger.clock()
        self.ledger.book("checkpoint", self._saved - since)  # a plain run has them as well

    def _keeper(self) -> Keeper | None:
        """Who keeps places, where that was asked for; a warning where there will be none to keep."""
        most = self._settings.keep_trajectory
        if not most or self.folder is None:
            return None
        if self.computation.exact:
            self.warn(
                "keep_trajectory keeps nothing of an exact run: `asc bench-predictor` walks it again from its settings."
            )
            return None
        if not self.speculate:
            self.warn(
                "keep_trajectory keeps nothing of a plain run, which has no boundaries: for the same steps with them, "
                "run it with --shadow instead of --no-speculation."
            )
            return None
        return Keeper(self.folder, most, self._backend, self.warn, self.first)

    def _on_recognised(self, recognition: Recognition) -> None:
        """Hear of each boundary before any judged leap."""
        self._recognised[recognition.speculate] += 1
        if self._keeping is not None:
            since = self.ledger.clock()
            if self._keeping.keep(self.computation, self.engine.trajectory.segment, recognition.label):
                self.ledger.book("checkpoint", self.ledger.clock() - since)  # no predictor had a part in it

    def _memory(self) -> Memory:
        """What the engine remembers, and what has been told of the run so far."""
        told = {"outcomes": dict(self._outcomes), "regimes": dict(self._regimes), "leaps": list(self._leaps)}
        state, history = self.engine.memory()
        return Memory({**state, "run": told}, history)

    def _run_plain(self) -> None:
        """No engine in between: the computation's own steps, in stretches of a fraction of a second."""
        computation, steps = self.computation, 1
        while not computation.finished() and not self.stopped:
            began, wall, since = computation.position(), time.time(), self.ledger.clock()
            done = computation.advance(steps)
            seconds = self.ledger.progress(done.steps, since) - since
            steps = max(1, min(2 * steps, int(_CHUNK_S * done.steps / max(seconds, 1e-9))))
            self._notifier.boundary(self, Boundary(began, "plain", (), (), (), wall, wall))
            self._checkpoint_if_due()

    def _finish(self, state: str) -> dict[str, Any]:
        self._seconds = time.perf_counter() - self._began
        if state != "failed":
            self._checkpoint()
        if isinstance(self.computation, Remarks):
            self.warnings += self.computation.remarks
        summary = self.summary(state)
        self._notifier.run_finished(self, summary)
        summary["warnings"] = list(self.warnings)
        return summary

    def _reason(self) -> str:
        if not self.speculate:
            return "Speculation was switched off."
        ledger, speculator = self.ledger, self.engine.speculator
        paid = ledger.work + ledger.spent + ledger.started
        return reason(
            Facts(
                speedup=ledger.speedup(),
                skipped=ledger.skipped,
                gained=ledger.gained,
                position=self.computation.position() - self.first,
                recalled=self.engine.recalled,
                leaps=ledger.leaps,
                outcomes=self._outcomes,
                workers=speculator.workers,
                slowdown=speculator.slowdown(),
                fault=speculator.fault,
                exact=self.computation.exact,
                over=self._seconds is not None,
                shadow=self.shadow,
                spent_share=(ledger.spent + ledger.started) / paid if paid else 0.0,
                awaited=isinstance(speculator, Executed) and speculator.awaited,
                passed_over=0 if self._recognised[True] else self._recognised[False],
            )
        )
