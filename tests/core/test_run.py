"""One run from configuration to summary, on two backends as small as can be."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from asc.backend import Backend
from asc.config.run import Component, ExecutedConfig, JudgedConfig
from asc.errors import AscError, NonDeterministicStepError
from asc.hookspecs import RunView, hookimpl
from asc.plugins import Plugins, load
from asc.predictors.linear import Linear
from asc.records.event_writer import EventWriter
from asc.records.events import read_events
from asc.records.folders import read_json
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.reference.registers import Registers
from asc.report.run_data import RunData
from asc.run.compare import CANNOT_SAY, compare, compare_pairs
from asc.run.monitor import Monitor
from asc.run.record import keep
from asc.run.run import CHECKPOINTS, Run
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.pool import Pool
from asc.testing.assembly import assemble
from asc.testing.checks import walk
from asc.testing.executors import Inline
from asc.types import Boundary, EngineState, Snapshot

STEPS = 3000


class Machines(Backend[Registers]):
    """A backend whose candidates are executed; its checkpoint is a file of words."""

    Config = ExecutedConfig

    def __init__(self, config: ExecutedConfig, make: Callable[[], Registers], workers: int = 2) -> None:
        super().__init__(config)
        self._make, self._workers = make, workers
        self.saved: list[int] = []
        self.ended: list[Path] = []

    def computation(self, plain: bool) -> Registers:
        return self._make()

    def pool(self, computation: Registers) -> Pool:
        return Pool(Inline, self._workers)

    def save(self, computation: Registers, folder: Path, state: EngineState) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        snapshot = computation.snapshot()
        (folder / "words.json").write_text(json.dumps([snapshot.position, snapshot.state]))
        self.saved.append(snapshot.position)

    def load(self, computation: Registers, folder: Path) -> EngineState | None:
        file = folder / "words.json"
        if not file.exists():
            return None
        position, words = json.loads(file.read_text())
        computation.restore(Snapshot(position, 0, words, 0))
        return EngineState()

    def finish(self, computation: Registers, folder: Path) -> None:
        self.ended.append(folder)

    def outcome(self, computation: Registers) -> Mapping[str, Any]:
        return dict(computation.words)


class Descents(Backend[Descent]):
    """A backend whose candidates are judged, without checkpoints."""

    Config = JudgedConfig

    def __init__(self, config: JudgedConfig, **settings: Any) -> None:
        super().__init__(config)
        self._settings = settings

    def computation(self, plain: bool) -> Descent:
        return Descent(STEPS, **self._settings)

    def save(self, computation: Descent, folder: Path, state: EngineState) -> None:
        raise OSError("no space left on device")

    def load(self, computation: Descent, folder: Path) -> EngineState | None:
        return None

    def outcome(self, computation: Descent) -> Mapping[str, Any]:
        return {"vector": computation.vector.tolist()}


class Kept(Descents):
    """The same, with a checkpoint in memory."""

    def __init__(self, config: JudgedConfig, **settings: Any) -> None:
        super().__init__(config, **settings)
        self._kept: tuple[Snapshot, str] | None = None

    def save(self, computation: Descent, folder: Path, state: EngineState) -> None:
        self._kept = computation.snapshot(), json.dumps(state.state)
        self._history = state.history

    def load(self, computation: Descent, folder: Path) -> EngineState | None:
        if self._kept is None:
            return None
        snapshot, state = self._kept
        computation.restore(snapshot)
        return EngineState(json.loads(state), self._history)


EXECUTED = ExecutedConfig(recognizer=Component(name="every", steps=10))
JUDGED = JudgedConfig(
    recognizer=Component(name="every", steps=10),
    validator=Component(name="strict"),
    scheduler=JudgedScheduler.Config(horizons=(10,)),
)
SLOW: dict[str, Any] = {"rate": 0.002, "noise": 0.01}


def machines(config: ExecutedConfig = EXECUTED, program: str = "count", workers: int = 2) -> Machines:
    return Machines(config, lambda: machine(program, STEPS), workers)


@pytest.fixture
def plugins() -> Plugins:
    return load(environ={"ASC_LOAD_PLUGINS": ""})


class Observer:
    """Keeps the hooks that were called; does `act` at each boundary."""

    def __init__(self, act: Callable[[Any, Boundary], None] = lambda run, boundary: None) -> None:
        self.called: list[str] = []
        self.summary: Mapping[str, Any] = {}
        self._act = act

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        self.called.append("started")

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        self.called.append("boundary")
        self._act(run, boundary)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        self.called.append("finished")
        self.summary = summary


@pytest.mark.parametrize("kind", ["executed", "judged"])
def test_record_summary_and_ledger_agree_on_the_time_and_on_the_boundaries(
    plugins: Plugins, tmp_path: Path, kind: str
) -> None:
    plugins.observe(EventWriter(tmp_path), "record")
    backend = machines() if kind == "executed" else Descents(JUDGED)
    summary = Run(backend, kind, plugins, folder=tmp_path).execute()
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    read = RunData(tmp_path)
    assert read.length == pytest.approx(summary["seconds"], abs=1e-5)
    assert sum(account["seconds"] for account in summary["ledger"].values()) <= summary["seconds"]
    assert sum(read.hits.values) == pytest.approx(summary["hits"])
    assert sum(read.misses.values) == pytest.approx(summary["misses"])
    assert summary["hits"] + summary["misses"] > 0


@pytest.mark.parametrize("kind", ["executed", "judged", "plain"])
def test_the_record_does_not_follow_a_wall_clock_that_jumps(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    jumps = itertools.count()
    monkeypatch.setattr("time.time", lambda: 1e9 + (-1) ** next(jumps) * 86_400)
    plugins.observe(EventWriter(tmp_path), "record")
    backend = Descents(JUDGED) if kind == "judged" else machines()
    summary = Run(backend, kind, plugins, folder=tmp_path, speculate=kind != "plain").execute()
    events = list(read_events(tmp_path))
    times = [time for event in events for time in (event["t0"], event["t1"])]
    times += [time for event in events for _, began, ended, *_ in event.get("spans", ()) for time in (began, ended)]
    assert len(times) >= 4
    assert min(times) == 0
    assert max(times) == pytest.approx(summary["seconds"], abs=1e-5)


FIELDS = {
    *("backend", "config", "state", "position", "total", "final_digest", "outcome", "seconds", "plain_seconds"),
    *("net_speedup", "identical", "estimated_speedup", "ceiling", "hit_rate", "hits", "misses", "skipped", "accepted"),
    *("rejected", "outcomes", "workers", "excited", "words", "reason", "ledger", "cache", "resumed_from", "shadow"),
    *("warnings", "run_dir", "acceptance_rate", "mean_accepted_horizon", "horizons", "read"),
}


def test_a_summary_says_it_all_and_json_can_hold_it(plugins: Plugins) -> None:
    observer = Observer()
    plugins.observe(observer, "observer")
    run = Run(machines(), "machines", plugins)
    summary = run.execute()
    assert set(summary) >= FIELDS
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["backend"], summary["state"], summary["position"], summary["total"]) == (
        "machines",
        "finished",
        STEPS,
        STEPS,
    )
    assert summary["final_digest"] == walk(machine("count", STEPS))
    assert summary["outcome"]["n"] == 3 * STEPS - 7
    assert (summary["workers"], summary["words"], summary["excited"]) == (2, 2, ["n", "total"])
    assert summary["config"]["recognizer"] == {"name": "every", "steps": 10}
    assert summary["warnings"] == []
    assert summary["run_dir"] is None
    assert observer.called[0] == "started"
    assert observer.called[-1] == "finished"
    assert set(observer.called[1:-1]) == {"boundary"}
    assert summary["ledger"]["notify"]["count"] == len(observer.called) - 2
    assert observer.summary["final_digest"] == summary["final_digest"]
    assert ExecutedConfig.model_validate(summary["config"]) == EXECUTED


def test_a_plain_run_has_no_engine_in_between(plugins: Plugins) -> None:
    observer = Observer()
    plugins.observe(observer, "observer")
    run = Run(machines(), "machines", plugins, speculate=False)
    summary = run.execute()
    assert summary["final_digest"] == walk(machine("count", STEPS))
    assert summary["reason"] == "Speculation was switched off."
    assert summary["estimated_speedup"] is None
    assert (summary["hits"], summary["misses"], summary["skipped"], summary["outcomes"]) == (0, 0, 0, {})
    assert set(summary["ledger"]) == {"plain"}
    assert summary["ledger"]["plain"]["steps"] == STEPS
    assert "boundary" in observer.called


def test_comparing_puts_the_plain_run_beside(plugins: Plugins) -> None:
    summary = Run(machines(), "machines", plugins).execute()
    plain = Run(machines(), "machines", plugins, speculate=False).execute()
    executed, judged = (assemble(make, {}).speculator for make in (machine("count", 1), Descent(1)))
    summary |= compare(summary, plain, executed, machines())
    assert summary["identical"] is True
    assert summary["plain_seconds"] == plain["seconds"]
    assert summary["net_speedup"] == plain["seconds"] / summary["seconds"]
    other = compare(summary, {**plain, "final_digest": "another"}, executed, machines())
    assert other["identical"] is False
    assert compare(summary, plain, judged, machines())["identical"] is None


def test_a_judged_run(plugins: Plugins) -> None:
    runs = [Run(Descents(JUDGED, **SLOW), "descents", plugins) for _ in range(2)]
    first, second = (run.execute() for run in runs)
    assert first["final_digest"] == second["final_digest"]
    assert first["outcomes"] == second["outcomes"]
    assert (first["accepted"], first["rejected"]) == (
        first["outcomes"].get("accepted", 0),
        first["outcomes"].get("rejected", 0),
    )
    assert first["accepted"] > 0
    assert first["skipped"] == 10 * first["hits"] > 0
    assert first["skipped"] + first["ledger"]["plain"]["steps"] == STEPS
    assert first["hit_rate"] is None
    assert first["acceptance_rate"] == first["accepted"] / (first["accepted"] + first["rejected"])
    assert first["mean_accepted_horizon"] == 10.0
    settled = first["accepted"] + first["rejected"]
    assert first["horizons"] == {"10": {"settled": settled, "accepted": first["accepted"]}}
    assert first["estimated_speedup"] > 1
    assert first["workers"] == 0
    assert "candidates were accepted" in first["reason"]
    assert json.loads(json.dumps(first)) == first


def stop_at(position: int) -> Observer:
    def act(run: Any, boundary: Boundary) -> None:
        if boundary.position >= position:
            run.stop()

    return Observer(act)


@pytest.mark.parametrize("speculate", [True, False])
def test_a_run_that_is_stopped_resumes_to_the_same_end(plugins: Plugins, tmp_path: Path, speculate: bool) -> None:
    plugins.observe(stop_at(0), "impatient")
    first = Run(machines(), "machines", plugins, folder=tmp_path, speculate=speculate).execute()
    assert first["state"] == "interrupted"
    assert first["run_dir"] == str(tmp_path)
    plugins.remove("impatient")
    backend = machines()
    again = Run(backend, "machines", plugins, folder=tmp_path, resume=True, speculate=speculate)
    assert again.first == first["position"] < STEPS
    second = again.execute()
    assert second["state"] == "finished"
    assert second["resumed_from"] == first["position"]
    assert second["final_digest"] == walk(machine("count", STEPS))
    assert backend.saved[-1] == STEPS


def test_resuming_where_there_is_no_checkpoint_starts_at_the_start(plugins: Plugins, tmp_path: Path) -> None:
    summary = Run(machines(), "machines", plugins, folder=tmp_path, resume=True).execute()
    assert summary["resumed_from"] == 0
    assert summary["final_digest"] == walk(machine("count", STEPS))


def test_checkpoints_are_written_on_the_way_and_a_run_can_resume_from_each(plugins: Plugins, tmp_path: Path) -> None:
    often = EXECUTED.model_copy(update={"checkpoint_seconds": 1e-9})
    backend = machines(often)
    resumed: list[int] = []

    def resume_from_here(run: Any, boundary: Boundary) -> None:
        if len(resumed) < 5 and (tmp_path / CHECKPOINTS).exists():
            computation = machine("count", STEPS)
            assert backend.load(computation, tmp_path / CHECKPOINTS)
            resumed.append(computation.position())
            assert walk(computation) == walk(machine("count", STEPS))

    plugins.observe(Observer(resume_from_here), "killer")
    summary = Run(backend, "machines", plugins, folder=tmp_path).execute()
    assert summary["warnings"] == []
    assert resumed
    assert backend.saved[-1] == STEPS
    assert summary["ledger"]["checkpoint"]["count"] == len(backend.saved) - 1  # the last one is after the clock


def recorded(plugins: Plugins, folder: Path, kind: str, act: Callable[[], object]) -> dict[str, Any]:
    """Make a run with many checkpoints, or with many kept positions, and do something at its first boundary."""
    done: list[object] = []

    def once(run: Any, boundary: Boundary) -> None:
        if not done:
            done.append(act())

    plugins.observe(Observer(once), "owner")
    plugins.observe(EventWriter(folder), "record")
    backend: Backend[Any] = machines(EXECUTED.model_copy(update={"checkpoint_seconds": 1e-9}))
    if kind == "judged":
        backend = Descents(JUDGED.model_copy(update={"keep_trajectory": STEPS}), **SLOW)
    run = Run(backend, kind, plugins, folder=folder)
    summary = run.execute()
    assert done
    keep(run, summary, backend.group)
    return summary


@pytest.mark.parametrize("kind", ["executed", "judged"])
def test_a_folder_that_is_removed_is_told_and_not_made_again(plugins: Plugins, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "run"
    summary = recorded(plugins, folder, kind, lambda: shutil.rmtree(folder))
    assert summary["state"] == "finished"
    assert f"The folder {folder} was removed while the run was running. The run continued" in summary["warnings"][-1]
    assert summary["run_dir"] is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no other name of an open folder")
@pytest.mark.parametrize("kind", ["executed", "judged"])
def test_the_record_follows_a_folder_that_is_renamed(plugins: Plugins, tmp_path: Path, kind: str) -> None:
    folder, new = tmp_path / "run", tmp_path / "new"
    summary = recorded(plugins, folder, kind, lambda: folder.rename(new))
    told = f"The folder {folder} was renamed while the run was running. The record is in {new}."
    assert told in summary["warnings"]
    assert summary["run_dir"] == str(new)
    assert list(tmp_path.iterdir()) == [new]
    assert read_json(new / "summary.json")["position"] == STEPS
    assert RunData(new).last_position == STEPS


def test_a_folder_may_be_removed_after_the_last_step(plugins: Plugins, tmp_path: Path) -> None:
    backend, folder = machines(), tmp_path / "run"
    folder.mkdir()
    run = Run(backend, "machines", plugins, folder=folder)
    summary = run.execute()
    shutil.rmtree(folder)
    keep(run, summary, backend.group)
    assert (summary["run_dir"], len(summary["warnings"])) == (None, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_is_a_warning(plugins: Plugins, tmp_path: Path) -> None:
    summary = Run(Descents(JUDGED), "descents", plugins, folder=tmp_path).execute()
    assert summary["state"] == "finished"
    assert summary["warnings"] == [f"The checkpoint at position {STEPS} could not be written: no space left on device."]


LEFT = "What the run leaves beside its checkpoints, such as a model, could not be written"


class Full(Kept):
    """A backend that cannot write everything at the end."""

    def __init__(self, config: JudgedConfig, faults: Mapping[str, Exception]) -> None:
        super().__init__(config, **SLOW)
        self._faults = faults
        self.wrote: list[str] = []

    def save(self, computation: Descent, folder: Path, state: EngineState) -> None:
        self._attempt("save")
        super().save(computation, folder, state)

    def finish(self, computation: Descent, folder: Path) -> None:
        self._attempt("finish")

    def outcome(self, computation: Descent) -> Mapping[str, Any]:
        self._attempt("outcome")
        return super().outcome(computation)

    def figures(self, computation: Descent) -> Mapping[str, Any]:
        self._attempt("figures")
        return {"curves": {}}

    def _attempt(self, what: str) -> None:
        if what in self._faults:
            raise self._faults[what]
        self.wrote.append(what)


CHECKPOINT = f"The checkpoint at position {STEPS} could not be written"


@pytest.mark.parametrize(
    ("faults", "warnings"),
    [
        ({"save": OSError("the disk is full")}, [f"{CHECKPOINT}: the disk is full."]),
        ({"finish": OSError("the disk is full")}, [f"{LEFT}: the disk is full."]),
        (
            {"save": OSError("the disk is full"), "finish": OSError("the disk is still full")},
            [f"{CHECKPOINT}: the disk is full.", f"{LEFT}: the disk is still full."],
        ),
        ({"save": AscError("cannot write it; make room.")}, [f"{CHECKPOINT}: cannot write it; make room."]),
        (
            {"save": TypeError("no tensor"), "finish": KeyError("name")},
            [f"{CHECKPOINT}: TypeError: no tensor (", f"{LEFT}: KeyError: 'name' ("],
        ),
        (
            {"outcome": ValueError("no loss"), "figures": ValueError("no curve")},
            ["The outcome of the finished run is not known: ValueError: no loss (", "The figures of the finished run"],
        ),
    ],
)
def test_each_thing_at_the_end_is_attempted_and_what_fails_is_a_warning(
    plugins: Plugins, tmp_path: Path, faults: Mapping[str, Exception], warnings: list[str]
) -> None:
    backend, observer = Full(JUDGED, faults), Observer()
    plugins.observe(observer, "observer")
    summary = Run(backend, "descents", plugins, folder=tmp_path).execute()
    assert backend.wrote == [what for what in ("save", "finish", "outcome", "figures") if what not in faults]
    assert (summary["state"], summary["position"], len(summary["final_digest"])) == ("finished", STEPS, 64)
    assert len(summary["warnings"]) == len(warnings)
    for told, expected in zip(summary["warnings"], warnings, strict=True):
        assert told.startswith(expected)
    assert observer.called[-1] == "finished"


@pytest.mark.parametrize("hook", ["started", "boundary", "finished"])
def test_an_observer_that_raises_is_switched_off(plugins: Plugins, hook: str) -> None:
    calls = []

    class Broken:
        @hookimpl
        def asc_run_started(self, run: RunView) -> None:
            self._maybe("started")

        @hookimpl
        def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
            self._maybe("boundary")

        @hookimpl
        def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
            self._maybe("finished")

        def _maybe(self, where: str) -> None:
            calls.append(where)
            if where == hook:
                raise ZeroDivisionError("oh")

    healthy = Observer()
    plugins.observe(Broken(), "broken")
    plugins.observe(healthy, "healthy")
    summary = Run(machines(), "machines", plugins).execute()
    assert calls.count(hook) == 1
    assert calls[-1] == hook
    assert summary["state"] == "finished"
    assert summary["final_digest"] == walk(machine("count", STEPS))
    (warning,) = summary["warnings"]
    assert "was switched off" in warning
    assert f"asc_{'boundary' if hook == 'boundary' else 'run_' + hook}" in warning
    assert healthy.called[-1] == "finished"


class Impure(Registers):
    """A machine whose first step, under observation, shows that none can be skipped."""

    def begin(self) -> None:
        raise NonDeterministicStepError("The step function is not deterministic: it draws random numbers.")


def impure() -> Registers:
    return Impure(lambda _: {"n": 1}, {"n": 0}, STEPS)


def test_a_failed_run_is_reported_and_raised_and_leaves_the_checkpoint(plugins: Plugins, tmp_path: Path) -> None:
    backend = Machines(EXECUTED, impure)
    observer = Observer()
    plugins.observe(observer, "observer")
    with pytest.raises(NonDeterministicStepError, match="not deterministic"):
        Run(backend, "machines", plugins, folder=tmp_path).execute()
    assert observer.summary["state"] == "failed"
    assert backend.saved == []


@pytest.mark.parametrize("what", ["outcome", "figures"])
def test_a_backend_that_raises_after_a_failure_does_not_hide_why_the_run_failed(plugins: Plugins, what: str) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("n")

    backend = Machines(EXECUTED, impure)
    setattr(backend, what, broken)
    observer = Observer()
    plugins.observe(observer, "observer")
    run = Run(backend, "machines", plugins)
    with pytest.raises(NonDeterministicStepError, match="not deterministic"):
        run.execute()
    summary = run.summary("failed")
    assert observer.summary["state"] == summary["state"] == "failed"
    assert (summary["outcome"] == {}) is (what == "outcome")
    (warning,) = summary["warnings"]
    verb = "are" if what == "figures" else "is"
    assert warning.startswith(f"The {what} of the failed run {verb} not known: KeyError: 'n' (test_run.py, line ")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bad", "RuntimeError: boom (bad.py, line 10)"),
        ("odd", "it answered {'n': 1} in predict; expected asc.Combination, asc.Direct or None"),
    ],
)
def test_a_predictor_that_raises_or_answers_nonsense_is_a_warning(tmp_path: Path, name: str, why: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(BAD)
    with_bad = load([file], {"ASC_LOAD_PLUGINS": ""})
    config = JUDGED.model_copy(update={"predictors": (Component(name=name),)})
    warnings = Run(Descents(config), "descents", with_bad).execute()["warnings"]
    assert warnings == [f"The predictor {name!r} was switched off, and the run continued without it: {why}."]


BAD = """
import asc

class Odd(asc.Predictor):
    def predict(self, history, horizon):
        return {"n": 1}

class Bad(Odd):
    def predict(self, history, horizon):
        raise RuntimeError("boom")

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "odd", "bad:Odd", "answers what is none")
    registry.add("predictor", "bad", "bad:Bad", "raises")
"""


def test_a_judged_pair_has_the_plain_run_beside_it_also_where_the_backend_does_not_compare(plugins: Plugins) -> None:
    def again(speculate: bool) -> dict[str, Any]:
        curves = {"loss": [[1, 0.5, 3.0 + speculate]]}
        return Run(Descents(JUDGED), "descents", plugins, speculate=speculate).execute() | {"curves": curves}

    summary = again(True)
    compare_pairs(summary, again, 1, assemble(Descent(1), {}).speculator, Descents(JUDGED))
    assert summary["plain_seconds"] > 0
    assert summary["plain_outcome"]["vector"] != summary["outcome"]["vector"]
    assert summary["plain_curves"] == {"loss": [[1, 0.5, 3.0]]}
    assert summary["net_speedup"] is None
    assert summary["warnings"] == [CANNOT_SAY]


def test_a_shadow_run_applies_nothing(plugins: Plugins) -> None:
    summary = Run(Descents(JUDGED), "descents", plugins, shadow=True).execute()
    assert summary["shadow"] is True
    assert summary["final_digest"] == walk(Descent(STEPS))
    assert summary["skipped"] == 0
    assert summary["accepted"] + summary["rejected"] > 20
    speedup = summary["shadow_speedup"]
    assert speedup > 1 > summary["estimated_speedup"]
    assert summary["reason"].endswith(
        "nothing was applied, since this is a shadow run. With every leap taken, the speed-up would have been "
        f"{speedup:.2f}× by the ledger."
    )


def test_only_a_shadow_run_has_a_speed_up_of_leaps_that_were_not_taken(plugins: Plugins) -> None:
    assert Run(Descents(JUDGED), "descents", plugins).execute()["shadow_speedup"] is None


def test_a_resumed_shadow_run_reports_the_speed_up_of_one_that_never_stopped(plugins: Plugins, tmp_path: Path) -> None:
    whole = Run(Kept(JUDGED, **SLOW), "descents", plugins, shadow=True).execute()
    backend = Kept(JUDGED, **SLOW)
    plugins.observe(stop_at(STEPS // 2), "impatient")
    first = Run(backend, "descents", plugins, folder=tmp_path, shadow=True).execute()
    plugins.remove("impatient")
    second = Run(backend, "descents", plugins, folder=tmp_path, resume=True, shadow=True).execute()
    assert first["state"] == "interrupted"
    assert second["shadow_speedup"] == whole["shadow_speedup"] > 1
    assert second["final_digest"] == whole["final_digest"]


def test_a_status_is_there_at_any_moment(plugins: Plugins) -> None:
    seen = []
    plugins.observe(Observer(lambda run, boundary: seen.append(run.status())), "observer")
    run = Run(machines(), "machines", plugins)
    before = run.status()
    assert (before.position, before.total, before.words, before.hit_rate) == (0, STEPS, 0, 0.0)
    assert before.reason == "Too early to say: no candidate has been settled yet."
    run.execute()
    after = run.status()
    assert [status.position for status in seen] == sorted(status.position for status in seen)
    assert all(0 <= status.busy <= status.workers == 2 for status in seen)
    assert all(0 <= (status.hit_rate or 0.0) <= 1 and status.words == 2 for status in seen)
    assert after.position == STEPS
    assert after.seconds == run.seconds == run.status().seconds
    assert after.ceiling > 1


def test_what_the_backend_cannot_serve_is_refused_before_anything_runs(plugins: Plugins) -> None:
    with pytest.raises(AscError, match='The predictor "memory" needs words, which this backend does not provide'):
        Run(Descents(JUDGED.model_copy(update={"predictors": (Component(name="memory"),)})), "descents", plugins)
    with pytest.raises(AscError, match='The recognizer "similarity" needs fingerprint'):
        Run(machines(EXECUTED.model_copy(update={"recognizer": Component(name="similarity")})), "machines", plugins)
    with pytest.raises(AscError, match='There is no predictor "linaer"'):
        Run(machines(EXECUTED.model_copy(update={"predictors": (Component(name="linaer"),)})), "machines", plugins)


def test_ctrl_c_ends_a_run_cleanly_and_a_second_one_at_once(plugins: Plugins, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    plugins.observe(Observer(lambda run, boundary: signal.raise_signal(signal.SIGINT)), "ctrl-c")
    backend = machines()
    summary = Run(backend, "machines", plugins, folder=tmp_path).execute()
    assert summary["state"] == "interrupted"
    assert backend.saved == [summary["position"]]
    assert signal.getsignal(signal.SIGINT) is before
    plugins.remove("ctrl-c")

    def twice(run: Any, boundary: Boundary) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    plugins.observe(Observer(twice), "twice")
    with pytest.raises(KeyboardInterrupt):
        Run(machines(), "machines", plugins).execute()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_without_workers_says_why_it_gains_nothing(plugins: Plugins) -> None:
    summary = Run(machines(program="digest", workers=0, config=EXECUTED), "machines", plugins).execute()
    assert summary["workers"] == 0
    causes = ("no state came back, and there are no", "tracking", "speculation was withheld")  # by the machine's pace
    assert summary["reason"].startswith(tuple(f"No speed-up: {cause}" for cause in causes))


def test_a_comparison_says_why_less_was_measured_than_estimated() -> None:
    """A step that takes longer beside the workers is what an account of the run alone cannot know."""
    ends = {"final_digest": "same", "state": "finished", "outcome": {}}
    ran = ends | {"seconds": 10.0, "reason": "All was right.", "estimated_speedup": 1.8}
    slow = ran | {"ledger": {"plain": {"seconds": 9.0, "steps": 900.0, "count": 9}}}
    plain = ends | {"seconds": 11.0, "position": 2000}
    executed, judged = (assemble(make, {}).speculator for make in (machine("count", 1), Descent(1)))
    assert compare(slow, plain, executed, machines())["reason"] == (
        "All was right. 1.80× by the account, 1.10× measured: a plain step took 82% longer beside the workers than "
        "alone, so see that a core is free for each of them."
    )
    assert "reason" not in compare(slow, plain | {"seconds": 17.0}, executed, machines())
    assert "reason" not in compare(slow | {"ledger": {}}, plain, executed, machines())
    assert "reason" not in compare(slow, plain, judged, Descents(JUDGED))


def test_what_is_written_once_is_written_at_the_end(plugins: Plugins, tmp_path: Path) -> None:
    often = EXECUTED.model_copy(update={"checkpoint_seconds": 1e-9})
    backend = machines(often)
    Run(backend, "machines", plugins, folder=tmp_path).execute()
    assert len(backend.saved) > 1
    assert backend.ended == [tmp_path]


def test_rates_and_horizons_stand_in_the_summary_of_a_resumed_run(plugins: Plugins, tmp_path: Path) -> None:
    whole = Run(Descents(JUDGED, **SLOW), "descents", plugins).execute()
    backend = Kept(JUDGED, **SLOW)
    plugins.observe(stop_at(STEPS // 2), "impatient")
    first = Run(backend, "descents", plugins, folder=tmp_path).execute()
    plugins.remove("impatient")
    second = Run(backend, "descents", plugins, folder=tmp_path, resume=True).execute()
    assert 0 < first["accepted"] < whole["accepted"]
    for field in (
        "final_digest",
        "acceptance_rate",
        "mean_accepted_horizon",
        "horizons",
        "outcomes",
        "leaps",
        "regimes",
    ):
        assert second[field] == whole[field], field


@pytest.mark.parametrize("make", [lambda: machine("count", 400), lambda: Descent(400)])
def test_hooks_are_called_once_a_boundary_however_the_engine_is_driven(
    plugins: Plugins, make: Callable[[], Registers | Descent]
) -> None:
    observer = Observer()
    plugins.observe(observer, "observer")
    monitor = Monitor("mine", {}, None)
    engine = assemble(make(), {"linear": Linear()}, observer=monitor)
    monitor.attach(engine, plugins.notifier(monitor.warn))
    monitor.begin()
    boundaries = 0
    while not engine.computation.finished():  # a training loop outside
        engine.boundary()
        boundaries += 1
        steps = engine.due()[1] - engine.computation.position()
        engine.computation.advance(steps)
        engine.ledger.progress(steps, 1e-6)
    monitor.stop_clock()
    monitor.end(monitor.summary("finished"))
    assert observer.called == ["started", *["boundary"] * boundaries, "finished"]
    assert boundaries > 1
    assert engine.ledger.accounts()["notify"]["count"] == boundaries
    assert observer.summary["position"] == 400
    assert set(observer.summary) >= FIELDS


def test_a_monitor_without_an_engine_only_collects_warnings() -> None:
    monitor = Monitor("mine", {}, None)
    for _ in range(2):
        monitor.warn("The disk is nearly full.")
    assert monitor.warnings == ["The disk is nearly full."]
    with pytest.raises(RuntimeError, match="call attach"):
        monitor.status()
