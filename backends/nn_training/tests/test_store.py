"""Past weights: where they are kept, that they come back unchanged, and that only wanted transfers are priced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc_nn_training.weights.store import LazyWeights, StoreConfig, StoredWeights, WeightStore
from asc_nn_training.weights.weights import Values


def weights(seed: int, count: int = 50) -> Values:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(count, generator=random), torch.randn(3, 2, generator=random)]


SIZE = 4 * (50 + 6)


def same(left: Values, right: Values) -> bool:
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(left, right, strict=True))


def test_without_a_budget_nothing_moves() -> None:
    store = WeightStore("cpu")
    given = weights(0)
    kept = store.keep(given)
    assert kept.values() is given  # not even copied
    assert store.stats() == {"device_bytes": SIZE, "host_bytes": 0, "disk_bytes": 0, "spilled": 0, "fetched": 0}
    assert store.take_pending() == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5 * SIZE))
def test_everything_in_use_comes_back(held: list[bool], room: int) -> None:
    store = WeightStore("cpu", StoreConfig(device_bytes=room))
    kept = [(number, store.keep(weights(number))) for number in range(len(held))]
    kept = [pair for pair, stays in zip(kept, held, strict=True) if stays]
    assert all(same(each.values(), weights(number)) for number, each in kept)
    stats = store.stats()
    assert stats["device_bytes"] <= max(room, SIZE)
    assert stats["device_bytes"] + stats["disk_bytes"] == SIZE * len(kept)


def test_the_oldest_goes_to_disk_and_its_file_goes_with_it(tmp_path: Path) -> None:
    store = WeightStore("cpu", StoreConfig(device_bytes=2 * SIZE, folder=tmp_path / "spill"))
    kept = [store.keep(weights(number)) for number in range(4)]
    assert [each.location for each in kept] == ["disk", "disk", "device", "device"]
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2
    assert store.take_pending() == 2 * 2 * SIZE
    assert same(LazyWeights(kept)[0], weights(0))
    assert [same(each, weights(i)) for i, each in enumerate(LazyWeights(kept)[1:3], 1)] == [True, True]
    assert store.stats()["fetched"] == 2
    del kept[0]
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1
    del kept, store
    assert not list((tmp_path / "spill").iterdir())


def test_folders_that_killed_processes_have_left_are_removed_and_those_in_use_stay(tmp_path: Path) -> None:
    def spill() -> tuple[StoredWeights, Path]:
        before = set(tmp_path.iterdir())
        stored = WeightStore("cpu", StoreConfig(device_bytes=SIZE, folder=tmp_path))
        kept = [stored.keep(weights(number)) for number in range(2)]
        (folder,) = set(tmp_path.iterdir()) - before
        os.utime(folder, (0, 0))
        return kept[0], folder

    used, folder = spill()
    left = tmp_path / folder.name.replace("asc-weights-", "asc-weights-left")
    left.mkdir()
    os.utime(left, (0, 0))
    spill()
    assert not left.exists()
    assert same(used.values(), weights(0))


def test_past_weights_are_rounded_to_the_configured_precision() -> None:
    store = WeightStore("cpu", StoreConfig(dtype="bfloat16"))
    kept = store.keep(weights(1))
    assert kept.values()[0].dtype == torch.float32
    store.round(kept)
    store.round(kept)
    assert same(kept.values(), [value.bfloat16() for value in weights(1)])
    assert kept.nbytes == SIZE // 2
    exact = WeightStore("cpu")
    other = exact.keep(weights(1))
    exact.round(other)
    assert same(other.values(), weights(1))


def test_a_full_disk_moves_nothing_and_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asc_nn_training.weights.store.save_file", full)
    store = WeightStore("cpu", StoreConfig(device_bytes=0, folder=tmp_path))
    kept = [store.keep(weights(number)) for number in range(3)]
    assert [each.location for each in kept] == ["device"] * 3
    assert same(kept[0].values(), weights(0))
    assert "could not be moved to disk" in store.fault
    assert "--set cache.folder" in store.fault


def test_a_lost_file_is_reported(tmp_path: Path) -> None:
    store = WeightStore("cpu", StoreConfig(device_bytes=0, folder=tmp_path))
    kept: list[StoredWeights] = [store.keep(weights(number)) for number in range(2)]
    next(tmp_path.rglob("*.safetensors")).unlink()
    with pytest.raises(AscError, match=r"cannot be read .* Resume from the last checkpoint"):
        kept[0].values()


def test_weights_from_a_checkpoint_are_taken_over_at_no_price(tmp_path: Path) -> None:
    store = WeightStore("cpu", StoreConfig(device_bytes=0, folder=tmp_path))
    store.pending = 7
    kept = [store.take_over(weights(number)) for number in range(3)]
    assert [each.location for each in kept] == ["disk", "disk", "device"]
    assert store.take_pending() == 7
    assert all(same(each.peek(), weights(number)) for number, each in enumerate(kept))
