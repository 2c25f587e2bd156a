"""Speculation from Python: write a step function, call one function."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, nullcontext
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError
from asc.interrupts import postponing_termination, raising
from asc.plugins import Plugins, load
from asc.records.event_writer import EventWriter
from asc.records.folders import is_run
from asc.records.lock import exclusive
from asc.run.compare import NOT_COMPARED, compare_pairs
from asc.run.record import OBSERVER, describe, finished, keep
from asc.run.run import Run
from asc_toy.ambient import stretches
from asc_toy.arguments import folder_of, program_of, settings_of
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.digest import state_digest
from asc_toy.program import Step, Until

_HAPPENED = (
    "The run was not compared with a plain one, which would do a second time what the steps do once (state.once)."
)


class Result(NamedTuple):
    """The final state of a program, and the summary of its run."""

    state: dict[str, Any]  # values by name, of the classes that the steps gave them
    summary: dict[str, Any]

    @property
    def report(self) -> str:
        """One line: time, speed-up, hit rate, and a sentence that explains them."""
        summary = self.summary
        net, estimated = summary["net_speedup"], summary["estimated_speedup"]
        speedup = f"{net:.2f}x net" if net is not None else f"{estimated:.2f}x estimated"
        return f"{summary['seconds']:.2f} s, {speedup}, hit rate {summary['hit_rate']:.0%}. {summary['reason']}"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM stopped a run between two steps. `result` has the state and the summary up to there."""

    def __init__(self, sentence: str, result: Result) -> None:
        super().__init__(sentence)
        self.result = result

    def __reduce__(self) -> tuple[type[Interrupted], tuple[str, Result]]:
        """Pickle the result as well."""
        return type(self), (str(self), self.result)


@raising()
def accelerate(
    step: Step,
    state: Mapping[str, Any],
    steps: int | None = None,
    config: SpeculationConfig | Mapping[str, Any] | None = None,
    *,
    until: Until | None = None,
    folder: str | PathLike[str] | None = None,
    resume: bool = False,
    compare_plain: bool = False,
) -> Result:
    """Run `step(state)` `steps` times, faster where the states can be predicted. The result is always bit-identical.

    The result is that of this loop, in which `s` is an object whose attributes are the values of `state`:

        done = 0
        while not until(s) and done != steps:
            step(s)
            done += 1

    `step` may be a coroutine function: then each call is run to its end, as `loop.run_until_complete(step(s))` does.
    At least one of `steps` and `until` is given. `state` stays unchanged. `config` takes the settings of
    `asc_toy.SpeculationConfig`. With `folder`, the run is recorded there as `asc run` records a run, and with `resume`
    it continues from the folder's checkpoint, if there is one; of a finished run it returns the result, and changes
    nothing. With `compare_plain` the program runs a second time without speculation, to measure the net speed-up.

    Raises StepError where the step function raises, NonDeterministicStepError where it is not a function of the state,
    and AscError where an argument or a setting has a wrong value. In the main thread, Ctrl-C and SIGTERM end the run
    before the next superstep and raise Interrupted, a KeyboardInterrupt that has the result so far. A second Ctrl-C
    raises KeyboardInterrupt at once. What the program's own handlers of signals raise, such as an alarm's, passes.
    """
    program, settings = program_of(step, state, steps, until), settings_of(config)
    if resume and compare_plain:
        raise AscError("resume and compare_plain exclude each other: only whole runs can be compared.")
    place = folder_of(folder, resume, program)
    backend, plugins = ToyBackend(settings, program), load()
    record = None if place is None else EventWriter(place)
    if record is not None:
        plugins.observe(record, OBSERVER)
    run = Run(backend, "toy", plugins, folder=place, resume=resume, digest=compare_plain or place is not None)
    with nullcontext() if place is None else exclusive(place):
        if place is not None:
            known = finished(place)
            if known is not None and run.computation.finished():  # it may have got more steps
                run.engine.speculator.close()
                return Result(run.computation.result(), known)
            origin = {"program": program.name, "start": state_digest(0, program.state)}
            describe(place, run, origin, anew=not is_run(place))
        with postponing_termination() as terminated, closing(record) if record else nullcontext():
            before = stretches()
            summary = _execute(run, place, backend)
            stopped = run.stopped
            if compare_plain and not stopped and stretches() != before:
                summary["warnings"].append(_HAPPENED)
            elif compare_plain and not stopped:
                plugins.remove(OBSERVER)
                stopped = _compare(summary, run, backend, plugins)
            if place is not None:
                keep(run, summary, backend.group)
    result = Result(run.computation.result(), summary)
    if stopped or terminated():
        raise Interrupted(_interrupted(summary, run.folder), result)
    return result


def _execute(run: Run, place: Path | None, backend: ToyBackend) -> dict[str, Any]:
    try:
        return run.execute()
    except AscError:
        if place is not None:
            keep(run, run.summary("failed"), backend.group)
        raise


def _compare(summary: dict[str, Any], run: Run, backend: ToyBackend, plugins: Plugins) -> bool:
    """Put the figures of a plain run into the summary; return whether that run was stopped."""
    plain = Run(backend, "toy", plugins, speculate=False)
    try:
        compare_pairs(summary, lambda _: plain.execute(), 1, run.engine.speculator, backend)
    except KeyboardInterrupt:  # a second Ctrl-C; the first run's result is there all the same
        summary["warnings"].append(NOT_COMPARED)
        return True
    return plain.stopped


def _interrupted(summary: Mapping[str, Any], place: Path | None) -> str:
    """Say how far the run got, and how to continue it."""
    if summary["state"] == "finished":
        return f"Interrupted after the last step, {summary['position']:,}; the finished result is in error.result."
    total = "" if summary["total"] is None else f" of {summary['total']:,}"
    sentence = f"Interrupted at step {summary['position']:,}{total}; the state so far is in error.result."
    if place is None:
        return sentence
    return f"{sentence} To continue, make the same call with folder={str(place)!r}, resume=True."
