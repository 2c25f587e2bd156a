"""The backend as a whole: transparency, resuming, what a run reports."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from asc.config.run import Component
from asc.errors import AscError
from asc.hookspecs import RunView, hookimpl
from asc.plugins import Plugins, load
from asc.predictors.mean import Mean
from asc.records.texts import read_texts
from asc.run.run import Run
from asc.testing.stand_ins import Reject
from asc.trajectory import SegmentHistory
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.optimizers.optimizer import OptimizerConfig, recipe
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.memory import peak_memory
from asc_nn_training.training.schedule import Schedule

Make = Callable[..., NetworkConfig]


def run(
    config: NetworkConfig,
    folder: Path | None = None,
    speculate: bool = True,
    resume: bool = False,
    plugins: Plugins | None = None,
) -> Run:
    backend = NetworkBackend(config)
    return Run(backend, "nn_training", plugins or load(), folder=folder, speculate=speculate, resume=resume)


def state(computation: NetworkComputation) -> dict[str, Any]:
    """Everything that training continues from."""
    return {
        **computation.training_state(),
        "digest": computation.digest(),
        "losses": computation.progress.losses,
    }


def same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def stopping_at(step: int, made: Run) -> Run:
    """The run, which stops at that step as if Ctrl-C had been pressed."""
    after = made.computation.watch.after

    def stopping(position: int, loss: float) -> None:
        after(position, loss)
        if position == step:
            made.stop()

    made.computation.watch.after = stopping
    return made


def rejecting(small: Make, **settings: Any) -> Run:
    """A run whose every candidate is judged and rejected."""
    predictors = [Component(name=name) for name in ("linear", "momentum", "line-search", "nesterov-outer")]
    given = small(predictors=predictors, scheduler={"horizons": (5,), "overdraft": 10}, **settings)
    given = given.model_copy(update={"recognizer": Component(name="every", steps=10)})
    made = run(given)
    made.engine.speculator._judge.validator = Reject()  # type: ignore[attr-defined]
    return made


def test_a_run_whose_candidates_are_all_rejected_ends_as_a_plain_one(small: Make) -> None:
    """Weights, optimiser, random state and data position, bit for bit, with dropout, against a loop by hand."""
    speculative = rejecting(small, steps=40, model="gpt2-nano", dropout=0.1)
    summary = speculative.execute()
    assert summary["rejected"] > 3
    assert summary["accepted"] == 0
    plain = run(small(steps=40, model="gpt2-nano", dropout=0.1), speculate=False)
    plain.execute()
    assert same(state(speculative.computation), state(plain.computation))


def test_the_plain_loop_is_torch_s_own(small: Make) -> None:
    """The same weights as a dozen lines of PyTorch give."""
    config = small(steps=12, model="gpt2-nano", dropout=0.1, accumulation=2)
    ours = run(config, speculate=False)
    theirs = NetworkBackend(config).computation(plain=True)
    ours.execute()
    model, data = theirs.training.model, theirs.data
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = Schedule(1e-3, config)
    torch.manual_seed(config.seed)
    model.train()
    for step in range(12):
        optimizer.param_groups[0]["lr"] = schedule.rate(step, 12)
        for part in range(2):
            batch = data.train.batch(2 * step + part)
            logits = model(batch).logits[:, :-1].float()
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            (loss / 2).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    pairs = zip(ours.computation.weights.parameters, theirs.weights.parameters, strict=True)
    assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in pairs)


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(small: Make, tmp_path: Path) -> None:
    config = small(steps=60, predictors=["linear", "nesterov-outer"], scheduler={"horizons": (10,), "overdraft": 10})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=5)})
    whole = run(config, tmp_path / "whole")
    expected = whole.execute()
    assert expected["accepted"] > 0
    first = run(config, tmp_path / "cut")
    first.engine.run(until=25)
    first._checkpoint()
    second = run(config, tmp_path / "cut", resume=True)
    found = second.execute()
    assert found["final_digest"] == expected["final_digest"]
    assert same(state(second.computation), state(whole.computation))
    assert found["outcome"] == expected["outcome"]


def test_a_run_stopped_between_boundaries_ends_as_if_it_had_not_been(small: Make, tmp_path: Path) -> None:
    """At once, rather than at the next boundary, which may be minutes away."""
    config = small(steps=60, scheduler={"horizons": (10,), "overdraft": 10})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=10)})
    expected = run(config).execute()
    first = stopping_at(33, run(config, tmp_path))
    assert first.execute()["position"] == 33
    found = run(config, tmp_path, resume=True).execute()
    assert found["resumed_from"] == 33
    assert found["final_digest"] == expected["final_digest"]
    assert found["ledger"]["plain"]["steps"] == 60
    reported = ("leaps", "regimes", "accepted", "rejected", "hits", "misses", "reason", "steps_skipped")
    assert {name: found[name] for name in reported} == {name: expected[name] for name in reported}


def test_checkpoints_are_written_within_long_supersteps_too(small: Make, tmp_path: Path) -> None:
    """A kill costs one checkpoint interval, however far apart boundaries are."""
    config = small(steps=40, checkpoint_seconds=1e-6, scheduler={"horizons": (10,), "overdraft": 10})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=15)})
    expected = run(config).execute()
    first = run(config, tmp_path)
    after, written = first.computation.watch.after, list[int]()

    def note(position: int, loss: float) -> None:
        after(position, loss)
        written.append(len(list((tmp_path / "checkpoints").glob("step-*"))))
        if position == 22:
            raise KeyboardInterrupt  # as a kill does, it leaves no time to write anything

    first.computation.watch.after = note
    with pytest.raises(KeyboardInterrupt):
        first.execute()
    assert written[3] == 2  # none of these steps was at a boundary
    assert not (tmp_path / "model").exists()  # which is written once, at the end
    found = run(config, tmp_path, resume=True).execute()
    assert found["resumed_from"] == 21
    assert found["final_digest"] == expected["final_digest"]
    assert found["leaps"][-1]["position"] == expected["leaps"][-1]["position"]


def test_hooks_hear_of_progress_within_long_supersteps(small: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watcher:
        positions: ClassVar[list[int]] = []

        @hookimpl
        def asc_progress(self, run: RunView) -> None:
            self.positions.append(run.status().position)

    monkeypatch.setattr("asc.run.monitor._PROGRESS_S", 0.0)
    plugins = load()
    plugins.observe(Watcher(), "watcher")
    config = small(steps=12).model_copy(update={"recognizer": Component(name="every", steps=12)})
    Run(NetworkBackend(config), "nn_training", plugins).execute()
    assert Watcher.positions == list(range(1, 13))


def test_a_run_reports_losses_curves_and_memory(small: Make, tmp_path: Path) -> None:
    summary = run(small(steps=60, until_loss=1.0), tmp_path).execute()
    outcome = summary["outcome"]
    assert 1 < outcome["test_loss"] < 7
    assert {"train_loss", "gate_loss", "dev_loss", "read_out_dev_loss", "read_out_test_loss"} <= set(outcome)
    assert [point[0] for point in summary["curves"]["dev_loss"]] == [20, 40, 60]
    assert sum(summary["regimes"].values()) > 0
    assert summary["peak_memory_bytes"] > 1e6
    assert summary["test_loss"] == outcome["test_loss"]
    assert summary["steps_skipped"] == 0
    for leap in summary["leaps"]:
        assert (leap["gate_change"] < 0) == leap["accepted"]
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert (tmp_path / "read-out" / "tokenizer.json").exists()


def test_a_loss_that_is_reached_ends_the_run(small: Make) -> None:
    summary = run(small(steps=60, until_loss=6.5)).execute()
    assert summary["state"] == "finished"
    assert summary["position"] == 20
    assert summary["outcome"]["dev_loss"] <= 6.5


@pytest.mark.parametrize(
    "name",
    ["momentum", "momentum-decaying", "momentum-as-coded", "anderson", "autoregression", "rank-one", "tail-average"],
)
@pytest.mark.parametrize("validator", ["held-out-loss", "probation"])
def test_every_predictor_suits_every_validator(small: Make, name: str, validator: str) -> None:
    judge = {"name": validator} | ({"steps": 2} if validator == "probation" else {"criterion": "strict"})
    config = small(steps=30, predictors=[name], validator=judge, scheduler={"horizons": (5,), "overdraft": 100})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=5)})
    summary = run(config).execute()
    assert summary["accepted"] + summary["rejected"] > 0
    assert not summary["warnings"]


@pytest.mark.parametrize("judged", ["each", "end"])
def test_a_cascade_is_judged_and_leapt_to(small: Make, judged: str) -> None:
    chain = {"name": "cascade", "step": 5, "judged": judged}
    judge = {"name": "held-out-loss", "criterion": "strict"}
    config = small(steps=60, predictors=[chain], validator=judge, scheduler={"horizons": (20,), "overdraft": 100})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=5)})
    first = run(config)
    summary = first.execute()
    assert summary["accepted"] > 0
    assert not summary["warnings"]
    assert all(leap["reason"].startswith("link ") is (judged == "each") for leap in summary["leaps"])
    taken = [leap for leap in summary["leaps"] if leap["taken"]]
    assert len(taken) == first.engine.ledger.leaps > 0
    assert run(config).execute()["final_digest"] == summary["final_digest"]


def test_a_run_survives_too_little_memory_to_judge(small: Make) -> None:
    """A warning says so, the candidate is skipped, and the weights stay."""
    config = small(steps=40, scheduler={"horizons": (10,), "overdraft": 10})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=10)})
    short = run(config)

    def losses(model: torch.nn.Module, subset: int) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    short.computation._gate.losses = losses  # type: ignore[method-assign]
    summary = short.execute()
    plain = run(config, speculate=False).execute()
    assert summary["state"] == "finished"
    assert summary["outcomes"]["not judged"] > 0
    assert any("too little memory to judge a candidate" in warning for warning in summary["warnings"])
    assert summary["final_digest"] == plain["final_digest"]


def test_ranks_that_find_different_texts_are_refused(small: Make) -> None:
    class Second(Ranks):
        number, count = 1, 2  # type: ignore[assignment]

        def agree(self, value: Any) -> Any:
            return "another digest"

    backend = NetworkBackend(small())
    backend.__dict__["group"] = Second()
    with pytest.raises(AscError, match=r"Rank 1 found another corpus than the first rank .* give every rank the same"):
        _ = backend.data


def test_the_read_out_is_written_where_the_model_could_not_be(
    small: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other ranks gather both in any case, so the first must too."""
    written: list[str] = []

    def full(_backend: NetworkBackend, _computation: NetworkComputation, folder: Path) -> None:
        written.append(folder.name)
        raise OSError("no space left on device")

    monkeypatch.setattr(NetworkBackend, "_write_model", full)
    made = run(small(steps=10), tmp_path, speculate=False)
    summary = made.execute()
    assert written == ["model", "read-out"]
    assert any("no space left on device" in warning for warning in summary["warnings"])


def test_the_peak_of_memory_is_reported_where_a_system_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux has a file for it, other systems a module, and Windows neither."""
    assert peak_memory(torch.device("cpu")) > 1e6
    monkeypatch.setattr("asc_nn_training.training.memory._STATUS", tmp_path / "none")
    assert peak_memory(torch.device("cpu")) > 1e6
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory(torch.device("cpu")) == 0


PLUGIN = """
import asc

class Deep(asc.Predictor):
    depth = 3
    seen = []

    def predict(self, history, horizon):
        self.seen.append(len(history.positions))
        return asc.Combination((0, 0, 1)) if len(history.positions) == 3 else None

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "deep", "deep_plugin:Deep", "needs three snapshots")
"""


def test_a_plugin_s_predictor_gets_the_snapshots_that_it_asks_for(small: Make, tmp_path: Path) -> None:
    (tmp_path / "deep_plugin.py").write_text(PLUGIN)
    plugins = load([tmp_path / "deep_plugin.py"])
    config = small(steps=40, predictors=["deep"], scheduler={"horizons": (5,), "overdraft": 100})
    made = run(config.model_copy(update={"recognizer": Component(name="every", steps=5)}), plugins=plugins)
    summary = made.execute()
    assert plugins.registry.get("predictor", "deep").load().seen[:3] == [2, 3, 3]  # nothing is spent before a step
    assert summary["accepted"] + summary["rejected"] > 0


def test_a_mean_averages_its_whole_window(small: Make) -> None:
    config = small(steps=60, predictors=["mean"], scheduler={"horizons": (5,), "overdraft": 100})
    made = run(config.model_copy(update={"recognizer": Component(name="every", steps=5)}))
    made.engine.speculator._judge.validator = Reject()  # type: ignore[attr-defined]
    assert made.execute()["rejected"] > 0
    history = SegmentHistory(made.engine.trajectory.snapshots(), made.computation)
    assert [float(share) for share in Mean().predict(history, 5).coefficients] == [1 / 8] * 8


def test_a_history_that_is_too_short_is_refused(small: Make) -> None:
    with pytest.raises(AscError, match=r"quadratic looks back on 3 snapshots, and history\.max_snapshots is 2"):
        run(small(predictors=["quadratic"], history={"max_snapshots": 2}))
    made = run(small(predictors=["quadratic"], history={"max_snapshots": 9}))
    assert made.engine.trajectory._most == 9


def test_large_shapes_have_their_published_vocabulary(small: Make) -> None:
    assert NetworkConfig.model_validate({"model": "gpt2"}).vocabulary == 50_257
    assert NetworkConfig.model_validate({"model": "gpt2", "vocabulary": 300}).vocabulary == 300
    assert NetworkConfig.model_validate({"model": "gpt2-nano"}).vocabulary == 4096


@pytest.mark.parametrize(
    ("given", "schedule"),
    [({}, "cosine"), ({"preset": "tuned"}, "wsd"), ({"preset": "tuned", "schedule": "linear"}, "linear")],
)
def test_the_tuned_preset_means_wsd_unless_a_schedule_is_given(given: dict[str, str], schedule: str) -> None:
    config = NetworkConfig.model_validate(given)
    assert config.schedule == schedule
    assert NetworkConfig.model_validate(config.model_dump(mode="json")).schedule == schedule


@pytest.mark.parametrize(
    ("numel", "best"),
    [(120_000, 4e-3), (920_000, 2e-3), (2_600_000, 2e-3), (125_000_000, 6e-4), (1_300_000_000, 2e-4)],
)
def test_the_tuned_rate_is_near_the_best_known_for_each_size(numel: int, best: float) -> None:
    assert recipe(OptimizerConfig(preset="tuned"), numel).lr == pytest.approx(best, rel=0.3)


def test_an_interrupted_run_has_its_models_too(small: Make, tmp_path: Path) -> None:
    stopped = stopping_at(25, run(small(steps=40), tmp_path))
    assert stopped.execute()["state"] == "interrupted"
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert (tmp_path / "read-out" / "model.safetensors").exists()


def test_a_resumed_run_without_a_checkpoint_says_that_it_begins_at_its_start(small: Make, tmp_path: Path) -> None:
    summary = run(small(steps=2), tmp_path, resume=True).execute()
    assert summary["resumed_from"] == 0
    assert summary["warnings"] == ["There was no checkpoint yet to resume from, so the run begins at its start."]


def test_a_checkpoint_of_another_corpus_is_refused(small: Make, tmp_path: Path) -> None:
    run(small(steps=2), tmp_path).execute()
    with pytest.raises(AscError, match="is of another corpus"):
        run(small(steps=2, max_bytes=400_000), tmp_path, resume=True)


def test_a_checkpoint_of_another_model_is_refused(small: Make, tmp_path: Path) -> None:
    run(small(steps=2), tmp_path).execute()
    with pytest.raises(AscError, match="is of a model with other tensors"):
        run(small(steps=2, model="gpt2-micro"), tmp_path, resume=True)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"seed": 1}, "seed is 0 there, and 1 here"),
        ({"lr": 0.002}, "lr is 0.001 there, and 0.002 here"),
        ({"steps": 3}, "steps is 2 there, and 3 here"),
        ({"scheduler": {"horizons": (7,)}}, r"scheduler\.horizons is \[50, 100, 200\] there, and \[7\] here"),
    ],
)
def test_a_checkpoint_that_was_written_under_other_settings_is_refused(
    small: Make, tmp_path: Path, other: dict[str, Any], sentence: str
) -> None:
    run(small(steps=2), tmp_path).execute()
    expected = rf"^The checkpoint in .*checkpoints was written under other settings: {sentence}\. Put back"
    with pytest.raises(AscError, match=expected):
        run(small(**{"steps": 2, **other}), tmp_path, resume=True)


def test_where_a_run_takes_place_may_change(small: Make, tmp_path: Path) -> None:
    run(small(steps=2), tmp_path / "run").execute()
    elsewhere = small(steps=2, tensorboard=tmp_path / "board")
    assert run(elsewhere, tmp_path / "run", resume=True).execute()["state"] == "finished"


Asc = Callable[..., subprocess.CompletedProcess[str]]


def parsed(found: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert found.returncode == 0, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def test_a_killed_command_is_resumed_to_the_same_end(options: list[str], asc: Asc, tmp_path: Path) -> None:
    """The command is killed in a process of its own, and resumed in this one, with the same texts."""
    (tmp_path / "prompts.txt").write_text("def add(a, b):\nimport\n")
    arguments = [
        "run",
        "nn_training",
        *options,
        "--json",
        "--checkpoint-seconds",
        "0.2",
        "--set",
        "recognizer.every=10",
        "--steps",
        "400",  # so that it is killed before its end
        *("--sample-prompts", "prompts.txt", "--sample-every", "50", "--set", "sampling.max_new_tokens=8"),
    ]
    whole = parsed(asc(*arguments, "--out", "whole"))
    command = [str(Path(sys.executable).with_name("asc")), *arguments, "--out", "cut"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 100
    while not list(tmp_path.glob("cut/*/checkpoints/step-*[1-9]*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(random.Random(1).uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found = parsed(asc("run", "nn_training", "--resume", "latest", "--out", "cut", "--json"))
    assert found["resumed_from"] > 0
    assert found["final_digest"] == whole["final_digest"]
    mine, theirs = (list(read_texts(tmp_path / each["run_dir"])) for each in (found, whole))
    assert [entry.texts for entry in mine] == [entry.texts for entry in theirs]
    assert [entry.position for entry in mine] == list(range(50, 450, 50))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "gpt2-nan"], "Did you mean gpt2-nano?"),
        (["--device", "cuda:7"], "Type --device auto"),
        (["--data", "nowhere"], "There is no corpus 'nowhere'"),
        (["--length", "9000"], "give more text, or lower --length"),
        (["--predictors", "liner"], "linear"),
        (["--lr", "1e30", "--warmup", "0"], "with a smaller --lr"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence(options: list[str], arguments: list[str], expected: str, asc: Asc) -> None:
    found = asc("run", "nn_training", *options, *arguments, "--quiet")
    assert found.returncode in (1, 2)
    assert "Traceback" not in found.stderr
    assert expected in " ".join(found.stderr.split())


def test_curves_go_to_tensorboard(small: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    backend = NetworkBackend(small(steps=40, tensorboard=tmp_path / "board", predictors=["linear"]))
    for speculate in (True, False, False):
        Run(backend, "nn_training", load(), speculate=speculate).execute()
    assert sorted(path.name for path in (tmp_path / "board").iterdir()) == ["plain", "plain-2", "speculative"]
    events = EventAccumulator(str(tmp_path / "board" / "plain")).Reload()
    assert [(event.step, event.value < 7) for event in events.Scalars("loss/dev")] == [(20, True), (40, True)]
    assert {"loss/train", "learning_rate"} <= set(events.Tags()["scalars"])


def test_leaps_are_on_the_board(small: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    judge = {"name": "held-out-loss", "criterion": "proximity", "epsilon": 1.0}
    config = small(steps=20, tensorboard=tmp_path, validator=judge, scheduler={"horizons": (5,), "overdraft": 10})
    summary = run(config.model_copy(update={"recognizer": Component(name="every", steps=5)})).execute()
    found = EventAccumulator(str(tmp_path / "speculative")).Reload().Scalars("leap/gain_steps")
    assert [event.step for event in found] == [leap["position"] for leap in summary["leaps"] if leap["taken"]]
    assert found


def test_a_missing_tensorboard_is_reported(small: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(AscError, match=r"needs the package tensorboard.*pip install tensorboard"):
        run(small(tensorboard=tmp_path))
