"""An engine from components at hand, as small as can be: `asc.assemble` with objects in place of names."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from asc import assemble as core
from asc.cache import TrajectoryCache
from asc.computation import Computation, Executable
from asc.config.run import Component, ExecutedConfig, JudgedConfig, RunConfig
from asc.engine import Engine, Observer
from asc.predictor import Predictor
from asc.recognizer import Recognizer
from asc.recognizers.every import Every
from asc.settings import NO_SETTINGS
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.pool import Pool
from asc.testing.executors import Inline
from asc.testing.stand_ins import Reject
from asc.validator import Validator

_GIVEN = Component(name="given")


def assemble(
    computation: Computation,
    predictors: Mapping[str, Predictor],
    *,
    every: int = 8,
    recognizer: Recognizer | None = None,
    executor: Callable[[], Executor] = Inline,
    workers: int = 2,
    rate: float = math.inf,
    queues: bool = False,
    validator: Validator | None = None,
    cache: TrajectoryCache.Config | None = None,
    scheduler: JudgedScheduler.Config | ExecutedScheduler.Config | None = None,
    clock: Callable[[], float] = time.perf_counter,
    shadow: bool = False,
    observer: Observer | None = None,
) -> Engine:
    """Return an engine: executed speculation for an `Executable` computation, judged for any other.

    It stops every so many steps unless a recognizer is given. The executor is opened at first need, and waited for;
    with 0 workers only the main thread's own supersteps are remembered. Without a validator every candidate is
    rejected.
    """
    components: dict[tuple[str, str], Any] = {("predictor", name): part for name, part in predictors.items()}
    components["recognizer", "given"] = recognizer or Every(Every.Config(steps=every))
    components["validator", "given"] = validator or Reject()

    def create(kind: str, name: str, settings: Mapping[str, Any] = NO_SETTINGS) -> Any:
        del settings  # the components are made already
        return components[kind, name]

    shared: dict[str, Any] = {
        "recognizer": _GIVEN,
        "predictors": tuple(Component(name=name) for name in predictors),
    } | ({} if scheduler is None else {"scheduler": scheduler})
    config: RunConfig
    pool = None
    if isinstance(computation, Executable):
        # No other thread needs the interpreter.
        pool = Pool(executor, workers, background=False, rate=rate, queues=queues, hand_over_s=0.0)
        config = ExecutedConfig(**shared)
    else:
        config = JudgedConfig(validator=_GIVEN, **shared)
    return core.assemble(
        computation,
        config,
        create,
        cache=TrajectoryCache(cache),
        pool=pool,
        shadow=shadow,
        observer=observer,
        clock=clock,
    )
