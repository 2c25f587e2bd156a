"""What each rank takes: a device, batches, held-out rows, random states; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, distributed

from asc.errors import AscError
from asc_nn_training.ranks import launch
from asc_nn_training.ranks.batches import RankBatches
from asc_nn_training.ranks.random_states import of_all, of_rank, seed_rank
from asc_nn_training.ranks.ranks import Ranks, RanksError, passing
from asc_nn_training.ranks.rows import Rows

CPU = torch.device("cpu")


class Rank(Ranks):
    """One of several ranks, without the others: a sum over ranks is this rank's own part."""

    def __init__(self, number: int, count: int) -> None:
        super().__init__()
        self._own = number, count

    @property
    def count(self) -> int:
        return self._own[1]

    @property
    def number(self) -> int:
        return self._own[0]

    def sum(self, values: Tensor) -> Tensor:
        return values


class Numbered:
    """Batches of four rows that say which they are."""

    def batch(self, step: int) -> Tensor:
        return 10 * step + torch.arange(4)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("rows", [1, 3, 6, 7])
def test_ranks_evaluate_each_row_and_each_as_many(count: int, rows: int) -> None:
    values = torch.arange(rows, dtype=torch.float32)
    found = torch.zeros(rows)
    for number in range(count):
        own = Rows(rows, Rank(number, count))
        assert len(own.own) == -(-rows // count)
        found += own.whole(own.part(values) + 1)
    assert found.tolist() == (values + 1).tolist()


@pytest.mark.parametrize(("accumulation", "size"), [(4, 4), (1, 4), (3, 4)])
def test_the_ranks_batches_are_together_those_of_one_process(accumulation: int, size: int) -> None:
    taken = []
    for number in range(2):
        own = RankBatches(Numbered(), Rank(number, 2), accumulation=accumulation, size=size)
        steps = range(2 * own.own_accumulation, 3 * own.own_accumulation)  # the third step's
        taken += [row for step in steps for row in own.batch(step).tolist()]
    expected = [row for step in range(2 * accumulation, 3 * accumulation) for row in Numbered().batch(step).tolist()]
    assert sorted(taken) == expected


def test_batches_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(AscError, match="give a multiple of 3 for one of them, or another number of processes"):
        RankBatches(Numbered(), Rank(0, 3), accumulation=2, size=4)


def test_each_rank_draws_its_own_numbers_and_draws_them_again_after_a_resume() -> None:
    drawn, states = [], []
    for number in range(2):
        torch.manual_seed(5)
        seed_rank(5, number)
        states.append(of_all(launch_state(), Rank(number, 2))[number])
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] != drawn[1]
    torch.manual_seed(5)
    assert torch.rand(3).tolist() == drawn[0]  # the first rank draws what one process does
    for number in range(2):
        torch.set_rng_state(of_rank(states, number, 5, CPU)["cpu"])
        assert torch.rand(3).tolist() == drawn[number]
    new = of_rank(states[:1], 1, 5, CPU)
    assert new["numpy"] is states[0]["numpy"]
    torch.set_rng_state(new["cpu"])
    assert torch.rand(3).tolist() == drawn[1]


def launch_state() -> dict[str, Any]:
    from asc_nn_training.training.device import random_state

    return random_state(CPU)


def test_what_fails_because_ranks_share_a_model_is_said_in_a_sentence() -> None:
    with pytest.raises(AscError, match=r"had no gradient in the last step.*add --shard fsdp2"), passing():
        raise RuntimeError("Expected to have finished reduction in the prior iteration before starting a new one.")
    with pytest.raises(RanksError, match=r"does not answer \(Connection closed by peer\): it has ended"), passing():
        raise RuntimeError("[/gloo/transport/tcp/pair.cc:537] Connection closed by peer. Check the logs.")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), passing():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What torchrun sets in the second of two processes."""
    given = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    return monkeypatch


def test_each_process_has_an_accelerator_of_its_own(environment: pytest.MonkeyPatch) -> None:
    assert launch.local_device("auto") == launch.local_device("cuda") == torch.device("cuda", 1)
    assert launch.local_device("cpu") == CPU
    with pytest.raises(AscError, match="each of several processes needs its own: type --device cuda"):
        launch.local_device("cuda:0")
    environment.setenv("WORLD_SIZE", "1")
    assert launch.local_device("cuda:0") == torch.device("cuda", 0)


def test_more_processes_than_devices_are_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(AscError, match="start 2 with --nproc-per-node 2, or train on the CPU with --device cpu"):
        launch.local_device("auto")


def test_an_environment_without_torchrun_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("RANK")
    with pytest.raises(AscError, match=r"RANK and MASTER_PORT are missing\. Start several processes with torchrun"):
        launch.join("cpu")
    environment.setenv("WORLD_SIZE", "many")
    with pytest.raises(AscError, match="WORLD_SIZE is 'many' in the environment; expected a whole number"):
        launch.join("cpu")


def test_processes_that_cannot_join_say_so(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MASTER_PORT", "29500")

    def refused(*_: Any, **__: Any) -> None:
        raise RuntimeError("The client socket has timed out\nmore")

    environment.setattr(distributed, "init_process_group", refused)
    with pytest.raises(AscError, match=r"The 2 processes could not join \(The client socket has timed out\)"):
        launch.join("cpu")


def test_accelerators_compute_by_their_own_backend_and_decide_by_gloo(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MASTER_PORT", "29500")
    joined: dict[str, Any] = {}
    environment.setattr(distributed, "init_process_group", lambda backend, **given: joined.update(given, name=backend))
    environment.setattr(torch.accelerator, "set_device_index", lambda index: joined.update(index=index))
    environment.setattr(launch.atexit, "register", lambda leave: joined.update(leave=leave))
    assert launch.join("auto").device == CPU
    assert joined["name"] == "cpu:gloo,cuda:nccl"
    assert joined["device_id"] == torch.device("cuda", 1)
    assert joined["index"] == 1
    assert joined["leave"] is launch._leave


def test_the_command_names_processes_and_machines(environment: pytest.MonkeyPatch) -> None:
    class Two(launch.Launched):
        count = 4  # type: ignore[assignment]

    assert Two().command == ("torchrun", "--nnodes", "2", "--nproc-per-node", "2", "-m", "asc")
    environment.setenv("LOCAL_WORLD_SIZE", "4")
    assert Two().command == ("torchrun", "--nproc-per-node", "4", "-m", "asc")
    assert launch.Launched().command == ("asc",)
