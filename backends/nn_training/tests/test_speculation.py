"""Speculation in the user's own loop."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc.hookspecs import RunView, hookimpl
from asc.plugins import Plugins, load
from asc.predictors.mean import Mean
from asc.trajectory import SegmentHistory
from asc.types import Boundary
from asc_nn_training import Speculation

Batch = tuple[Tensor, Tensor]


def batch(seed: int) -> Batch:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: Batch) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


class Loop:
    """A training of the user's own: BatchNorm, dropout, a frozen layer."""

    def __init__(self, **settings: Any) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 2)
        )
        self.model[4].requires_grad_(False)
        self.optimizer = torch.optim.AdamW([p for p in self.model.parameters() if p.requires_grad], lr=1e-3)
        gate = [batch(10_000 + i) for i in range(8)]
        usual = {"every": 5, "horizons": (5, 20), "overdraft": 0.5}
        self.speculation = Speculation(self.model, self.optimizer, gate=gate, loss=loss, **{**usual, **settings})
        self.done: list[Boundary] = []

    def run(self, first: int, last: int) -> Loop:
        for step in range(first, last):
            value = loss(self.model, batch(step)).mean()
            self.optimizer.zero_grad()
            value.backward()
            self.optimizer.step()
            done = self.speculation.step(value)
            if done is not None:
                self.done.append(done)
        return self

    def weights(self) -> dict[str, Tensor]:
        return deepcopy(self.model.state_dict())


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def test_leaps_are_taken_and_reported() -> None:
    loop = Loop().run(0, 200)
    assert loop.speculation.position == 200
    assert all(done.position % 5 == 0 for done in loop.done)
    leaps = [leap for done in loop.done for leap in done.leaps]
    report = loop.speculation.report()
    assert len(leaps) == report["leaps"] > 0
    assert report["warnings"] == []
    judged = report["outcomes"]["accepted"] + report["outcomes"]["rejected"]
    assert report["acceptance_rate"] == report["outcomes"]["accepted"] / judged
    assert report["mean_accepted_horizon"] in (5, 20) or 5 < report["mean_accepted_horizon"] < 20
    assert "candidates were accepted" in report["reason"]


PLUGIN = """
import asc

class Silent(asc.Predictor):
    def predict(self, history, horizon):
        return None

class Deep(asc.Predictor):
    depth = 3
    seen = []

    def predict(self, history, horizon):
        self.seen.append(len(history.positions))
        return asc.Combination((0, 0, 1)) if len(history.positions) == 3 else None

class Careless(asc.Predictor):
    needs = frozenset({"weights"})

    def predict(self, history, horizon):
        newest = history.read("weights")[-1]
        for weights in newest:
            weights.mul_(1.5)
        return asc.Direct([weights.clone() for weights in newest])

class Accept(asc.Validator):
    def judge(self, computation, candidate):
        return asc.Verdict(True, 1.0, "accepts everything")

class Reject(asc.Validator):
    def judge(self, computation, candidate):
        return asc.Verdict(False, 0.0, "rejects everything")

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "silent", "own_plugin:Silent", "never predicts")
    registry.add("predictor", "deep", "own_plugin:Deep", "needs three snapshots")
    registry.add("predictor", "careless", "own_plugin:Careless", "changes what it reads")
    registry.add("validator", "accept", "own_plugin:Accept", "accepts everything")
    registry.add("validator", "reject", "own_plugin:Reject", "rejects everything")
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    """The installed plugins, and a file of the user's own."""
    (tmp_path / "own_plugin.py").write_text(PLUGIN)
    return load([tmp_path / "own_plugin.py"])


class Watcher:
    """A plugin that counts the calls of its hooks."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.boundaries: list[int] = []
        self.progress = 0
        self.summaries: list[dict[str, Any]] = []

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        self.started.append(
            {"backend": run.backend, "config": run.config, "folder": run.folder, "position": run.status().position}
        )

    @hookimpl
    def asc_boundary(self, boundary: Boundary) -> None:
        self.boundaries.append(boundary.position)

    @hookimpl
    def asc_progress(self) -> None:
        self.progress += 1

    @hookimpl
    def asc_run_finished(self, summary: dict[str, Any]) -> None:
        json.dumps(summary)
        self.summaries.append(summary)


@pytest.fixture
def watcher(plugins: Plugins) -> Watcher:
    watcher = Watcher()
    plugins.observe(watcher, "watcher")
    return watcher


def test_a_silent_predictor_changes_nothing(plugins: Plugins) -> None:
    """Buffers, dropout's random numbers and the frozen layer included."""
    with_it = Loop(predictors=["silent"], plugins=plugins).run(0, 60)
    assert with_it.speculation.report()["outcomes"]["no prediction"] > 0
    plain = Loop(every=1000).run(0, 60)
    assert equal(with_it.weights(), plain.weights())


def test_a_predictor_that_changes_what_it_reads_does_not_change_the_training(plugins: Plugins) -> None:
    plain = Loop(predictors=["silent"], plugins=plugins).run(0, 60)
    careless = Loop(predictors=["careless"], validator="reject", plugins=plugins).run(0, 60)
    assert equal(careless.weights(), plain.weights())
    assert careless.speculation.report()["outcomes"]["rejected"] > 0
    assert careless.speculation.report()["warnings"] == []  # each predictor reads a copy of its own


def test_hooks_are_called_in_a_loop_of_the_user_s_own(plugins: Plugins, watcher: Watcher) -> None:
    """The start once, every boundary, and the end once, at `total`."""
    loop = Loop(plugins=plugins, total=200).run(0, 200)
    assert len(loop.done) > 5
    assert watcher.boundaries == [done.position for done in loop.done]
    (started,) = watcher.started
    assert (started["backend"], started["folder"], started["position"]) == ("nn_training", None, 0)
    assert started["config"]["scheduler"] == {"overdraft": 0.5, "horizons": [5, 20], "candidates": 8}
    assert started["config"]["recognizer"] == {"name": "every", "steps": 5}
    assert {"leap_moments", "cache", "history", "validator", "predictors"} <= set(started["config"])
    (summary,) = watcher.summaries
    report = loop.speculation.report()
    assert (summary["state"], summary["position"], summary["total"]) == ("finished", 200, 200)
    assert (summary["backend"], summary["run_dir"]) == ("nn_training", None)
    assert summary["final_digest"] == loop.speculation.computation.digest()
    assert sum(leap["taken"] for leap in summary["leaps"]) == report["leaps"] > 0
    assert summary["reason"] == report["reason"]
    loop.speculation.close()
    assert len(watcher.summaries) == 1


@pytest.mark.parametrize(("total", "state"), [(None, "finished"), (200, "interrupted")])
def test_a_loop_that_ends_early_is_closed_by_its_owner(
    plugins: Plugins, watcher: Watcher, total: int | None, state: str
) -> None:
    loop = Loop(plugins=plugins, total=total).run(0, 32)
    assert not watcher.summaries
    loop.speculation.close()
    loop.speculation.close()
    (summary,) = watcher.summaries
    assert (summary["state"], summary["position"], summary["total"]) == (state, 32, total)
    assert loop.speculation.report()["ledger"]["plain"]["steps"] == 32  # those after the last boundary included
    boundaries = len(watcher.boundaries)
    after = loop.run(32, 60)
    assert (after.speculation.position, len(watcher.boundaries)) == (60, boundaries)
    with pytest.raises(AscError, match=r"closed at position 60.* make a new Speculation"):
        loop.speculation.load_state_dict(loop.speculation.state_dict())


def test_a_speculation_without_a_step_tells_the_hooks_nothing(plugins: Plugins, watcher: Watcher) -> None:
    Loop(plugins=plugins).speculation.close()
    assert not watcher.started
    assert not watcher.summaries


def test_hooks_hear_of_progress_between_boundaries(
    plugins: Plugins, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asc.run.monitor._PROGRESS_S", 0.0)
    Loop(plugins=plugins, every=10).run(0, 30)
    assert watcher.progress == 30 - len(watcher.boundaries)


def test_a_resumed_loop_starts_at_its_position(plugins: Plugins, watcher: Watcher) -> None:
    saved = Loop().run(0, 52).speculation.state_dict()
    loop = Loop(plugins=plugins)
    loop.speculation.load_state_dict(deepcopy(saved))
    loop.run(52, 70).speculation.close()
    assert watcher.started[0]["position"] == 52
    assert watcher.summaries[0]["resumed_from"] == 52


def test_a_hook_that_raises_is_switched_off_and_training_continues(plugins: Plugins) -> None:
    class Broken:
        @hookimpl
        def asc_boundary(self) -> None:
            raise RuntimeError("broken")

    plugins.observe(Broken(), "broken")
    loop, without = Loop(plugins=plugins).run(0, 60), Loop().run(0, 60)
    (warning,) = loop.speculation.report()["warnings"]
    assert "asc_boundary raised RuntimeError: broken" in warning
    assert equal(loop.weights(), without.weights())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cache": {"dtype": "bfloat16"}},
        {"cache": {"device_bytes": 0}},
        {"way": {"name": "ema-nesterov", "start": 10, "decay": 0.7}},
    ],
)
@pytest.mark.parametrize("stop", [52, 63, 93])
def test_a_resumed_loop_ends_the_same(settings: dict[str, Any], stop: int) -> None:
    whole = Loop(**settings).run(0, 120)
    first = Loop(**settings).run(0, stop)
    saved = deepcopy(
        {
            "model": first.model.state_dict(),
            "optimizer": first.optimizer.state_dict(),
            "speculation": first.speculation.state_dict(),
            "random": torch.get_rng_state(),
        }
    )
    second = Loop(**settings)
    second.model.load_state_dict(saved["model"])
    second.optimizer.load_state_dict(saved["optimizer"])
    second.speculation.load_state_dict(saved["speculation"])
    torch.set_rng_state(saved["random"])
    assert equal(second.run(stop, 120).weights(), whole.weights())
    spent = [loop.speculation.engine.ledger.spent for loop in (second, whole)]
    assert spent[0] == pytest.approx(spent[1])
    torch.set_rng_state(saved["random"])  # saving costs nothing
    assert first.run(stop, 120).speculation.engine.ledger.spent == whole.speculation.engine.ledger.spent


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"predictors": ["liner"]}, "linear"),
        ({"leap": {"leap_schedule": "advance"}}, "takes all its steps"),
        ({"leap": {"leap_moment": "keep"}}, 'no setting "leap_moment" of leap; did you mean "leap_moments"'),
        ({"overdraft": -1}, 'setting "scheduler.overdraft" of Speculation was given -1'),
        ({"cache": {"kep": 1}}, 'no setting "cache.kep" of Speculation; did you mean "cache.keep"'),
        ({"recognizer": "activation-cosine"}, "needs fingerprint"),
        ({"recognizer": "lyapunov"}, 'The recognizer "lyapunov" needs twin, which this backend does not provide'),
        ({"predictors": ["linear", {"name": "linear"}]}, "linear is named twice"),
        ({"predictors": ["quadratic"], "snapshots": 2}, "quadratic looks back on 3 snapshots"),
    ],
)
def test_a_wrong_setting_is_refused_in_a_sentence(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        Loop(**settings)


def test_a_fingerprint_gives_regimes() -> None:
    probes = batch(77)[0]
    loop = Loop(fingerprint=lambda model: model[:4](probes), probe_size=16).run(0, 60)
    assert {done.label for done in loop.done} & {"stable", "transition", "chaotic"}


def test_a_plugin_s_predictor_gets_the_snapshots_that_it_asks_for(plugins: Plugins) -> None:
    rejecting = Loop(predictors=["deep"], plugins=plugins, overdraft=100.0, horizons=(5,), validator="reject")
    seen = plugins.registry.get("predictor", "deep").load().seen
    rejecting.run(0, 30)
    assert seen[:4] == [1, 2, 3, 3]
    accepting = Loop(predictors=["deep"], plugins=plugins, overdraft=100.0, validator="accept").run(0, 60)
    assert accepting.speculation.report()["leaps"] > 0


def test_a_mean_averages_its_whole_window(plugins: Plugins) -> None:
    loop = Loop(predictors=["mean"], horizons=(5,), overdraft=100.0, validator="reject", plugins=plugins).run(0, 60)
    history = SegmentHistory(loop.speculation.engine.trajectory.snapshots(), loop.speculation.computation)
    assert [float(share) for share in Mean().predict(history, 5).coefficients] == [1 / 8] * 8


@pytest.mark.parametrize("kind", ["groups", "adam"])
def test_momentum_is_refused_in_a_sentence_for_other_optimisers(kind: str) -> None:
    loop = Loop(predictors=["momentum"], overdraft=5.0)
    if kind == "groups":
        loop.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))], "lr": 0.5})
    else:
        trainable = [p for p in loop.model.parameters() if p.requires_grad]
        loop.optimizer = torch.optim.Adam(trainable, lr=1e-3, weight_decay=0.1)
        loop.speculation._loop.optimizer = loop.optimizer
    loop.run(0, 30)
    (warning,) = loop.speculation.report()["warnings"]
    assert ("AdamW with one learning rate" if kind == "groups" else "this optimiser, Adam, takes other") in warning
    assert "such as linear" in warning


def run_of(settings: dict[str, Any]) -> dict[str, Tensor]:
    return Loop(**{"predictors": [], **settings}).run(0, 60).weights()


def test_a_loop_of_one_s_own_goes_on_in_a_way() -> None:
    plain, with_way = run_of({}), run_of({"way": {"name": "ema-nesterov", "start": 10, "beta": 0.3, "decay": 0.7}})
    assert not equal(plain, with_way)
    assert equal(plain, run_of({"way": "plain"}))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("ema-nestrov", "ema-nesterov"),
        ({"name": "ema-nesterov", "gamma": 0.9}, "A way has no setting gamma; its settings are beta, decay, start"),
        ({"name": "ema-nesterov", "beta": 1}, "way_beta"),
        ({"beta": 0.3}, "give its name as well"),
        (3, "way is 3: give a table"),
    ],
)
def test_a_wrong_way_is_refused_in_a_sentence(way: Any, expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        Loop(way=way)


def test_an_optimiser_with_unknown_weights_of_its_own_takes_plain_steps_and_says_so() -> None:
    looped = Loop(predictors=[], way={"name": "ema-nesterov", "start": 0, "decay": 0.7})
    looped.run(0, 2)
    for parameter in looped.speculation.computation.weights.parameters:
        looped.optimizer.state[parameter]["hidden"] = parameter.detach() * 1.01
    value = loss(looped.model, batch(2)).mean()
    value.backward()
    looped.optimizer.step()
    looped.speculation.step(value)
    (warning,) = looped.speculation.report()["warnings"]
    assert warning.startswith("The training goes on by plain steps. ")
    assert '"hidden"' in warning


def test_a_frozen_layer_stays_from_the_next_step_on() -> None:
    looped = Loop(predictors=[], every=50, way={"name": "ema-nesterov", "start": 0, "decay": 0.7}).run(0, 21)
    looped.model[0].requires_grad_(False)
    for parameter in looped.model[0].parameters():
        parameter.grad = None
    before = looped.weights()
    looped.run(21, 27)
    assert torch.equal(looped.weights()["0.weight"], before["0.weight"])
    assert not torch.equal(looped.weights()["5.weight"], before["5.weight"])


def test_a_way_that_begins_anew_remembers_the_highest_rate() -> None:
    looped = Loop(predictors=[], way={"name": "ema-nesterov", "start": 0, "decay": 0.7}).run(0, 20)
    looped.optimizer.param_groups[0]["lr"] = 1e-4
    looped.model[0].requires_grad_(False)
    looped.run(20, 40)
    onward = looped.speculation.computation._onward
    assert onward is not None
    assert onward.peak == 1e-3
    assert onward.state_dict()["added"] == pytest.approx(0.03)


def test_a_way_stays_in_use_after_the_speculation_is_closed() -> None:
    settings: dict[str, Any] = {"predictors": [], "way": {"name": "ema-nesterov", "start": 0, "decay": 0.7}}
    closed = Loop(**settings).run(0, 20)
    closed.speculation.close()
    assert equal(closed.run(20, 40).weights(), Loop(**settings).run(0, 40).weights())


def test_a_saved_state_of_another_way_is_refused() -> None:
    saved = Loop().run(0, 10).speculation.state_dict()
    with pytest.raises(AscError, match="is of way plain, and this one has ema-nesterov"):
        Loop(way="ema-nesterov").speculation.load_state_dict(saved)


def test_a_way_cannot_be_a_candidate_in_a_loop_whose_steps_are_its_own() -> None:
    with pytest.raises(AscError, match="the loss of the moment cannot judge: choose the validator probation"):
        Loop(predictors=["ema-nesterov"])
    with pytest.raises(AscError, match='The predictor "ema-nesterov" needs trial, which this backend does not provide'):
        Loop(predictors=["ema-nesterov"], validator="synthetic")
