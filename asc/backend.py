"""What a backend is to the command line and to `asc.run.run`: a way to make computations from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from asc.computation import Cache, Computation
from asc.config.run import RunConfig
from asc.types import Memory

C = TypeVar("C", bound=Computation)


class Pool(NamedTuple):
    """Where guesses are executed; without workers only the main thread's own supersteps are remembered."""

    make: Callable[[], Executor]
    workers: int
    start_s: float = 0.0  # typical seconds until workers are there; a shorter run does without


class Backend(Protocol[C]):
    """A registered backend. Its class has a `Config` that extends `RunConfig`, and is constructed with an instance."""

    @property
    def config(self) -> RunConfig:
        """What it was made from."""

    def computation(self, plain: bool) -> C:
        """Make the computation at its start; a plain one will run without an engine and may skip all preparation."""

    def pool(self, computation: C) -> Pool | None:
        """Where guesses are executed; None for a backend whose guesses are judged."""

    def save(self, computation: C, folder: Path, memory: Memory) -> None:
        """Write a checkpoint that a kill at any moment leaves whole; never a pickle.

        `memory` is what an inexact backend keeps as well, for `load`. An exact one ends in the same state without it.
        """

    def load(self, computation: C, folder: Path) -> Memory | None:
        """Go to the folder's checkpoint and return what it remembers, empty where exact; None if there is none yet."""

    def outcome(self, computation: C) -> Mapping[str, Any]:
        """What a person wants to see of the final state, in values that JSON can hold."""


@runtime_checkable
class Caches(Protocol):
    """A backend whose transitions are kept in a cache of its own."""

    def cache(self, computation: Any) -> Cache:
        """Make one, empty."""


@runtime_checkable
class Checkpoints(Protocol):
    """A backend whose `save` does more, at the end of a run, than write a checkpoint."""

    def checkpoint(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write a checkpoint that `load` reads, and nothing else."""


@runtime_checkable
class Figures(Protocol):
    """A backend that has more to tell of a run than its outcome."""

    def figures(self, computation: Any) -> Mapping[str, Any]:
        """Return what the summary holds as well, in values that JSON can hold.

        `curves` maps names to points [position, seconds, value], which the report draws.
        """


@runtime_checkable
class Compares(Protocol):
    """A judged backend, whose runs end in different states: what it means that one of them was faster."""

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `net_speedup`, None where the goal was never reached, and other fields, from two summaries."""
