"""A walk can be stopped anywhere: it goes on to the end that it would have had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asc.types import Memory
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.studies.recipe import RecipeConfig, backend
from asc_nn_training.studies.walk import StoppedError, Walk

STEPS = 20


@pytest.fixture(scope="module")
def made(recipe: dict[str, Any]) -> NetworkBackend:
    """Trainings with dropout, so that the random state counts."""
    return backend(RecipeConfig.model_validate({**recipe, "steps": STEPS, "dropout": 0.1}), seed=3)


@pytest.fixture
def walk(made: NetworkBackend, tmp_path: Path) -> Callable[..., Walk]:
    """Begin a walk whose checkpoints are those of every other one that this makes."""

    def begin(**settings: Any) -> Walk:
        given = {"every_s": 1e9, "stopped": lambda: False, "tell": lambda position: None, **settings}
        return Walk(made, tmp_path / "checkpoints", **given)

    return begin


def checkpoints(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("checkpoints/step-*"))


def test_a_walk_by_way_of_places_is_plain_training(made: NetworkBackend, walk: Callable[..., Walk]) -> None:
    there, plain = walk(), made.computation(plain=True)
    for position in (3, 4, 11, STEPS):
        there.to(position)
        assert there.session.position() == position
    plain.advance(STEPS)
    assert there.session.digest() == plain.digest()


def test_stopped_on_the_way_another_walk_goes_on_to_the_same_end(walk: Callable[..., Walk], tmp_path: Path) -> None:
    whole, told = walk(), list[int]()
    whole.to(STEPS)
    first = walk(stopped=lambda: 7 in told, tell=told.append)
    with pytest.raises(StoppedError):
        first.to(STEPS)
    assert told == [1, 2, 3, 4, 5, 6, 7], "every position is told, and the stop is heeded after the step it came in"
    assert checkpoints(tmp_path) == [7]
    second = walk(tell=told.append)
    second.go_on()
    assert second.session.position() == 7
    second.to(STEPS)
    assert told == list(range(1, STEPS + 1))
    assert second.session.digest() == whole.session.digest()
    left, right = (each.session.training.optimizer.state_dict()["state"][0] for each in (second, whole))
    assert all(torch.equal(left[name], right[name]) for name in ("step", "exp_avg", "exp_avg_sq"))


def test_asked_to_stop_beforehand_it_takes_no_step(walk: Callable[..., Walk], tmp_path: Path) -> None:
    there = walk(stopped=lambda: True)
    with pytest.raises(StoppedError):
        there.to(5)
    assert checkpoints(tmp_path) == [0]


def test_a_kill_costs_what_came_after_the_last_checkpoint_that_was_due(
    walk: Callable[..., Walk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asc_nn_training.studies.walk._SPACE", 0)
    walk(every_s=1e-9).to(4)  # due after each step; not written once it is there
    second = walk()
    second.go_on()
    assert second.session.position() == 3


def test_told_to_write_no_checkpoints_it_writes_none_when_it_is_stopped_either(
    walk: Callable[..., Walk], tmp_path: Path
) -> None:
    told = list[int]()
    there = walk(every_s=0, stopped=lambda: 3 in told, tell=told.append)
    with pytest.raises(StoppedError):
        there.to(5)
    assert checkpoints(tmp_path) == []


def test_without_a_checkpoint_it_begins(walk: Callable[..., Walk]) -> None:
    there = walk()
    assert there.go_on() is None
    assert there.session.position() == 0


def test_what_was_to_be_remembered_comes_back(walk: Callable[..., Walk]) -> None:
    first = walk(remember=lambda: Memory({"losses": np.array([1.5, 2.5]), "stable": 3}, history))
    first.to(2)
    history = (first.session.observe(),)
    first.to(4)
    first.save()
    second = walk()
    found = second.go_on()
    assert found is not None
    assert found.state["stable"] == 3
    assert found.state["losses"].tolist() == [1.5, 2.5]
    assert [snapshot.position for snapshot in found.history] == [2]
    pairs = zip(found.history[0].state.kept.values(), history[0].state.kept.values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_training_that_is_over_can_be_gone_on_with_and_exports_no_model(
    walk: Callable[..., Walk], tmp_path: Path
) -> None:
    def over() -> bool:
        return there.session.finished()

    there = walk(stopped=over)
    there.to(STEPS)
    with pytest.raises(StoppedError):
        there.check()
    second = walk()
    second.go_on()
    assert second.session.finished()
    assert second.session.digest() == there.session.digest()
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints"}, "and not the model that a run ends with"


def test_there_is_no_way_beyond_the_end(walk: Callable[..., Walk]) -> None:
    there = walk()
    there.to(STEPS + 5)
    assert there.session.position() == STEPS


def test_clear_leaves_no_checkpoint_and_may_be_called_again(walk: Callable[..., Walk], tmp_path: Path) -> None:
    there = walk()
    there.to(2)
    there.save()
    assert checkpoints(tmp_path) == [2]
    there.clear()
    there.clear()
    assert not list(tmp_path.iterdir())
    assert walk().go_on() is None
