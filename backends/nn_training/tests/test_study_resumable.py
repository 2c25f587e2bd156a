"""A training can be stopped at any step: resumed, it ends as it would have ended without the stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asc.errors import AscError
from asc.types import EngineState
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.studies.recipe import RecipeConfig, backend
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError

STEPS = 20

Make = Callable[..., ResumableTraining]


@pytest.fixture(scope="module")
def network(recipe: dict[str, Any]) -> NetworkBackend:
    """Trainings with dropout, so that the random state counts."""
    return backend(RecipeConfig.model_validate({**recipe, "steps": STEPS, "dropout": 0.1}), seed=3)


@pytest.fixture
def make(network: NetworkBackend, tmp_path: Path) -> Make:
    """Make trainings that share one folder of checkpoints."""

    def made(**settings: Any) -> ResumableTraining:
        given = {"every_s": 1e9, "stopped": lambda: False, "report": lambda position: None, **settings}
        return ResumableTraining(network, tmp_path / "checkpoints", **given)

    return made


def checkpoints(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("checkpoints/step-*"))


def test_training_from_position_to_position_is_plain_training(network: NetworkBackend, make: Make) -> None:
    training, plain = make(), network.computation(plain=True)
    for position in (3, 4, 11, STEPS):
        training.train_to(position)
        assert training.computation.position() == position
    plain.advance(STEPS)
    assert training.computation.digest() == plain.digest()


def test_stopped_and_resumed_it_reaches_the_same_end(make: Make, tmp_path: Path) -> None:
    whole, reported = make(), list[int]()
    whole.train_to(STEPS)
    first = make(stopped=lambda: 7 in reported, report=reported.append)
    with pytest.raises(StoppedError):
        first.train_to(STEPS)
    assert reported == [1, 2, 3, 4, 5, 6, 7], "every position is reported, and it stops after the step of the request"
    assert checkpoints(tmp_path) == [7]
    second = make(report=reported.append)
    second.resume()
    assert second.computation.position() == 7
    second.train_to(STEPS)
    assert reported == list(range(1, STEPS + 1))
    assert second.computation.digest() == whole.computation.digest()
    left, right = (each.computation.training.optimizer.state_dict()["state"][0] for each in (second, whole))
    assert all(torch.equal(left[name], right[name]) for name in ("step", "exp_avg", "exp_avg_sq"))


def test_asked_to_stop_before_it_starts_it_takes_no_step(make: Make, tmp_path: Path) -> None:
    training = make(stopped=lambda: True)
    with pytest.raises(StoppedError):
        training.train_to(5)
    assert checkpoints(tmp_path) == [0]


def test_a_kill_costs_the_steps_since_the_last_checkpoint_that_was_due(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asc_nn_training.studies.resumable._SPACING", 0)
    make(every_s=1e-9).train_to(4)  # one is due after each step, and the last is not written
    second = make()
    second.resume()
    assert second.computation.position() == 3


def test_with_checkpoints_switched_off_a_stop_writes_none_either(make: Make, tmp_path: Path) -> None:
    reported = list[int]()
    training = make(every_s=0, stopped=lambda: 3 in reported, report=reported.append)
    with pytest.raises(StoppedError):
        training.train_to(5)
    assert checkpoints(tmp_path) == []


def test_without_a_checkpoint_it_starts_at_the_beginning(make: Make) -> None:
    training = make()
    assert training.resume() is None
    assert training.computation.position() == 0


def test_the_state_beside_the_training_comes_back(make: Make) -> None:
    first = make(state=lambda: EngineState({"losses": np.array([1.5, 2.5]), "stable": 3}, history))
    first.train_to(2)
    history = (first.computation.observe(),)
    first.train_to(4)
    first.save()
    found = make().resume()
    assert found is not None
    assert found.state["stable"] == 3
    assert found.state["losses"].tolist() == [1.5, 2.5]
    assert [snapshot.position for snapshot in found.history] == [2]
    saved, loaded = (snapshot.state.weights.values() for snapshot in (history[0], found.history[0]))
    assert all(torch.equal(one, other) for one, other in zip(saved, loaded, strict=True))


def test_a_checkpoint_of_another_training_is_refused(make: Make, recipe: dict[str, Any], tmp_path: Path) -> None:
    training = make()
    training.train_to(2)
    training.save()
    other = backend(RecipeConfig.model_validate({**recipe, "steps": STEPS, "dropout": 0.1}), seed=4)
    twin = ResumableTraining(
        other, tmp_path / "checkpoints", every_s=0, stopped=lambda: False, report=lambda position: None
    )
    with pytest.raises(AscError, match=r"was written under other settings: seed is 3 there, and 4 here\."):
        twin.resume()


def test_a_training_at_its_end_can_be_resumed_and_writes_no_model(make: Make, tmp_path: Path) -> None:
    def over() -> bool:
        return training.computation.finished()

    training = make(stopped=over)
    training.train_to(STEPS)
    with pytest.raises(StoppedError):
        training.check()
    second = make()
    second.resume()
    assert second.computation.finished()
    assert second.computation.digest() == training.computation.digest()
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints"}, "a run's end would write a model, too"


def test_it_does_not_train_beyond_the_end(make: Make) -> None:
    training = make()
    training.train_to(STEPS + 5)
    assert training.computation.position() == STEPS


def test_checkpoints_can_be_removed_twice(make: Make, tmp_path: Path) -> None:
    training = make()
    training.train_to(2)
    training.save()
    assert checkpoints(tmp_path) == [2]
    training.remove_checkpoints()
    training.remove_checkpoints()
    assert not list(tmp_path.iterdir())
    assert make().resume() is None
