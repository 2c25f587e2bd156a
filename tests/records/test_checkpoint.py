"""Checkpoints of small states: what is written comes back bit for bit, whole or not at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from asc.errors import AscError
from asc.records.checkpoint import FILE, load_checkpoint, save_checkpoint
from asc.testing.contents import contents
from asc.types import EngineState, Snapshot

HERE = Snapshot(3, 1, {"n": 7}, 8)


def through(folder: Path, value: Any) -> Any:
    save_checkpoint(folder, HERE, EngineState({"value": value}))
    found = load_checkpoint(folder)
    assert found is not None
    assert found.snapshot == HERE
    return found.state.state["value"]


DTYPES = ["<i8", ">f4", "<f8", "|b1", "<c16", "|u1", "<f2"]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, min_side=0)))
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_with_its_type_and_bits(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "values"
    assert contents(through(folder, value)) == contents(value)


@pytest.mark.parametrize("value", [np.float32(1.5), np.int8(-3), -0.0, math.inf, 2**200, np.arange(6).reshape(2, 3).T])
def test_numbers_keep_type_and_sign(tmp_path: Path, value: Any) -> None:
    found = through(tmp_path, value)
    assert type(found) is type(value)
    assert contents(found) == contents(value)


def test_an_array_that_was_loaded_can_be_written_into(tmp_path: Path) -> None:
    found = through(tmp_path, np.zeros(3))
    found += 1
    assert found.sum() == 3


def test_the_history_comes_back_in_its_order(tmp_path: Path) -> None:
    history = tuple(Snapshot(position, 2, {"x": np.full(2, position)}, 16) for position in (4, 8))
    save_checkpoint(tmp_path / "new" / "folder", HERE, EngineState({}, history))
    found = load_checkpoint(tmp_path / "new" / "folder")
    assert found is not None
    assert contents(found.state.history) == contents(history)


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None
    assert load_checkpoint(tmp_path / "nowhere") is None


class Pair(NamedTuple):
    one: int


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({1: "a"}, "state.value, of type dict"),
        ({"asc:array": 1}, "state.value, of type dict"),
        ([0, {"a": {1, 2}}], "state.value[1].a, of type set"),
        (Pair(1), "state.value, of type Pair"),
        (np.array([{}], dtype=object), "state.value, of type ndarray"),
        (b"bytes", "state.value, of type bytes"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(tmp_path: Path, value: Any, where: str) -> None:
    with pytest.raises(AscError, match="expected dictionaries with string keys, lists, tuples, numbers") as refused:
        save_checkpoint(tmp_path, HERE, EngineState({"value": value}))
    assert str(refused.value).startswith(f"A checkpoint cannot hold {where}; expected")
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"snapshot": 3}', '{"snapshot": {"asc:tuple": [1]}, "state": {}, "history": []}', "\0", "é"],
)
def test_a_damaged_checkpoint_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    with pytest.raises(
        AscError, match=r"^The checkpoint .*checkpoint\.json is damaged \(.+\): start a new run, without"
    ):
        load_checkpoint(tmp_path)


def test_every_torn_checkpoint_is_told(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, HERE, EngineState({"rows": np.arange(4.0)}, (HERE,)))
    whole = (tmp_path / FILE).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / FILE).write_bytes(whole[:length])
        with pytest.raises(AscError, match="is damaged"):
            load_checkpoint(tmp_path)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AscError, match="cannot be made"):
        save_checkpoint(tmp_path / "file" / "folder", HERE)
    (tmp_path / FILE).mkdir()
    with pytest.raises(AscError, match="cannot be read"):
        load_checkpoint(tmp_path)
