"""The base of backends: makes computations from a configuration, saves them, and reports their results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from asc.cache import Cache, TrajectoryCache
from asc.computation import Computation
from asc.config.run import RunConfig
from asc.group import Group
from asc.speculators.pool import Pool
from asc.types import EngineState

C = TypeVar("C", bound=Computation)


class Backend(ABC, Generic[C]):
    """A registered backend.

    Its nested class `Config` extends `JudgedConfig` or `ExecutedConfig` of `asc.config.run`, which decides how
    candidates are confirmed.
    """

    Config: ClassVar[type[RunConfig]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def computation(self, *, plain: bool) -> C:
        """Make the computation at its start; a plain one runs without an engine and may skip all preparation."""

    @property
    def group(self) -> Group:
        """The processes that run one computation together: by default this process alone.

        In a larger group, every process makes the computation, and calls `save`, `finish`, `load`, `outcome` and
        `figures` at the same position. The first process writes; all of them read.
        """
        return Group()

    def pool(self, computation: C) -> Pool | None:
        """Return the workers that execute candidates; None for a backend whose candidates are judged."""
        return None

    def cache(self, computation: C) -> Cache:
        """Make the trajectory cache, empty."""
        return TrajectoryCache(self.config.cache)

    @abstractmethod
    def save(self, computation: C, folder: Path, state: EngineState) -> None:
        """Write a checkpoint that a kill at any moment leaves whole; never a pickle.

        `state` is what a judged run needs as well, for `load`. An executed run ends in the same state without it.
        """

    def prepare(self, computation: C, where: Callable[[], Path | None]) -> None:
        """Prepare what a run makes beside its computation. Called once before its first step, after `load`.

        `where()` is the run's folder at any time; None if the run is not recorded, or if the folder was removed. What
        is raised here ends a run before it begins.
        """

    def finish(self, computation: C, folder: Path) -> None:
        """Write what stays of a run beside its checkpoints, such as a model. Called when it ends or is stopped."""

    @abstractmethod
    def load(self, computation: C, folder: Path) -> EngineState | None:
        """Go to the folder's checkpoint and return its engine state, which may be empty; None without a checkpoint."""

    @abstractmethod
    def outcome(self, computation: C) -> Mapping[str, Any]:
        """Return what a person wants to see of the final state, in values that JSON can hold."""

    def figures(self, computation: C) -> Mapping[str, Any]:
        """Return further fields for the summary, in values that JSON can hold.

        `curves` maps names to points [position, seconds, value], which the report draws.
        """
        return {}

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Compare the summaries of a speculative and a plain run that ended in different states.

        Returns `net_speedup` (None where the goal was never reached) and other fields; None where a backend cannot say
        which run was better.
        """
        return None
