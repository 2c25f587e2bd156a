"""One run, from configuration to summary: assembles the engine, records, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from asc.assemble import assemble
from asc.backend import Backend
from asc.engine import Engine
from asc.errors import AscError, describe_error
from asc.interrupts import stoppable
from asc.plugins import Plugins
from asc.run.monitor import Monitor
from asc.run.replay.recorder import Recorder
from asc.speculators.pool import NO_WORKERS
from asc.types import Boundary, Status

A = TypeVar("A")
CHECKPOINTS = "checkpoints"
_CHUNK_S = 0.25  # seconds of steps after which a plain run reports, and can be stopped


class Run(Monitor):
    """A run of a backend's computation, speculative or plain, that hooks can watch.

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
        digest: bool = True,
    ) -> None:
        super().__init__(name, backend.config.model_dump(mode="json"), folder)
        self.shadow, self.speculate, self.stopped = shadow, speculate, False
        self._digest = digest  # whether the summary has the digest of the end, which takes time where states are large
        self._backend, self._settings, self._group = backend, backend.config, backend.group
        self._stop_asked = False
        self.computation = backend.computation(plain=not speculate)
        state = backend.load(self.computation, folder / CHECKPOINTS) if resume and folder is not None else None
        if resume and state is None:
            self.warn("There was no checkpoint yet to resume from, so the run begins at its start.")
        self._saved = time.perf_counter()
        self.engine: Engine = assemble(
            self.computation,
            backend.config,
            plugins.registry.create,
            cache=backend.cache(self.computation),
            pool=backend.pool(self.computation) if speculate else NO_WORKERS,
            shadow=shadow,
            observer=self,
        )
        self.attach(self.engine, plugins.notifier(self.warn) if self._group.first else None)
        self.recorder = self._new_recorder()
        self.computation.on_step = self._on_step
        if state is not None and state.state:
            self.engine.load_state(state)

    def execute(self) -> dict[str, Any]:
        """Run to the end, or until stopped; return the summary. The speculator is closed whatever happens."""
        self.begin()
        self._saved = time.perf_counter()
        try:
            with stoppable(self.stop):
                if self.speculate:
                    self.engine.run()
                else:
                    self._run_plain()
        except AscError:
            self._end("failed")
            raise
        finally:
            self.engine.speculator.close()
        return self._end("finished" if self.computation.finished() else "interrupted")

    def stop(self) -> None:
        """Ask for a clean end at the next boundary; several processes end after the same step."""
        self._stop_asked = True
        if self._group.count == 1:
            self._stop()

    def status(self) -> Status:
        """Take stock."""
        status = super().status()
        return status if self.speculate else status._replace(reason="Speculation was switched off.")

    def boundary(self, boundary: Boundary) -> None:
        """Tell the hooks, and write a checkpoint if one is due."""
        super().boundary(boundary)
        self._checkpoint_if_due()

    def paused(self) -> None:
        """Write a checkpoint, for which the computation has interrupted a long superstep."""
        self._checkpoint_if_due()

    def summary(self, state: str) -> dict[str, Any]:
        """Return what `summary.json` and `--json` hold, before any comparison with a plain run."""
        known, backend, computation = super().summary(state), self._backend, self.computation
        known |= {
            "final_digest": (self._digest and self._asked(state, "digest", computation.digest)) or "",
            "outcome": self._asked(state, "outcome", lambda: dict(backend.outcome(computation))) or {},
            "shadow": self.shadow,
        }
        if not self.speculate:
            known["estimated_speedup"] = None
        if self.recorder is not None:
            known["trajectory"] = self.recorder.summary()
        figures = self._asked(state, "figures", lambda: dict(backend.figures(computation))) or {}
        return {**known, **figures, "warnings": list(self.warnings)}

    def _asked(self, state: str, what: str, ask: Callable[[], A]) -> A | None:
        """Ask the backend about the end. What it raises is a warning, so that the record of the run is written."""
        if state == "failed" and self._group.count > 1:
            return None  # the other processes may no longer be there to answer
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 -- a backend is foreign code, and the run is over
            self.warn(f"The {what} of the {state} run is not known: {describe_error(error)}.")
            return None

    def _new_recorder(self) -> Recorder | None:
        """Return what keeps positions for a replay; None where the settings ask for none, or nothing is recorded."""
        most = self._settings.kept_positions
        if not most or self.folder is None:
            return None
        if not self.speculate:
            self.warn(
                "keep_trajectory keeps nothing of a plain run, which has no boundaries: to take the same steps with "
                "boundaries, run it with --shadow instead of --no-speculation."
            )
            return None
        return Recorder(self.folder, most, self._backend, self.warn, self.first)

    def _on_step(self) -> bool:
        """Tell the hooks of progress within a long superstep; return whether a checkpoint is due."""
        self.step()
        return self._due()

    def _checkpoint_if_due(self) -> None:
        if self._due():
            self._checkpoint()

    def _due(self) -> bool:
        """Whether a checkpoint is due. Here all processes also learn that one of them was asked to stop."""
        late = time.perf_counter() - self._saved > self._settings.checkpoint_seconds
        due = self._group.first and late and self.folder is not None
        if not self._group.any(due or self._stop_asked):
            return False
        if self._group.any(self._stop_asked):
            self._stop()
        return self._group.any(due)

    def _stop(self) -> None:
        self.stopped = True
        self.engine.stop()

    def _checkpoint(self, *, last: bool = False) -> None:
        if self.folder is None:
            return
        backend, computation, folder = self._backend, self.computation, self.folder
        with self.engine.ledger.work("checkpoint", speculative=False):  # a plain run has checkpoints as well
            self._write(
                f"The checkpoint at position {computation.position()}",
                lambda: backend.save(computation, folder / CHECKPOINTS, self.engine.save_state()),
            )
            if last:
                self._write(
                    "What the run leaves beside its checkpoints, such as a model,",
                    lambda: backend.finish(computation, folder),
                )
        self._saved = time.perf_counter()

    def _write(self, what: str, write: Callable[[], object]) -> None:
        """Write something. A failure is a warning: the steps taken so far are worth more than a file."""
        try:
            write()
        except (OSError, AscError) as error:
            self.warn(f"{what} could not be written: {str(error).rstrip('.')}.")
        except Exception as error:  # noqa: BLE001 -- a backend and its components are foreign code
            self.warn(f"{what} could not be written: {describe_error(error)}.")

    def _run_plain(self) -> None:
        """Take the computation's own steps, a fraction of a second at a time, without the engine."""
        computation, ledger, steps = self.computation, self.engine.ledger, 1
        while not computation.finished() and not self.stopped:
            position, wall, began = computation.position(), time.time(), ledger.clock()
            done = computation.advance(steps)
            seconds = ledger.clock() - began
            ledger.progress(done.steps, seconds)
            steps = self._group.agree(max(1, min(2 * steps, int(_CHUNK_S * done.steps / max(seconds, 1e-9)))))
            self.notify(Boundary(position, "plain", (), (), (), wall, wall))
            self._checkpoint_if_due()

    def _end(self, state: str) -> dict[str, Any]:
        self.stop_clock()
        if state != "failed":
            self._checkpoint(last=True)
        self.warnings += self.computation.remarks
        summary = self.summary(state)
        self.end(summary)
        summary["warnings"] = list(self.warnings)
        return summary
