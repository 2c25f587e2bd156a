"""Speculation from Python: write a step function, call one function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from asc.config.validate import validate
from asc.plugins import load
from asc.run.compare import compare
from asc.run.run import Run
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.program import Program, Step


class Result(NamedTuple):
    """The final state of a program, and the summary of its run."""

    state: dict[str, Any]  # words and arrays, by name
    summary: dict[str, Any]

    @property
    def report(self) -> str:
        """One line: time, speed-up, hit rate, and a sentence that explains them."""
        summary = self.summary
        net, estimated = summary["net_speedup"], summary["estimated_speedup"]
        speedup = f"{net:.2f}x net" if net is not None else f"{estimated:.2f}x estimated"
        return f"{summary['seconds']:.2f} s, {speedup}, hit rate {summary['hit_rate']:.0%}. {summary['reason']}"


def accelerate(
    step: Step,
    state: Mapping[str, Any],
    steps: int,
    config: SpeculationConfig | Mapping[str, Any] | None = None,
    *,
    compare_plain: bool = False,
) -> Result:
    """Run `step(state)` `steps` times, faster where the states can be predicted. The result is always bit-identical.

    `state` holds ints, floats, bools, bytes, strings and numpy arrays, by name; it stays unchanged. `config` takes the
    settings of `asc_toy.SpeculationConfig`. With `compare_plain` the program runs a second time without speculation, to
    measure the net speed-up. Raises StepError where the step function raises, NonDeterministicStepError where it is not
    a function of the state, and AscError where a setting does not exist or has a wrong value.
    """
    settings = config if isinstance(config, SpeculationConfig) else validate(SpeculationConfig, config or {})
    backend = ToyBackend(settings, Program(getattr(step, "__name__", "step"), step, state, steps))
    plugins = load()
    run = Run(backend, "toy", plugins)
    summary = run.execute()
    if compare_plain:
        plain = Run(backend, "toy", plugins, speculate=False).execute()
        summary |= compare(summary, plain, run.engine.speculator, backend)
    return Result(run.computation.result(), summary)
