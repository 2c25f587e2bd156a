"""Verified transitions of weights: taken once, and found again where a loop goes back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc_nn_training import Speculation

Saved = dict[str, Any]


def batch(seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


class Loop:
    """Somebody's training, which can go back to an earlier state."""

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
    """Train up to a leap; return where it was, and the state some steps before it."""
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
    model, optimizer = before["Sequential"], before["AdamW"]  # the speculation itself remembers
    loop.model.load_state_dict(model)
    loop.optimizer.load_state_dict(optimizer)
    state = {**loop.speculation.state_dict(), **{k: before["Speculation"][k] for k in ("position", "last", "next")}}
    state["history"] = before["Speculation"]["history"]
    state["state"]["engine"] = before["Speculation"]["state"]["engine"]
    loop.speculation.load_state_dict(state)
    assert len(known) == 1
    assert len({snapshot.segment for snapshot in loop.speculation.engine.trajectory.snapshots()}) == 1
    loop.to(position)
    assert len(known) == 1
    assert loop.speculation.engine.trajectory.segment == 1
    assert loop.stats["recalled"] == 1
    assert loop.speculation.report()["ledger"]["validate"]["count"] == judged
    assert all(torch.equal(a, b) for a, b in zip(loop.weights(), after, strict=True))


def test_by_default_nothing_stays() -> None:
    loop = Loop()
    first_leap(loop)
    stats = loop.stats
    assert (stats["entries"], stats["bytes"], stats["hits"], stats["recalled"]) == (0, 0, 1, 0)
    assert stats["device_bytes"] > 0  # the history


def test_start_and_end_are_the_boundaries_own_copies() -> None:
    """What is kept costs one more copy of the weights than the history has anyway, and not two."""
    loop = Loop({"keep": 4})
    first_leap(loop)
    stats, size = loop.stats, 4 * sum(p.numel() for p in loop.model.parameters())
    assert stats["bytes"] == 2 * size
    assert stats["device_bytes"] == 2 * size  # the end is the newest snapshot, too


def test_the_least_recently_used_leaves_first() -> None:
    loop = Loop({"keep": 1}).to(300)
    stats = loop.stats
    assert len(loop.leaps) > 1
    assert stats["entries"] == 1
    assert stats["evictions"] == len(loop.leaps) - 1
    small = Loop({"keep": 9, "max_bytes": 100}).to(300)
    assert small.stats["entries"] == 0


@pytest.mark.parametrize(("match", "tolerance", "found"), [("position", 1e-3, False), ("distance", 1e-3, True)])
def test_weights_nearby_match_where_that_was_asked_for(match: str, tolerance: float, found: bool) -> None:
    loop = Loop({"keep": 2, "match": match, "tolerance": tolerance})
    first_leap(loop)
    computation, cache = loop.speculation.computation, loop.speculation.engine.cache
    (known,) = cache._known.values()  # type: ignore[attr-defined]
    near = [value * (1 + 1e-5) for value in known.start.values()]
    computation.weights.put(near)
    computation.changed()
    loop.speculation._loop.position -= 1  # it has gone back, and not to the same place
    assert computation.distance(known.start) == pytest.approx(1e-5, rel=1e-2)
    leap = cache.lookup(computation)
    assert (leap is not None) is found
    if leap is not None:
        computation.apply(leap)
        assert all(torch.equal(a, b) for a, b in zip(loop.weights(), known.end.values(), strict=True))
        assert leap.gain_steps == known.gain
        assert computation.cost("lookup") > 0


def test_a_loop_that_moves_on_is_never_pulled_back() -> None:
    loop = Loop({"keep": 4, "match": "distance", "tolerance": 0.9}).to(200)
    assert len(loop.leaps) > 1
    assert loop.stats["recalled"] == 0


def test_a_known_transition_leads_nowhere_past_the_end() -> None:
    loop = Loop({"keep": 4})
    first_leap(loop)
    computation, cache = loop.speculation.computation, loop.speculation.engine.cache
    ((serial, known),) = cache._known.items()  # type: ignore[attr-defined]
    computation.weights.put(known.start.values())
    computation.changed()
    cache._known[serial] = known._replace(steps=500)  # type: ignore[attr-defined]
    loop.speculation._loop.total = 200
    before = loop.stats
    assert cache.lookup(computation) is None
    assert loop.stats["recalled"] == before["recalled"]
    cache._known[serial] = known  # type: ignore[attr-defined]
    assert cache.lookup(computation) is not None


def test_a_rounded_transition_would_not_be_the_verified_one() -> None:
    with pytest.raises(ValueError, match="set dtype to as-is, or keep to 0"):
        Loop({"keep": 4, "dtype": "float16"})


def test_known_transitions_are_saved_with_the_rest() -> None:
    loop = Loop({"keep": 4})
    first_leap(loop)
    saved = loop.save()
    other = Loop({"keep": 4})
    other.load(saved)
    kinds = ("entries", "bytes", "hits", "evictions")
    assert [other.stats[kind] for kind in kinds] == [loop.stats[kind] for kind in kinds]
    assert all(torch.equal(a, b) for a, b in zip(other.to(150).weights(), loop.to(150).weights(), strict=True))


@pytest.mark.parametrize("cache", [{"device_bytes": 0}, {"device_bytes": 0, "keep": 3}])
def test_where_weights_lie_changes_nothing(cache: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"snapshots": 3, "overdraft": 10.0}  # what moving costs is not to ration anything
    moved, stayed = Loop(cache, **settings).to(200), Loop({**cache, "device_bytes": None}, **settings).to(200)
    assert moved.leaps == stayed.leaps
    assert all(torch.equal(a, b) for a, b in zip(moved.weights(), stayed.weights(), strict=True))
    assert moved.stats["spilled"] > 0
    assert moved.stats["disk_bytes"] > 0


def test_what_is_past_may_be_less_precise() -> None:
    loop = Loop({"dtype": "bfloat16"}, validator={"name": "held-out-loss", "criterion": "strict"}).to(200)
    assert loop.leaps
    while len(loop.speculation.engine.trajectory.snapshots()) < 2:
        loop.step()
    size = 4 * sum(p.numel() for p in loop.model.parameters())
    assert loop.stats["device_bytes"] == 1.5 * size
