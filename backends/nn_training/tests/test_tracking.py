"""The figures of speculation in trackers."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.plugins import load
from asc.types import Status
from asc_nn_training import Speculation, Tracking
from asc_nn_training.integrations.tracking import tracked

from .conftest import Asc

SNIPPETS = Path(__file__).parents[3] / "docs" / "snippets" / "integrations"
TRACKERS = runpy.run_path(str(SNIPPETS / "trackers.py"))

STATUS = Status(
    position=100,
    total=None,
    seconds=1.0,
    label="transition",
    hits=2,
    misses=3,
    skipped=0,
    hit_rate=None,
    outcomes={"accepted": 3, "rejected": 1},
    acceptance_rate=0.75,
    mean_accepted_horizon=40.0,
    workers=0,
    busy=0,
    excited=(),
    words=0,
    estimated_speedup=1.2,
    ceiling=float("inf"),
    reason="",
    leaps=3,
    gained=30.0,
    spent=5.0,
)


def batch(seed: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(16, 6, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


def train(tracking: Tracking, steps: int = 100, resume: Any = None, **settings: Any) -> Speculation:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    gate = [batch(10_000 + i) for i in range(8)]
    usual = {"every": 5, "horizons": (5, 20), "overdraft": 0.5}
    made = TRACKERS["tracked_speculation"]
    speculation: Speculation = made(tracking, model, optimizer, gate=gate, loss=loss, **{**usual, **settings})
    if resume is not None:
        speculation.load_state_dict(resume)
    for step in range(steps):
        value = loss(model, batch(step)).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        speculation.step(value)
    return speculation


def test_the_figures_have_one_name_each() -> None:
    assert tracked(STATUS, leaps_before=1) == {
        "asc/leaps": 3.0,
        "asc/leap": 2.0,
        "asc/steps_gained": 30.0,
        "asc/steps_spent": 5.0,
        "asc/estimated_speedup": 1.2,
        "asc/acceptance_rate": 0.75,
        "asc/mean_accepted_horizon": 40.0,
        "asc/regime/chaotic": 0.0,
        "asc/regime/transition": 1.0,
        "asc/regime/stable": 0.0,
    }


def test_what_is_not_known_is_left_out() -> None:
    early = STATUS._replace(acceptance_rate=None, mean_accepted_horizon=None, label="every 50 steps")
    names = {name.removeprefix("asc/") for name in tracked(early, leaps_before=0)}
    assert names == {"leaps", "leap", "steps_gained", "steps_spent", "estimated_speedup"}
    own = tracked(early._replace(label="resting"), leaps_before=0, regimes=("resting", "ready"))
    assert (own["asc/regime/resting"], own["asc/regime/ready"]) == (1.0, 0.0)


@pytest.mark.integration("trackers", "a loop of your own, observer Tracking(log)", "works")
def test_each_boundary_is_logged_and_each_leap_is_marked() -> None:
    logged: list[tuple[dict[str, float], int]] = []
    speculation = train(Tracking(lambda figures, step: logged.append((figures, step))))
    speculation.close()
    steps = [step for _, step in logged]
    assert steps == sorted(set(steps))
    assert steps[0] == 5
    report = speculation.report()
    assert sum(figures["asc/leap"] for figures, _ in logged) == report["leaps"] > 0
    last, step = logged[-1]
    assert step == 100
    assert last["asc/acceptance_rate"] == report["acceptance_rate"]
    assert last["asc/steps_gained"] == speculation.engine.ledger.gained
    assert last["asc/steps_spent"] == speculation.engine.ledger.spent


def test_a_resumed_loop_does_not_mark_the_leaps_before(tmp_path: Path) -> None:
    before = train(Tracking(lambda figures, step: None))
    logged: list[dict[str, float]] = []
    after = train(Tracking(lambda figures, step: logged.append(figures)), resume=before.state_dict())
    assert before.report()["leaps"] > 0
    marks = sum(figures["asc/leap"] for figures in logged)
    assert marks == after.report()["leaps"] - before.report()["leaps"]


def test_a_tracker_that_raises_does_not_end_the_training() -> None:
    def log(figures: dict[str, float], step: int) -> None:
        raise ConnectionError("no network")

    speculation = train(Tracking(log))
    assert speculation.position == 100
    (warning,) = speculation.report()["warnings"]
    assert "tracking" in warning
    assert "ConnectionError: no network" in warning


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_recipe_calls_the_tracker_as_its_interface_wants(name: str) -> None:
    """A W&B or Trackio run has `log(data, step=)`, MLflow `log_metrics(metrics, step=)`."""
    calls: list[tuple[dict[str, float], int]] = []

    def record(figures: dict[str, float], step: int) -> None:
        calls.append((figures, step))

    tracker = SimpleNamespace(log=record) if name == "wandb" else SimpleNamespace(log_metrics=record)
    train(TRACKERS[f"to_{name}"](tracker), steps=10)
    assert [step for _, step in calls] == [5, 10]
    assert all(isinstance(value, float) for figures, _ in calls for value in figures.values())


@pytest.mark.integration("trackers", "TensorBoard", "works")
def test_figures_are_written_for_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        speculation = train(TRACKERS["to_tensorboard"](writer))
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert read.Scalars("asc/leaps")[-1].value == speculation.report()["leaps"]


@pytest.mark.integration("trackers", "asc run nn_training --plugin FILE.py", "works")
def test_a_plugin_file_tracks_a_run_of_the_command(asc: Asc, tmp_path: Path, options: list[str]) -> None:
    run = asc("run", "nn_training", *options, "--steps", "60", "--plugin", str(SNIPPETS / "tracked_run.py"), "--quiet")
    assert run.returncode == 0, run.stderr
    with (tmp_path / "figures.csv").open() as file:
        rows = list(csv.reader(file))
    assert {name for _, name, _ in rows} >= {"asc/leaps", "asc/steps_gained", "asc/steps_spent"}
    assert [rows[0][0], rows[-1][0]] == ["0", "60"]


def test_the_observer_is_a_plugin_like_any_other() -> None:
    plugins = load()
    plugins.observe(Tracking(lambda figures, step: None), "tracking")
    assert [name for name, _ in plugins.calls("asc_boundary")] == ["tracking"]
