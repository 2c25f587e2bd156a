"""Several ranks: the same leaps as one process, under DDP and under FSDP2; a rank that departs ends in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import RANKS, run_ranks

from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.ranks.whole import to_parts, to_whole
from asc_nn_training.weights.weights import Weights

SCRIPT = Path(__file__).with_name("ranks_script.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank wrote; all trainings share one launch, because a launch takes seconds."""
    folder = tmp_path_factory.mktemp("ranks")
    run_ranks([SCRIPT, folder], folder).check_returncode()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(RANKS)]


@pytest.mark.integration("several devices: DDP", "the same leaps as one process", "works")
def test_ddp_takes_the_leaps_of_one_process(found: list[dict[str, Any]]) -> None:
    _same_leaps(found, "ddp")
    assert found[0]["ddp"]["local"] == found[1]["ddp"]["local"] == 125


@pytest.mark.integration("several devices: FSDP2 (fully_shard)", "the same leaps as one process", "works")
def test_fsdp2_takes_the_leaps_of_one_process(found: list[dict[str, Any]]) -> None:
    _same_leaps(found, "fsdp2")
    assert [rank["fsdp2"]["local"] for rank in found] == [71, 54]  # each rank has its part only
    assert found[0]["fsdp2"]["digest"] == found[0]["ddp"]["digest"]


def _same_leaps(found: list[dict[str, Any]], kind: str) -> None:
    alone = found[0]["alone"]
    assert alone["leaps"] > 2
    for rank in found:
        assert rank[kind]["decisions"] == alone["decisions"]
        assert rank[kind]["leaps"] == alone["leaps"]
        assert rank[kind]["spent"] == pytest.approx(alone["spent"])
        assert rank[kind]["digest"] == found[0][kind]["digest"]
        for ours, theirs in zip(rank[kind]["weights"], alone["weights"], strict=True):
            assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-3)


@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_all_ranks_read_out_what_the_first_picks(found: list[dict[str, Any]], kind: str) -> None:
    """On the second rank the live weights had the lowest loss."""
    alone = found[0]["alone"]
    for rank in found:
        assert rank[kind]["read_out"] == alone["read_out"] == "average of 20 steps"
        for ours, theirs in zip(rank[kind]["read_out_weights"], alone["read_out_weights"], strict=True):
            assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-3)
        assert rank[kind]["read_out_weights"] != rank[kind]["weights"]


def test_all_predictors_and_the_cache_work_on_shards(found: list[dict[str, Any]]) -> None:
    judged = {decision[1] for decision in found[0]["fsdp2"]["decisions"] if decision[4] in ("accepted", "rejected")}
    assert judged >= {"linear", "nesterov-outer"}
    assert found[0]["kept"]["leaps"] > 0
    assert found[0]["kept"]["decisions"] == found[1]["kept"]["decisions"]


def test_a_sharded_loop_is_resumed_to_the_same_end(found: list[dict[str, Any]]) -> None:
    for number, rank in enumerate(found):
        assert rank["resumed"]["second"] == rank["resumed"]["whole"]
        assert (
            f"of rank [{1 - number}, 2] (number, of so many), and this is rank [{number}, 2]"
            in (rank["resumed"]["other"])
        )


@pytest.mark.integration("several devices: FSDP1", "FullyShardedDataParallel", "refused")
def test_fsdp1_is_refused(found: list[dict[str, Any]], integration_refusal: Callable[[object], None]) -> None:
    integration_refusal(found[0]["fsdp1"].partition(": ")[2])
    assert all("Shard the model with torch.distributed.fsdp.fully_shard" in rank["fsdp1"] for rank in found)


def test_ranks_with_different_settings_are_refused_on_all(found: list[dict[str, Any]]) -> None:
    assert all("ranks of this training were given different settings" in rank["settings"] for rank in found)
    assert "(recognizer)" in found[1]["settings"]


def test_ranks_agree(found: list[dict[str, Any]]) -> None:
    assert all(rank["agreed"] == {"rank": 0, "text": "é"} for rank in found)
    assert all(rank["gathered"] == [[0, 7], [1, 7]] for rank in found)


def test_ranks_that_are_apart_end_in_a_sentence_on_all(found: list[dict[str, Any]]) -> None:
    assert found[0]["apart"] == found[1]["apart"]
    assert "no longer together (rank 0: step 0, 0 leaps; rank 1: step 1, 0 leaps)" in found[0]["apart"]


def test_a_rank_that_ends_is_reported_by_the_others(found: list[dict[str, Any]]) -> None:
    assert found[0]["left"].startswith("RanksError: Another rank of this training does not answer (")
    assert found[0]["left"].endswith("resume all ranks from the last checkpoint.")


def test_one_process_alone_sends_nothing() -> None:
    ranks, values = Ranks(), torch.arange(3.0)
    assert (ranks.count, ranks.number, ranks.first) == (1, 0, True)
    assert ranks.from_first(values) is ranks.sum(values) is values
    assert ranks.agree("anything") == "anything"
    assert (ranks.any(True), ranks.any(False), ranks.largest(7)) == (True, False, 7)
    ranks.require_together(5, 1)


def test_weights_that_are_not_sharded_are_whole_already() -> None:
    weights, state = Weights(torch.nn.Linear(2, 3)), {"outer": [torch.ones(3, 2), torch.ones(3)]}
    assert to_whole(state, weights) is to_parts(state, weights) is state
