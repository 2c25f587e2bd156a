from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asc.errors import AscError
from asc.words import same
from asc_toy import checkpoint

words = st.one_of(
    st.integers(),
    st.integers(min_value=2**70),
    st.booleans(),
    st.floats(),
    st.binary(max_size=50),
    st.text(max_size=20),
    st.floats(width=32).map(np.float32),
    st.integers(0, 255).map(np.uint8),
)
names = st.text("abcxyz", min_size=1, max_size=4)
arrays = hnp.arrays(
    st.sampled_from(["<i8", "<f8", "<f4", "|u1", "|b1", ">i4"]), hnp.array_shapes(min_dims=0, min_side=0)
)


@given(
    position=st.integers(0, 10**9), held=st.dictionaries(names, words, max_size=4), shapes=st.lists(arrays, max_size=3)
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, position: int, held: Any, shapes: Any) -> None:
    folder = tmp_path_factory.mktemp("checkpoint")
    there = {f"array{number}": array for number, array in enumerate(shapes)}
    checkpoint.save(folder, position, held, there)
    found = checkpoint.load(folder)
    assert found is not None
    assert found[0] == position
    assert found[1].keys() == held.keys()
    assert all(same(found[1][name], held[name]) for name in held)
    for name, array in there.items():
        assert (found[2][name].dtype, found[2][name].shape) == (array.dtype, array.shape)
        assert found[2][name].tobytes() == array.tobytes()


def test_none_yet(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:30], lambda data: data[:-1] + b"\x01"])
def test_damage_is_told_of(tmp_path: Path, damage: Any) -> None:
    checkpoint.save(tmp_path, 3, {"n": 1}, {"a": np.zeros(5)})
    path = tmp_path / checkpoint.FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(AscError, match="damaged"):
        checkpoint.load(tmp_path)


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 3, {"n": 1}, {})
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path, 4, {"n": object()}, {})  # type: ignore[dict-item]
    assert checkpoint.load(tmp_path) == (3, {"n": 1}, {})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
