"""Observes an engine for hooks, views, the record, kept positions and the summary."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asc import answers
from asc.computation import Computation
from asc.engine import Engine, Observer
from asc.errors import describe_error
from asc.plugins.notify import Notifier
from asc.run.replay.recorder import Recorder
from asc.types import Boundary, Fault, Outcome, Recognition, Status

_PROGRESS_S = 1.0  # seconds between two calls of the progress hook, within a long superstep


class Monitor(Observer):
    """What hooks see of a run (`RunView`), whether `Run` or a training loop outside takes its steps.

    `attach` connects the monitor with its engine. Before that, it only collects warnings.
    """

    def __init__(self, backend: str, config: Mapping[str, Any], folder: Path | None = None) -> None:
        self.backend, self.config, self.folder = backend, config, folder
        self.started = time.time()
        self.warnings: list[str] = []
        self.recorder: Recorder | None = None
        self.first = 0  # position at which this part of the run began
        self.label = "plain"
        self._engine: Engine | None = None
        self._notifier: Notifier | None = None
        self._began = time.perf_counter()
        self._seconds: float | None = None
        self._reported = self._began

    def attach(self, engine: Engine, notifier: Notifier | None) -> None:
        """Follow this engine, and call these hooks; none where another process of the run calls them."""
        self._engine, self._notifier = engine, notifier
        self.first = engine.computation.position()
        for remark in engine.speculator.remarks:
            self.warn(remark)

    def begin(self) -> None:
        """Start the clock, and tell the hooks that the run begins, or continues after an interruption."""
        self._began = self._reported = time.perf_counter()
        if self._notifier is not None:
            self._notifier.run_started(self)

    def stop_clock(self) -> None:
        """Stop the clock: the run is over."""
        self._seconds = time.perf_counter() - self._began

    def end(self, summary: Mapping[str, Any]) -> None:
        """Tell the hooks that the run is over."""
        if self._notifier is not None:
            self._notifier.run_finished(self, summary)

    def warn(self, sentence: str) -> None:
        """Keep a warning for the summary; the same sentence is kept once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    @property
    def run_dir(self) -> str | None:
        """The folder of the run, as the summary has it."""
        return None if self.folder is None else str(self.folder)

    @property
    def seconds(self) -> float:
        """Seconds of this part of the run so far, or in all once it has ended."""
        return time.perf_counter() - self._began if self._seconds is None else self._seconds

    def recognised(self, recognition: Recognition) -> None:
        """Keep the position for a replay, where there is a recorder. No judged leap has left it yet."""
        recorder, engine = self.recorder, self._engine
        if recorder is not None and engine is not None and recorder.wants(engine.computation.position()):
            with engine.ledger.work("checkpoint", speculative=False):
                recorder.keep(engine.computation, engine.trajectory.segment, recognition.label)

    def boundary(self, boundary: Boundary) -> None:
        """Tell the hooks, at speculation's expense: a plain run has fewer boundaries."""
        if self._engine is not None:
            with self._engine.ledger.work("notify"):
                self.notify(boundary)

    def notify(self, boundary: Boundary) -> None:
        """Tell the hooks of a boundary."""
        self.label = boundary.label
        if self._notifier is not None:
            self._notifier.boundary(self, boundary)
        self._reported = time.perf_counter()

    def step(self) -> None:
        """Tell the hooks of progress within a long superstep, about once a second."""
        now = time.perf_counter()
        if now - self._reported > _PROGRESS_S and self._notifier is not None:
            self._reported = now
            self._notifier.progress(self)

    def fault(self, fault: Fault) -> None:
        """Warn of a component that has raised."""
        component = f"The {fault.kind} {fault.name!r}"
        if fault.switched_off:
            self.warn(f"{component} was switched off, and the run continued without it: {fault.why}.")
        else:
            self.warn(f"{component} {fault.why}: the candidate was not judged.")

    def summary(self, state: str) -> dict[str, Any]:
        """Return the fields that every run's summary has, in values that JSON can hold."""
        status, engine = self.status(), self._followed()
        outcomes = engine.speculator.outcomes
        horizons = {
            str(steps): {"settled": horizon.settled, "accepted": horizon.accepted}
            for steps, horizon in outcomes.horizons().items()
        }
        return {
            "backend": self.backend,
            "config": dict(self.config),
            "state": state,
            "position": status.position,
            "total": status.total,
            "final_digest": "",
            "outcome": {},
            "seconds": status.seconds,
            "plain_seconds": None,
            "net_speedup": None,
            "identical": None,
            "estimated_speedup": status.estimated_speedup,
            "ceiling": status.ceiling if math.isfinite(status.ceiling) else None,
            "hit_rate": status.hit_rate,
            "hits": status.hits,
            "misses": status.misses,
            "skipped": status.skipped,
            "accepted": outcomes.counts.get(Outcome.ACCEPTED.value, 0),
            "rejected": outcomes.counts.get(Outcome.REJECTED.value, 0),
            "acceptance_rate": status.acceptance_rate,
            "mean_accepted_horizon": status.mean_accepted_horizon,
            "horizons": horizons,
            "outcomes": dict(status.outcomes),
            "workers": status.workers,
            "excited": list(status.excited),
            "read": sorted(engine.cache.words_read()),
            "words": status.words,
            "reason": status.reason,
            "ledger": engine.ledger.accounts(),
            "cache": dict(engine.cache.stats()),
            "resumed_from": self.first,
            "shadow": False,
            "shadow_speedup": engine.shadow_speedup(),
            "warnings": list(self.warnings),
            "run_dir": self.run_dir,
            **engine.speculator.figures(),
        }

    def status(self) -> Status:
        """Take stock. Raises RuntimeError before `attach`."""
        engine = self._followed()
        computation, ledger, speculator = engine.computation, engine.ledger, engine.speculator
        newest = engine.trajectory.snapshots()[-1:]
        words = computation.read("words", newest)[0] if newest and "words" in computation.provides else {}
        outcomes, steps = speculator.outcomes, computation.position() - self.first
        return Status(
            position=computation.position(),
            total=computation.total(),
            seconds=self.seconds,
            label=self.label,
            hits=engine.hits,
            misses=engine.misses,
            skipped=ledger.skipped,
            hit_rate=speculator.hit_rate(engine.found, steps),
            outcomes=dict(outcomes.counts),
            acceptance_rate=outcomes.acceptance_rate,
            mean_accepted_horizon=outcomes.mean_accepted_horizon,
            workers=speculator.workers,
            busy=speculator.busy(),
            excited=tuple(sorted(engine.excited.names)),
            words=len(words),
            estimated_speedup=ledger.speedup(),
            ceiling=speculator.ceiling(engine.recalled),
            reason=engine.explain(position=steps, over=self._seconds is not None),
            measures=self._measures(computation),
            leaps=ledger.leaps,
            gained=ledger.gained / ledger.unit if ledger.unit else 0.0,
            spent=ledger.spent / ledger.unit if ledger.unit else 0.0,
        )

    def _measures(self, computation: Computation) -> Mapping[str, float]:
        """Ask for the newest figures, which only views need: what is raised there is a warning."""
        try:
            return dict(answers.instance("measures", computation.measures(), Mapping, "numbers by name"))
        except Exception as error:  # noqa: BLE001 -- a backend is foreign code
            self.warn(f'The measures of the backend "{self.backend}" are not known: {describe_error(error)}.')
            return {}

    def _followed(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the monitor has no engine yet: call attach(engine, notifier) first")
        return self._engine
