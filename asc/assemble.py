"""Assembles engines, for the command, library calls, training loops and the test kit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asc.cache import Cache
from asc.computation import Computation
from asc.config.run import RunConfig
from asc.engine import Engine, Observer
from asc.errors import AscError
from asc.ledger import Ledger
from asc.nearest import nearest
from asc.predictor import Predictor
from asc.recognizer import Recognizer
from asc.settings import NO_SETTINGS, CreateComponent
from asc.speculators.pool import Pool
from asc.trajectory import Trajectory

_REMEDIES = {
    "losses": (
        "Let the computation have score(state, look) and gain_steps(improvement), as asc.validators.scores.Scores "
        'describes them, and name "losses" in its provides; or choose a validator that needs no held-out losses (type: '
        "asc new validator NAME)."
    ),
    "trial": "Choose one that needs no steps on trial: `asc explain NAME` says what each needs.",
}
"""What to do where a computation does not provide a need."""


def assemble(
    computation: Computation,
    config: RunConfig,
    create: CreateComponent,
    *,
    cache: Cache,
    pool: Pool | None = None,
    shadow: bool = False,
    observer: Observer | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Engine:
    """Return the engine of a computation, with components by the names that the configuration gives.

    The engine reports to `observer`. A shadow engine judges everything and applies nothing. Raises AscError where
    components do not suit the computation or each other.
    """
    names = [component.name for component in config.predictors]
    require_distinct(names)

    def suitable(kind: str, name: str, settings: Mapping[str, Any] = NO_SETTINGS) -> Any:
        component = create(kind, name, settings)
        require_needs(kind, name, component.needs, computation)
        return component

    predictors: dict[str, Predictor] = {
        component.name: suitable("predictor", component.name, component.settings) for component in config.predictors
    }
    for name, predictor in predictors.items():
        require_depth(name, predictor, config.history)
    recognizer: Recognizer = suitable("recognizer", config.recognizer.name, config.recognizer.settings)
    overdraft = math.inf if shadow else config.scheduler.overdraft
    ledger = Ledger(computation.take_price, timed=config.speculator.timed, overdraft=overdraft, clock=clock)
    return Engine(
        computation,
        recognizer,
        config.speculator.assemble(config, predictors, ledger, suitable, pool),
        cache=cache,
        ledger=ledger,
        trajectory=Trajectory(config.history, max((p.depth for p in predictors.values()), default=2)),
        recognizer_name=config.recognizer.name,
        shadow=shadow,
        observer=observer,
    )


def require_needs(kind: str, name: str, needs: frozenset[str], computation: Computation) -> None:
    """Raise AscError for a component that needs what the computation does not provide."""
    missing = sorted(needs - computation.provides)
    if missing:
        offered = ", ".join(sorted(computation.provides)) or "nothing but snapshots"
        meant = nearest(missing[0], computation.provides)
        otherwise = _REMEDIES.get(missing[0], "Choose another; `asc plugins` lists them.")
        what_next = f'Did you mean "{meant}"?' if meant else otherwise
        raise AscError(
            f'The {kind} "{name}" needs {", ".join(missing)}, which this backend does not provide (it offers '
            f"{offered}). {what_next}"
        )


def require_distinct(names: Sequence[str]) -> None:
    """Raise AscError where a predictor is named twice: outcomes are kept by name."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise AscError(f"The predictor {twice} is named twice, and outcomes are kept by name: leave one out.")


def require_depth(name: str, predictor: Predictor, history: Trajectory.Config) -> None:
    """Raise AscError where the history is too short for a predictor, which would never predict."""
    if history.max_snapshots is not None and history.max_snapshots < predictor.depth:
        raise AscError(
            f"The predictor {name} looks back on {predictor.depth} snapshots, and history.max_snapshots is "
            f"{history.max_snapshots}: set it to {predictor.depth} or more, or leave it out."
        )
