"""Speculation from Python: write a step function, call one function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from asc.plugins import load
from asc.run.compare import compare
from asc.run.run import Run
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.computation import ToyComputation
from asc_toy.program import Program, Step


class Result(NamedTuple):
    """The final state, and what speculation did for it."""

    state: dict[str, Any]  # words and arrays by name
    summary: dict[str, Any]

    @property
    def report(self) -> str:
        """A line on time, hits and gain, and a sentence on why."""
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
    """Run `step(state)` so many times, faster where its course can be predicted; the result is bit-identical always.

    `state` holds ints, floats, bools, bytes, strings and numpy arrays by name; it is left as it is. `config` takes the
    settings of `asc_toy.SpeculationConfig`. With `compare_plain` the program also runs plainly, afterwards, to measure
    the net speed-up. Raises StepError where the step function raises, NonDeterministicStepError where it is not a
    function of the state.
    """
    settings = config if isinstance(config, SpeculationConfig) else SpeculationConfig.model_validate(config or {})
    backend = ToyBackend(settings, Program(getattr(step, "__name__", "step"), step, state, steps))
    plugins = load()
    run = Run(backend, "toy", plugins)
    summary = run.execute()
    if compare_plain:
        plain = Run(backend, "toy", plugins, speculate=False)
        summary |= compare(summary, plain.execute(), exact=True)
    assert isinstance(run.computation, ToyComputation)
    return Result(run.computation.result(), summary)
