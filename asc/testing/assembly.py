"""An engine put together by hand, as small as can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from asc.allocator import Allocator
from asc.cache import TrajectoryCache
from asc.computation import Computation, InPlace, Predictor, Recognizer, Validator
from asc.engine import Engine
from asc.ledger import Ledger
from asc.recognizers.every import Every
from asc.speculators import Executed, Judged
from asc.testing.executors import Inline
from asc.testing.stand_ins import Refuse
from asc.types import Boundary


def assemble(
    computation: Computation,
    predictors: Mapping[str, Predictor],
    *,
    every: int = 8,
    recognizer: Recognizer | None = None,
    executor: Callable[[], Executor] = Inline,
    workers: int = 2,
    validator: Validator | None = None,
    cache: TrajectoryCache.Config | None = None,
    allocator: Allocator.Config | None = None,
    clock: Callable[[], float] = time.perf_counter,
    shadow: bool = False,
    on_boundary: Callable[[Boundary], None] | None = None,
    on_fault: Callable[[str, str], None] | None = None,
) -> Engine:
    """Return an engine: executed speculation for an exact computation, judged for any other.

    It stops every so many steps unless a recognizer is given. The executor is opened at first need, and waited for;
    with 0 workers only the main thread's own supersteps are remembered. Without a validator every candidate is refused;
    horizons to try are a setting of the allocator.
    """
    rationing = allocator or Allocator.Config()
    in_place = [name for name, part in predictors.items() if isinstance(part, InPlace) and part.in_place]
    ledger = Ledger(computation.exact, rationing.overdraft, clock)
    speculator: Executed | Judged
    if computation.exact:
        speculator = Executed(predictors, executor, workers, ledger, background=False)
    else:
        speculator = Judged(predictors, validator or Refuse(), ledger)
    return Engine(
        computation,
        recognizer or Every(Every.Config(steps=every)),
        speculator,
        cache=TrajectoryCache(cache),
        allocator=Allocator(rationing, list(predictors), ledger, in_place),
        ledger=ledger,
        shadow=shadow,
        on_boundary=on_boundary,
        on_fault=on_fault,
    )
