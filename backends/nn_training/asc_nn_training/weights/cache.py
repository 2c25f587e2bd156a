"""The trajectory cache of a network: verified transitions of weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from asc.cache import Cache, TrajectoryCache
from asc.computation import Computation
from asc.types import Transition
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.weights.store import StoreConfig, StoredWeights


class VerifiedTransition(NamedTuple):
    """A leap that a validator has accepted: the weights before and after it."""

    position: int
    steps: int
    start: StoredWeights
    end: StoredWeights
    source: str
    gain: float
    used: int  # the position of the latest leap by it


class WeightCache(Cache):
    """The trajectory cache of a network.

    An accepted candidate comes in, is found by the next look-up, and is dropped after the leap, because the weights of
    a training that moves forward do not recur. With `keep`, verified transitions stay: if a loop returns to an earlier
    state, after a spike of the loss, say, the leap from there is known, and needs neither prediction nor judging. A
    verified transition is found only if the loop has gone back, so a loop that moves forward is never pulled back.
    Start and end are the boundaries' own snapshots, so keeping them copies nothing.

    An entry matches if the position is the same (`match` is `position`), or anywhere up to the position of its latest
    leap (`distance`), and if the present weights are as near to its start as `tolerance` says. The least recently used
    entry is evicted first. The predictors' snapshots are in the same store, whose budgets count both.
    """

    class Config(TrajectoryCache.Config, StoreConfig):
        """Bounds of the cache, and where past weights are kept."""

        max_bytes: int = Field(2**40, ge=0, description="bytes of transitions kept at most")
        keep: int = Field(0, ge=0, description="verified transitions that stay after their leap")
        match: Literal["position", "distance"] = Field(
            "position",
            description="position: an entry matches at its own position; distance: wherever the loop has gone back to",
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
                    f"keep is {self.keep} and dtype {self.dtype}: a verified transition must lead to exactly the "
                    "weights that were judged, so set dtype to as-is, or keep to 0"
                )
            return self

    def __init__(self, computation: TrainingComputation, config: Config | None = None) -> None:
        self._computation, self._config = computation, config or self.Config()
        self._fresh: Transition | None = None  # accepted, and not looked up yet
        self._found: Transition | None = None  # looked up, and not leapt to yet
        self._verified: OrderedDict[int, VerifiedTransition] = OrderedDict()  # least recently used first
        self._serial = 0
        self._hits = self._misses = self._evictions = self._recalled = 0

    def __len__(self) -> int:
        return len(self._verified) + (self._fresh is not None)

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Return the newly accepted transition, or else a verified one from here."""
        self._found, self._fresh = self._fresh, None
        room = None if until is None else until - computation.position()
        found = self._found
        if found is None or not computation.agrees(found):
            found = self._recall(computation)
        if found is None or (room is not None and found.steps > room):
            self._found = None
            self._misses += 1
            return None
        self._hits += 1
        return found

    def insert(self, transition: Transition) -> bool:
        """Take in an accepted transition; False if it exceeds the bounds."""
        if transition.nbytes > self._config.max_bytes or self._config.max_entries == 0:
            return False
        self._fresh = transition
        return True

    def discard(self, transition: Transition) -> None:
        """Note that the computation has just leapt by this transition: drop it or, with `keep`, keep it as verified."""
        fresh, self._found = self._found, None  # a transition refers to past weights
        if not self._config.keep or transition is not fresh or transition.effect.way is not None:
            return
        self._serial += 1
        self._verified[self._serial] = VerifiedTransition(
            transition.start,
            transition.steps,
            transition.effect.start,
            self._computation.present(),
            transition.source,
            transition.gain_steps or 0.0,
            transition.start,
        )
        while len(self._verified) > self._config.keep or self._bytes() > self._config.max_bytes:
            self._verified.popitem(last=False)
            self._evictions += 1

    def clear(self) -> None:
        """Drop all transitions."""
        self._fresh = self._found = None
        self._verified.clear()

    def stats(self) -> dict[str, int]:
        """Return entries and bytes, hits, recalled verified transitions, misses, evictions, and the store's figures."""
        return {
            "entries": len(self),
            "bytes": self._bytes(),
            "hits": self._hits,
            "recalled": self._recalled,
            "misses": self._misses,
            "evictions": self._evictions,
        } | self._computation.store.stats()

    def state_dict(self) -> dict[str, Any]:
        """Return the verified transitions with their weights, and the counts."""
        verified = [
            {**entry._asdict(), "start": entry.start.peek(), "end": entry.end.peek()}
            for entry in self._verified.values()
        ]
        return {"verified": verified, "counts": [self._hits, self._misses, self._evictions, self._recalled]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, taking over its tensors."""
        take_over = self._computation.store.take_over
        self._verified.clear()
        for entry in state["verified"]:
            self._serial += 1
            weights = {"start": take_over(entry["start"]), "end": take_over(entry["end"])}
            self._verified[self._serial] = VerifiedTransition(**{**entry, **weights})
        self._hits, self._misses, self._evictions, self._recalled = state["counts"]

    def _recall(self, computation: Computation) -> Transition | None:
        """Return the nearest of the verified transitions that match here."""
        here, near = self._computation.position(), list[tuple[float, int]]()
        for serial, known in self._verified.items():
            if known.position == here if self._config.match == "position" else here <= known.used:
                near.append((self._computation.distance(known.start), serial))
        for distance, serial in sorted(near):
            known = self._verified[serial]
            found = self._computation.leap_to(known.end, known.source, known.steps, known.gain)
            if distance <= self._config.tolerance and computation.agrees(found):
                self._verified[serial] = known._replace(used=here)
                self._verified.move_to_end(serial)
                self._recalled += 1
                return found
        return None

    def _bytes(self) -> int:
        """Return the bytes of the verified transitions; weights that two of them share count once."""
        weights = {id(w): w.nbytes for known in self._verified.values() for w in (known.start, known.end)}
        return sum(weights.values())
