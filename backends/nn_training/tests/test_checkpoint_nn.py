"""Checkpoints: the same values come back, they are whole after a kill, and damage is reported in a sentence."""

from __future__ import annotations

import errno
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc_nn_training.training import checkpoint
from asc_nn_training.training.tree import flatten, unflatten

TENSORS = st.sampled_from(
    [
        torch.arange(6.0).view(2, 3),
        torch.tensor(3.5),
        torch.tensor([1, 2], dtype=torch.int64),
        torch.tensor([1.5, -0.0], dtype=torch.bfloat16),
        torch.tensor([1.5], dtype=torch.float16),
        torch.empty(0),
        torch.arange(6.0).view(2, 3).T,
        np.array([1.0, np.nan]),
        np.array(7, dtype=np.uint16),
        np.array([True, False]),
        np.float32(0.1),
        np.int64(-3),
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.fractions(), TENSORS
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:  # noqa: PLR0911 -- one for each kind
    if type(left) is not type(right):
        return False
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and left.shape == right.shape and torch.equal(left, right)
    if isinstance(left, np.ndarray | np.generic):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return bool(left == right)


@settings(max_examples=150)
@given(TREES)
def test_any_value_comes_back_as_it_was(value: Any) -> None:
    written, tensors = flatten(value)
    assert same(unflatten(written, tensors), value)


def test_through_a_file(tmp_path: Path) -> None:
    tied = torch.randn(3)
    state = {"a": tied, "b": [tied, (1, Fraction(1, 3))], 3: torch.tensor([1.5], dtype=torch.bfloat16)}
    checkpoint.save(tmp_path, 12, state)
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found[0] == 12
    assert same(found[1], state)
    assert checkpoint.load(tmp_path / "nowhere") is None


def test_the_newest_two_are_kept_and_leftovers_swept(tmp_path: Path) -> None:
    (tmp_path / ".step-000000000001.77").mkdir()
    for position in (5, 50, 500):
        checkpoint.save(tmp_path, position, {"x": torch.ones(2)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000050", "step-000000000500"]
    checkpoint.save(tmp_path, 500, {"x": torch.zeros(2)})
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert not found[1]["x"].any()


def test_a_copy_that_somebody_keeps_is_no_checkpoint_and_stays(tmp_path: Path) -> None:
    for position in (1, 2):
        made = checkpoint.save(tmp_path, position, {"x": torch.full((2,), position)})
    for name in ("step-2-backup", f"{made.name}-backup", "step-99999999999999"):
        shutil.copytree(made, tmp_path / name)
    for position in (2, 3):
        checkpoint.save(tmp_path, position, {"x": torch.full((2,), position)})
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found[0] == 3
    kept = {"step-2-backup", "step-000000000002-backup", "step-99999999999999"}
    assert kept < {path.name for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == checkpoint.KEPT + len(kept)


@pytest.mark.parametrize("damage", ["pipe", "deep", "flip", "cut", "manifest", "torn", "gone"])
def test_damage_is_reported_with_the_last_good_checkpoint(tmp_path: Path, damage: str) -> None:
    for position in (1, 2):
        folder = checkpoint.save(tmp_path, position, {"x": torch.arange(100.0), "deep": 17})
    tensors = folder / "tensors.safetensors"
    raw = tensors.read_bytes()
    match damage:
        case "flip":
            tensors.write_bytes(raw[:-7] + bytes([raw[-7] ^ 1]) + raw[-6:])
        case "cut":
            tensors.write_bytes(raw[:40])
        case "manifest":
            manifest = folder / "manifest.json"
            manifest.write_text(manifest.read_text().replace('["deep", 17]', '["deep", 71]'))
        case "torn":
            (folder / "manifest.json").write_text('{"version": 3')
        case "pipe":
            tensors.unlink()
            os.mkfifo(tensors)
        case "deep":
            (folder / "manifest.json").write_text("[" * 100_000)
        case "gone":
            tensors.unlink()
    with pytest.raises(AscError, match=r"step-0+2 is damaged .* step-0+1: delete step-0+2 to resume"):
        checkpoint.load(tmp_path)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    manifest = checkpoint.save(tmp_path, 1, {}) / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"version": {checkpoint.VERSION}', '"version": 9'))
    with pytest.raises(
        AscError, match=f"has layout 9, and this version of asc-nn-training reads layout {checkpoint.VERSION}"
    ):
        checkpoint.load(tmp_path)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, 1, {"x": torch.ones(2)})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, 2, {"x": torch.zeros(2)})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000000001"]
    assert checkpoint.load(tmp_path) is not None


def test_a_value_that_a_checkpoint_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AscError, match="cannot hold a set"):
        checkpoint.save(tmp_path, 1, {"x": {1, 2}})


WRITER = """
import sys, torch
from pathlib import Path
from asc_nn_training.training import checkpoint
for position in range(1, 100000):
    checkpoint.save(Path(sys.argv[1]), position, {"x": torch.full((20000,), float(position)), "position": position})
    print(position, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_one(tmp_path: Path) -> None:
    draw = random.Random(4)
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(draw.uniform(0.01, 0.3))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        found = checkpoint.load(tmp_path)
        assert found is not None
        position, state = found
        assert state["position"] == position
        assert bool((state["x"] == position).all())


def test_only_a_whole_checkpoint_is_called_good(tmp_path: Path) -> None:
    for position in (1, 2):
        folder = checkpoint.save(tmp_path, position, {"x": torch.arange(100.0)})
        (folder / "tensors.safetensors").write_bytes(b"")
    with pytest.raises(AscError, match="there is no other good one: begin a new run"):
        checkpoint.load(tmp_path)


def test_writing_a_position_again_never_loses_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill just before the new checkpoint is whole leaves the old one."""
    checkpoint.save(tmp_path, 7, {"x": 1})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(tmp_path, 7, {"x": 2})
    assert checkpoint.load(tmp_path) == (7, {"x": 1})
    checkpoint.save(tmp_path, 7, {"x": 3})
    assert checkpoint.load(tmp_path) == (7, {"x": 3})


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_folder_that_cannot_be_synchronised_still_gets_checkpoints(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network and FUSE file systems refuse to synchronise folders, and Windows to open them."""
    refusing = os.open if number == errno.EACCES else os.fsync

    def refuse(what: Any, *arguments: int) -> int | None:
        if Path(what if isinstance(what, Path) else f"/proc/self/fd/{what}").is_dir():
            raise OSError(number, os.strerror(number))
        return refusing(what, *arguments)  # type: ignore[operator,no-any-return]

    monkeypatch.setattr(checkpoint.os, refusing.__name__, refuse)
    checkpoint.save(tmp_path, 3, {"x": 1})
    assert checkpoint.load(tmp_path) == (3, {"x": 1})


def test_a_disk_that_fails_to_synchronise_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(checkpoint.os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        checkpoint.save(tmp_path, 3, {"x": 1})
    assert checkpoint.load(tmp_path) is None
