"""Verified transitions of weights: leapt by once, and found again if a loop goes back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training import Speculation

Saved = dict[str, Any]


def batch(seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


class Loop:
    """A training of the user's own, which can go back to an earlier state."""

    def __init__(self, cache: dict[str, Any] | None = None, **settings: Any) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        gate = [batch(10_000 + i) for i in range(8)]
        usual = {"every": 5, "horizons": (5, 20), "overdraft": 0.5, "cache": cache}
        self.speculation = Speculation(self.model, self.optimizer, gate=gate, loss=loss, **{**usual, **settings})
        self.leaps: list[int] = []

    def step(self) -> None:
        value = loss(self.model, batch(self.speculation.position)).mean()
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        done = self.speculation.step(value)
        if done is not None and done.leaps:
            self.leaps.append(done.position)

    def to(self, position: int) -> Loop:
        while self.speculation.position < position:
            self.step()
        return self

    def save(self) -> Saved:
        parts = (self.model, self.optimizer, self.speculation)
        return {type(part).__name__: deepcopy(part.state_dict()) for part in parts}

    def load(self, saved: Saved) -> None:
        for part in (self.model, self.optimizer, self.speculation):
            part.load_state_dict(deepcopy(saved[type(part).__name__]))

    @property
    def stats(self) -> dict[str, int]:
        return dict(self.speculation.engine.cache.stats())

    def weights(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self.model.parameters()]


def first_leap(loop: Loop) -> tuple[int, Saved]:
    """Train up to a leap; return its position, and the state some steps before it."""
    saved = loop.save()
    while not loop.leaps:
        if loop.speculation.position % 5 == 1:
            saved = loop.save()
        loop.step()
    return loop.leaps[0], saved


def test_a_loop_that_goes_back_leaps_without_being_judged_again() -> None:
    loop = Loop({"keep": 4})
    position, before = first_leap(loop)
    after = loop.weights()
    known = loop.speculation.engine.cache
    judged = loop.speculation.report()["ledger"]["validate"]["count"]
    loop.model.load_state_dict(before["Sequential"])
    loop.optimizer.load_state_dict(before["AdamW"])
    # Only the place goes back: what the speculation has learnt, the verified transition included, stays.
    now, then = loop.speculation.state_dict(), before["Speculation"]
    speculation = now["speculation"]
    speculation["history"] = then["speculation"]["history"]
    speculation["engine"]["engine"] = then["speculation"]["engine"]["engine"]
    loop.speculation.load_state_dict(then | {"losses": now["losses"], "speculation": speculation})
    assert len(known) == 1
    assert len({snapshot.segment for snapshot in loop.speculation.engine.trajectory.snapshots()}) == 1
    loop.to(position)
    assert len(known) == 1
    assert loop.speculation.engine.trajectory.segment == 1
    assert loop.stats["recalled"] == 1
    assert loop.speculation.report()["ledger"]["validate"]["count"] == judged
    assert all(torch.equal(a, b) for a, b in zip(loop.weights(), after, strict=True))


def test_by_default_no_transition_stays() -> None:
    loop = Loop()
    first_leap(loop)
    stats = loop.stats
    assert (stats["entries"], stats["bytes"], stats["hits"], stats["recalled"]) == (0, 0, 1, 0)
    assert stats["device_bytes"] > 0  # the history


def test_start_and_end_are_the_boundaries_own_copies() -> None:
    """A verified transition costs one copy of the weights beside those of the history, and not two."""
    loop = Loop({"keep": 4})
    first_leap(loop)
    stats, size = loop.stats, 4 * sum(p.numel() for p in loop.model.parameters())
    assert stats["bytes"] == 2 * size
    assert stats["device_bytes"] == 2 * size  # the end is the newest snapshot, too


def test_the_least_recently_used_is_evicted_first() -> None:
    loop = Loop({"keep": 1}).to(300)
    stats = loop.stats
    assert len(loop.leaps) > 1
    assert stats["entries"] == 1
    assert stats["evictions"] == len(loop.leaps) - 1
    small = Loop({"keep": 9, "max_bytes": 100}).to(300)
    assert small.stats["entries"] == 0


@pytest.mark.parametrize(("match", "tolerance", "found"), [("position", 1e-3, False), ("distance", 1e-3, True)])
def test_weights_nearby_match_within_the_tolerance(match: str, tolerance: float, found: bool) -> None:
    loop = Loop({"keep": 2, "match": match, "tolerance": tolerance})
    first_leap(loop)
    computation, cache = loop.speculation.computation, loop.speculation.engine.cache
    (known,) = cache._verified.values()  # type: ignore[attr-defined]
    near = [value * (1 + 1e-5) for value in known.start.values()]
    computation.weights.put(near)
    computation.changed()
    loop.speculation._loop.position -= 1  # the loop has gone back, to another position
    assert computation.distance(known.start) == pytest.approx(1e-5, rel=1e-2)
    leap = cache.lookup(computation)
    assert (leap is not None) is found
    if leap is not None:
        computation.apply(leap)
        assert all(torch.equal(a, b) for a, b in zip(loop.weights(), known.end.values(), strict=True))
        assert leap.gain_steps == known.gain
        assert computation.price("lookup") > 0


def test_a_loop_that_moves_forward_is_never_pulled_back() -> None:
    loop = Loop({"keep": 4, "match": "distance", "tolerance": 0.9}).to(200)
    assert len(loop.leaps) > 1
    assert loop.stats["recalled"] == 0


def test_a_verified_transition_never_leads_past_the_end() -> None:
    loop = Loop({"keep": 4})
    first_leap(loop)
    computation, cache = loop.speculation.computation, loop.speculation.engine.cache
    ((serial, known),) = cache._verified.items()  # type: ignore[attr-defined]
    computation.weights.put(known.start.values())
    computation.changed()
    cache._verified[serial] = known._replace(steps=500)  # type: ignore[attr-defined]
    loop.speculation._loop.total = 200
    before = loop.stats
    assert cache.lookup(computation) is None
    assert loop.stats["recalled"] == before["recalled"]
    cache._verified[serial] = known  # type: ignore[attr-defined]
    assert cache.lookup(computation) is not None


def test_verified_transitions_are_never_rounded() -> None:
    with pytest.raises(AscError, match="set dtype to as-is, or keep to 0"):
        Loop({"keep": 4, "dtype": "float16"})


def test_verified_transitions_are_in_the_saved_state() -> None:
    loop = Loop({"keep": 4})
    first_leap(loop)
    saved = loop.save()
    other = Loop({"keep": 4})
    other.load(saved)
    kinds = ("entries", "bytes", "hits", "evictions")
    assert [other.stats[kind] for kind in kinds] == [loop.stats[kind] for kind in kinds]
    assert all(torch.equal(a, b) for a, b in zip(other.to(150).weights(), loop.to(150).weights(), strict=True))


@pytest.mark.parametrize("cache", [{"device_bytes": 0}, {"device_bytes": 0, "keep": 3}])
def test_where_weights_are_kept_changes_nothing(cache: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"snapshots": 3, "overdraft": 10.0}  # so that the price of transfers rations nothing
    moved, stayed = Loop(cache, **settings).to(200), Loop({**cache, "device_bytes": None}, **settings).to(200)
    assert moved.leaps == stayed.leaps
    assert all(torch.equal(a, b) for a, b in zip(moved.weights(), stayed.weights(), strict=True))
    assert moved.stats["spilled"] > 0
    assert moved.stats["disk_bytes"] > 0


def test_past_weights_may_be_less_precise() -> None:
    loop = Loop({"dtype": "bfloat16"}, validator={"name": "held-out-loss", "criterion": "strict"}).to(200)
    assert loop.leaps
    while len(loop.speculation.engine.trajectory.snapshots()) < 2:
        loop.step()
    size = 4 * sum(p.numel() for p in loop.model.parameters())
    assert loop.stats["device_bytes"] == 1.5 * size
