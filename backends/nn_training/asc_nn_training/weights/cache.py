"""Verified transitions of weights: taken at once, and found again where the same weights come by once more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import Field, model_validator

from asc.cache import TrajectoryCache
from asc.computation import Computation
from asc.types import Transition
from asc_nn_training.weights.store import Kept, StoreConfig, WeightStore


class Places(Protocol):
    """What the cache asks of a computation over weights."""

    store: WeightStore

    def position(self) -> int:
        """Optimiser steps taken or leapt over."""

    def present(self) -> Kept:
        """The present weights, copied once for each version of them."""

    def distance(self, kept: Kept) -> float:
        """How far the present weights are from others, relative to their own length; L2."""

    def leap_to(self, kept: Kept, source: str, steps: int, gain: float) -> Transition:
        """A transition from here to those weights."""


class Known(NamedTuple):
    """A leap that a validator has agreed to, and what it led from and to."""

    position: int
    steps: int
    start: Kept
    end: Kept
    source: str
    gain: float
    used: int  # the position at which it was last taken


class WeightCache:
    """The trajectory cache of a network.

    A candidate that was accepted comes in, is looked up, leapt to, and then let go of, since weights that move on do
    not come back by themselves. With `keep` it stays: where a loop goes back to an earlier state, after a spike of the
    loss, say, the way from there is known, and neither predicted nor judged again. It counts only where the loop has
    gone back, so that one that moves on is never pulled back. Start and end are the boundaries' own snapshots, so
    keeping them copies nothing. An entry matches where the position is the same (`position`), or anywhere up to where
    it was last taken (`distance`), and the present weights are as near to its start as `tolerance` says. The least
    recently used entry leaves first. Predictors' snapshots lie in the same store, whose budgets count both.
    """

    class Config(TrajectoryCache.Config, StoreConfig):
        """Bounds of the cache, and where past weights lie."""

        max_bytes: int = Field(2**40, ge=0, description="bytes of transitions kept at most")
        keep: int = Field(0, ge=0, description="verified transitions that stay after they were taken")
        match: Literal["position", "distance"] = Field(
            "position",
            description="position: an entry counts at its own position; distance: wherever the loop went back to",
        )
        tolerance: float = Field(
            0.0,
            ge=0,
            lt=1,
            description="relative L2 distance of weights up to which an entry matches; 0: the same bits",
        )

        @model_validator(mode="after")
        def _exact(self) -> WeightCache.Config:
            if self.keep and self.dtype not in ("as-is", "float32"):
                raise ValueError(
                    f"keep is {self.keep} and dtype {self.dtype}: a verified transition leads to the very weights that "
                    "were judged, so set dtype to as-is, or keep to 0"
                )
            return self

    def __init__(self, computation: Places, config: Config | None = None) -> None:
        self._computation, self._config = computation, config or self.Config()
        self._fresh: Transition | None = None  # accepted and not yet looked up
        self._taking: Transition | None = None  # looked up and not yet taken
        self._known: OrderedDict[int, Known] = OrderedDict()  # least recently used first
        self._serial = 0
        self._hits = self._misses = self._evictions = self._recalled = 0

    def __len__(self) -> int:
        return len(self._known) + (self._fresh is not None)

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Return what was just accepted, or else a known way on from here."""
        self._taking, self._fresh = self._fresh, None
        room = None if until is None else until - computation.position()
        found = self._taking
        if found is None or not computation.agrees(found):
            found = self._recall(computation)
        if found is None or (room is not None and found.steps > room):
            self._taking = None
            self._misses += 1
            return None
        self._hits += 1
        return found

    def insert(self, transition: Transition) -> bool:
        """Take in what was accepted; False where it exceeds the bounds."""
        if transition.nbytes > self._config.max_bytes or self._config.max_entries == 0:
            return False
        self._fresh = transition
        return True

    def discard(self, transition: Transition) -> None:
        """Hear that the computation has taken a transition: let go of it, or know it from now on."""
        fresh, self._taking = self._taking, None  # it holds past weights
        if not self._config.keep or transition is not fresh:
            return
        known = Known(
            transition.start,
            transition.steps,
            transition.effect.start,
            self._computation.present(),
            transition.source,
            transition.gain_steps or 0.0,
            transition.start,
        )
        self._serial += 1
        self._known[self._serial] = known
        while len(self._known) > self._config.keep or self._bytes() > self._config.max_bytes:
            self._known.popitem(last=False)
            self._evictions += 1

    def stats(self) -> dict[str, int]:
        """Entries and bytes of transitions; hits, those of known ones, misses, evictions; where past weights lie."""
        return {
            "entries": len(self),
            "bytes": self._bytes(),
            "hits": self._hits,
            "recalled": self._recalled,
            "misses": self._misses,
            "evictions": self._evictions,
        } | self._computation.store.stats()

    def state_dict(self) -> dict[str, Any]:
        """Return the known transitions with their weights, and the counts."""
        known = [
            {**entry._asdict(), "start": entry.start.peek(), "end": entry.end.peek()} for entry in self._known.values()
        ]
        return {"known": known, "counts": [self._hits, self._misses, self._evictions, self._recalled]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, taking over the tensors."""
        keep = self._computation.store.keep
        self._known.clear()
        for entry in state["known"]:
            self._serial += 1
            self._known[self._serial] = Known(**{**entry, "start": keep(entry["start"]), "end": keep(entry["end"])})
        self._hits, self._misses, self._evictions, self._recalled = state["counts"]

    def _recall(self, computation: Computation) -> Transition | None:
        """The nearest of the known transitions that match here."""
        here, near = self._computation.position(), list[tuple[float, int]]()
        for serial, known in self._known.items():
            if known.position == here if self._config.match == "position" else here <= known.used:
                near.append((self._computation.distance(known.start), serial))
        for distance, serial in sorted(near):
            known = self._known[serial]
            found = self._computation.leap_to(known.end, known.source, known.steps, known.gain)
            if distance <= self._config.tolerance and computation.agrees(found):
                self._known[serial] = known._replace(used=here)
                self._known.move_to_end(serial)
                self._recalled += 1
                return found
        return None

    def _bytes(self) -> int:
        """Those of the known transitions, weights that two of them share counted once."""
        return sum(
            {id(kept): kept.nbytes for known in self._known.values() for kept in (known.start, known.end)}.values()
        )
