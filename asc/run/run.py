"""One run, from configuration to summary: assembles the engine, records, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from asc import answers
from asc.assemble import assemble
from asc.backend import Backend
from asc.cache import Cache
from asc.computation import Computation
from asc.config.differences import require_same
from asc.engine import Engine
from asc.errors import AscError, describe_error
from asc.interrupts import stoppable
from asc.plugins import Plugins
from asc.plugins.conform import require_attributes
from asc.records.numbers import strict
from asc.records.place import Place
from asc.run.monitor import Monitor
from asc.run.replay.recorder import Recorder
from asc.speculators.pool import NO_WORKERS, Pool
from asc.types import Boundary, EngineState, Status

A = TypeVar("A")
CHECKPOINTS = "checkpoints"
_BOUND = "settings"  # the part of the engine's state with the settings that it was written under
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
        self.shadow, self.speculate = shadow, speculate
        self.stopped = self.stop_asked = False  # they differ until all processes of the run have agreed
        self._digest = digest  # whether the summary has the digest of the end, which takes time where states are large
        self._backend, self._settings, self._group = backend, backend.config, backend.group
        self._preparing_s = 0.0
        self._place: Place | None = None  # of the folder, once the run is under way
        self.computation = _made(backend, name, plain=not speculate)
        self._bound = self._settings.bound | {"shadow": shadow, "speculate": speculate}
        state = self._load(folder / CHECKPOINTS) if resume and folder is not None else None
        if resume and state is None:
            self.warn("There was no checkpoint yet to resume from, so the run begins at its start.")
        self._saved = time.perf_counter()
        self.engine: Engine = assemble(
            self.computation,
            backend.config,
            plugins.registry.create,
            cache=answers.instance("cache", backend.cache(self.computation), Cache, "an asc.cache.Cache"),
            pool=answers.instance("pool", backend.pool(self.computation), Pool | None, "an asc.Pool or None")
            if speculate
            else NO_WORKERS,
            shadow=shadow,
            observer=self,
        )
        self.attach(self.engine, plugins.notifier(self.warn) if self._group.first else None)
        self.recorder = self._new_recorder()
        self.computation.on_step = self._on_step
        if state is not None and state.state:
            self.engine.load_state(state)
        backend.prepare(self.computation, self.where)

    def execute(self) -> dict[str, Any]:
        """Run to the end, or until stopped; return the summary. The speculator is closed whatever happens."""
        self._preparing_s = self.seconds
        self.begin()
        self._place = Place(self.folder) if self._group.first and self.folder is not None else None
        self._saved = time.perf_counter()
        try:
            try:
                with stoppable(self.stop):
                    if self.speculate:
                        self.engine.run()
                    else:
                        self._run_plain()
            finally:
                self.engine.speculator.close()
            return self._end("finished" if self.computation.finished() else "interrupted")
        except Exception:
            self._end("failed")
            raise

    def stop(self) -> None:
        """Ask for a clean end at the next boundary; several processes end after the same step."""
        self.stop_asked = True
        if self._group.count == 1:
            self._stop()

    def where(self) -> Path | None:
        """Return where the folder of the run is now, if it is recorded. A removed folder ends only the record."""
        found = self.folder if self._place is None else self._place.now()
        if self.folder is not None and found is None:
            self.warn(
                f"The folder {self.folder} was removed while the run was running. The run continued, but it has no "
                "record any more and cannot be resumed."
            )
            self._place = None
        elif found != self.folder:
            self.warn(f"The folder {self.folder} was renamed while the run was running. The record is in {found}.")
        self.folder = found
        return found

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
            "outcome": self._asked(state, "outcome", lambda: _outcome(backend.outcome(computation))) or {},
            "shadow": self.shadow,
            "preparing_seconds": self._preparing_s,
        }
        if not self.speculate:
            known["estimated_speedup"] = None
        if self.recorder is not None:
            known["trajectory"] = self.recorder.summary()
        figures = self._asked(state, "figures", lambda: _figures(backend.figures(computation), known)) or {}
        return {**known, **figures, "warnings": list(self.warnings)}

    def failure(self) -> dict[str, Any]:
        """Return the summary of a run that has failed: what is still known of it."""
        try:
            return self.summary("failed")
        except Exception as error:  # noqa: BLE001 -- the computation no longer answers, or answers nonsense
            self.warn(f"The end of the failed run is not known: {describe_error(error)}.")
            about = {"backend": self.backend, "config": dict(self.config), "state": "failed"}
            return about | {"seconds": self.seconds, "run_dir": self.run_dir, "warnings": list(self.warnings)}

    def _asked(self, state: str, what: str, ask: Callable[[], A]) -> A | None:
        """Ask the backend about the end. What it raises is a warning, so that the record of the run is written."""
        if state == "failed" and self._group.count > 1:
            return None  # the other processes may no longer be there to answer
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 -- a backend is foreign code, and the run is over
            verb = "are" if what == "figures" else "is"
            self.warn(f"The {what} of the {state} run {verb} not known: {describe_error(error)}.")
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
        return Recorder(self.where, most, self._backend, self.warn, self.first)

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
        if not self._group.any(due or self.stop_asked):
            return False
        if self._group.any(self.stop_asked):
            self._stop()
        return self._group.any(due)

    def _stop(self) -> None:
        self.stopped = True
        self.engine.stop()

    def _checkpoint(self) -> None:
        with self.engine.ledger.work("checkpoint", speculative=False):  # a plain run has checkpoints as well
            self._save()

    def _save(self, *, last: bool = False) -> None:
        folder = self.where()
        if self._group.any(folder is None) or folder is None:
            return
        backend, computation = self._backend, self.computation
        self._write(
            f"The checkpoint at position {computation.position()}",
            lambda: backend.save(computation, folder / CHECKPOINTS, self._state()),
        )
        if last:
            self._write(
                "What the run leaves beside its checkpoints, such as a model,",
                lambda: backend.finish(computation, folder),
            )
        self._saved = time.perf_counter()

    def _load(self, checkpoints: Path) -> EngineState | None:
        """Go to the checkpoint. Raises AscError if it was written under other settings."""
        saved = self._backend.load(self.computation, checkpoints)
        state: EngineState | None = answers.instance(
            "load", saved, EngineState | None, "asc.types.EngineState, or None without a checkpoint"
        )
        if state is not None:
            require_same(f"The checkpoint in {checkpoints}", state.state.get(_BOUND, {}), self._bound)
        return state

    def _state(self) -> EngineState:
        """Return what a checkpoint holds beside the computation."""
        state = self.engine.save_state()
        return state._replace(state={**state.state, _BOUND: self._bound})

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
            position, now, began = computation.position(), time.perf_counter(), ledger.clock()
            done = answers.advanced(computation.advance(steps))
            seconds = ledger.clock() - began
            ledger.progress(done.steps, seconds)
            steps = self._group.agree(max(1, min(2 * steps, int(_CHUNK_S * done.steps / max(seconds, 1e-9)))))
            self.notify(Boundary(position, "plain", (), (), (), now, now))
            self._checkpoint_if_due()

    def _end(self, state: str) -> dict[str, Any]:
        self.stop_clock()
        if state != "failed":
            self._save(last=True)  # the clock has stopped, so the ledger has no entry for it
        for remark in self.computation.remarks:
            self.warn(remark)
        summary = self.failure() if state == "failed" else self.summary(state)
        self.end(summary)
        summary["warnings"] = list(self.warnings)
        return summary


def _made(backend: Backend[Any], name: str, *, plain: bool) -> Any:
    """Make the computation of a backend."""
    computation = answers.instance("computation", backend.computation(plain=plain), Computation, "an asc.Computation")
    require_attributes(Computation, computation, f'The computation of the backend "{name}"')
    answers.whole("position", computation.position())
    if computation.total() is not None:
        answers.whole("total", computation.total())
    return computation


def _outcome(answer: object) -> dict[str, Any]:
    outcome: dict[str, Any] = strict(answers.instance("outcome", answer, Mapping, "a dictionary"))
    return outcome


def _figures(answer: object, known: Collection[str]) -> dict[str, Any]:
    """Return further fields for the summary. Raises WrongAnswerError for a field or a curve of another form."""
    figures: dict[str, Any] = strict(answers.instance("figures", answer, Mapping, "a dictionary"))
    taken = sorted(set(figures) & set(known))
    if taken:
        raise answers.wrong("figures", taken, "other names, since the summary has these itself")
    for curve in answers.instance("figures", figures.get("curves", {}), dict, "curves by name").values():
        if not isinstance(curve, list) or not all(isinstance(point, list) and len(point) == 3 for point in curve):
            raise answers.wrong("figures", curve, "a curve of points [position, seconds, value]")
    return figures
