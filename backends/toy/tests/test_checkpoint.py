"""Checkpoints: everything comes back, bit for bit, and a file is whole or is refused."""

from __future__ import annotations

import enum
import math
import random
import resource
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asc.errors import AscError
from asc.types import EngineState
from asc.words import same
from asc_toy import checkpoint
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.content import content
from asc_toy.program import Program

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


@dataclass
class Cell:
    value: Any


class Mode(enum.Enum):
    CODE = 1


containers = st.recursive(
    words | arrays | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3) | st.builds(Cell, inner),
    max_leaves=8,
)


def saved(folder: Path, state: dict[str, Any], like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Save a state and load it; by default the program has started from the same state."""
    checkpoint.save(folder, 5, state)
    found = checkpoint.load(folder, state if like is None else like)
    assert found is not None
    assert found[0] == 5
    return found[1]


@given(position=st.integers(0, 10**9), state=st.dictionaries(names, containers, max_size=4))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, position: int, state: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint.save(folder, position, state)
    found = checkpoint.load(folder, state)
    assert found is not None
    assert found[0] == position
    assert list(found[1]) == list(state)
    assert content(found[1]) == content(state)


def test_none_yet(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, {}) is None


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:30], lambda data: data[:-1] + b"\x01"])
def test_damage_is_reported(tmp_path: Path, damage: Any) -> None:
    checkpoint.save(tmp_path, 3, {"n": 1, "a": np.zeros(5)})
    path = tmp_path / checkpoint.FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(AscError, match="damaged"):
        checkpoint.load(tmp_path, {})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (object(), r"The state word 'log' cannot be saved .* The value holds a bare `object\(\)`"),
        ([iter([])], "The state word 'log' cannot be saved in a checkpoint. The value holds an iterator, at .0."),
        (
            set(range(9)) - {3},
            "The state word 'log' cannot be saved in a checkpoint. The value holds a set whose",
        ),
    ],
)
def test_what_cannot_be_saved_is_named_and_leaves_the_old_one(tmp_path: Path, value: Any, sentence: str) -> None:
    checkpoint.save(tmp_path, 3, {"n": 1})
    with pytest.raises(AscError, match=sentence):
        checkpoint.save(tmp_path, 4, {"n": 2, "log": value})
    assert checkpoint.load(tmp_path, {}) == (3, {"n": 1})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


ODD_WORDS = [
    struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0],  # a NaN with a payload and a sign
    -0.0,
    math.inf,
    -(10**5000),
    "\ud800\0",
    b"\xff\0",
    np.str_(""),
    np.str_("a\0"),
    np.bytes_(b""),
    np.bytes_(b"a\0"),
    np.float16(-0.0),
    np.complex64(1 - 2j),
    np.bool_(True),
    np.uint64(2**64 - 1),
    np.datetime64("2020-02-29T01", "h"),
    np.timedelta64("NaT", "ns"),
]


@pytest.mark.parametrize("word", ODD_WORDS, ids=[f"{number}" for number in range(len(ODD_WORDS))])
def test_odd_words_come_back(tmp_path: Path, word: Any) -> None:
    found = saved(tmp_path, {"x": word})["x"]
    assert type(found) is type(word)
    assert same(found, word)


@pytest.mark.parametrize(
    "array",
    [
        np.array(5),
        np.zeros((0, 3), np.float32),
        np.frombuffer(bytes.fromhex("010000000000f8ff0000000000000080")),
        np.array(["ab", ""]),
        np.array([b"a\0b"]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.array([1, 2], ">u2"),
        np.array([True, False]),
        np.zeros((2, 1, 3), np.complex64),
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::-2],
        np.ma.array([1, 2], mask=[0, 1]),
        np.array([1, [2]], object),
    ],
)
def test_odd_arrays_come_back(tmp_path: Path, array: Any) -> None:
    found = saved(tmp_path, {"a": array})["a"]
    assert (type(found), found.dtype, found.shape) == (type(array), array.dtype, array.shape)
    assert content(found) == content(array)


def test_words_come_back_in_their_order(tmp_path: Path) -> None:
    assert list(saved(tmp_path, {"z": 1, "a": np.zeros(2), "m": [1]})) == ["z", "a", "m"]


def test_what_words_share_is_shared_again(tmp_path: Path) -> None:
    row, grid = [1], np.zeros(3)
    found = saved(tmp_path, {"a": row, "b": row, "c": {"x": (row,)}, "d": grid, "e": [grid]})
    assert found["a"] is found["b"] is found["c"]["x"][0]
    assert found["d"] is found["e"][0]


def test_generators_of_random_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    state = {"a": random.Random(3), "b": np.random.default_rng(3), "c": np.random.RandomState(3)}
    for generator in state.values():
        generator.random()
    found = saved(tmp_path, state)
    assert [found[name].random() for name in state] == [state[name].random() for name in state]


def test_classes_are_those_of_the_initial_state(tmp_path: Path) -> None:
    state = {"cells": [Cell(1)], "mode": Mode.CODE}
    found = saved(tmp_path, state, like={"cells": (Cell(None),), "mode": [Mode.CODE]})
    assert found == state
    assert type(found["cells"][0]) is Cell


@pytest.mark.parametrize(("value", "name"), [(Cell(1), "Cell"), (Mode.CODE, "Mode"), (saved, "saved")])
def test_nothing_is_imported_for_a_file(tmp_path: Path, value: Any, name: str) -> None:
    with pytest.raises(AscError, match=f"holds a `.*{name}`, and the program's initial state holds none. Put one into"):
        saved(tmp_path, {"x": [value]}, like={"x": []})


def test_a_class_can_be_made_known(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, {"x": [Cell(1)]})
    assert checkpoint.load(tmp_path, {"x": []}, known=[Cell]) == (1, {"x": [Cell(1)]})


def add_cell(state: Any) -> None:
    state.cells.append(Cell(state.n))
    state.n += 1


def test_classes_of_the_module_of_the_step_are_known(tmp_path: Path) -> None:
    backend = ToyBackend(SpeculationConfig(executor="none"), Program("cells", add_cell, {"n": 0, "cells": []}, 3))
    computation, resumed = backend.computation(plain=True), backend.computation(plain=True)
    computation.advance(2)
    backend.save(computation, tmp_path, EngineState())
    assert backend.load(resumed, tmp_path) is not None
    resumed.advance(1)
    assert resumed.result() == {"n": 3, "cells": [Cell(0), Cell(1), Cell(2)]}


def test_another_class_of_the_same_name_belongs_to_another_program(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, {"x": Cell(1)})
    other = type("Cell", (), {"__module__": Cell.__module__, "__qualname__": "Cell", "__slots__": ("value", "next")})
    with pytest.raises(AscError, match=r"belongs to another program .* Start the run anew, without --resume"):
        checkpoint.load(tmp_path, {"x": other()})


SAVE_SET = """
import sys
from pathlib import Path
from asc_toy import checkpoint
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.content import content
from asc_toy.program import Program
checkpoint.save(Path(sys.argv[1]), 1, {"s": {str(number) for number in range(50)}})
"""


def test_a_set_whose_order_is_another_one_here_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAVE_SET, str(tmp_path)]
    subprocess.run(command, env={"PYTHONHASHSEED": "12345"}, timeout=60, check=True)
    with pytest.raises(
        AscError, match=r"holds a set whose order depends on the hashes of one process. Set PYTHONHASHSEED"
    ):
        checkpoint.load(tmp_path, {})


@given(position=st.integers(0, 10**6), flip=st.integers(0, 7))
def test_no_flipped_bit_passes_for_the_state(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    """A bit of the padding may flip, since it means nothing. All that is loaded is what was saved."""
    folder = tmp_path_factory.mktemp("flipped")
    state = {"n": 77, "t": "text", "a": np.arange(9.0), "l": [1, (2.5, {"x": b"y"})]}
    checkpoint.save(folder, 5, state)
    path = folder / checkpoint.FILE
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 1 << flip
    path.write_bytes(data)
    found, refused = None, ""
    try:
        found = checkpoint.load(folder, {})
    except AscError as error:
        refused = str(error)
    if refused:
        assert f"The checkpoint {path} is damaged" in refused
        assert "Start the run anew, without --resume." in refused
        return
    assert found is not None
    assert found[0] == 5
    assert content(found[1]) == content(state)


SAVER = """
import sys, itertools
from pathlib import Path
import numpy as np
from asc_toy import checkpoint
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.content import content
from asc_toy.program import Program
for number in itertools.count():
    checkpoint.save(Path(sys.argv[1]), number, {"n": number, "a": np.full(200_000, number)})
"""


def test_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """A reader between two checkpoints finds a whole one, too."""
    for number in range(4):
        folder = tmp_path / f"{number}"
        process = subprocess.Popen([sys.executable, "-c", SAVER, str(folder)])
        try:
            deadline, goal = time.monotonic() + 60, random.randrange(2, 40)
            while whole_position(folder) < goal:
                assert time.monotonic() < deadline, "nothing was saved"
        finally:
            process.kill()
            process.wait()
        assert whole_position(folder) >= goal


def whole_position(folder: Path) -> int:
    found = checkpoint.load(folder, {})
    if found is None:
        return -1
    position, state = found
    assert state["n"] == position
    assert np.all(state["a"] == position)
    return position


def test_nothing_is_left_lying_about(tmp_path: Path) -> None:
    (tmp_path / checkpoint.FILE).mkdir()
    with pytest.raises(OSError, match="director"):
        checkpoint.save(tmp_path, 1, {"n": 1})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


def fill_the_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


FULL = """
import sys
from pathlib import Path
import numpy as np
from asc_toy import checkpoint
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.content import content
from asc_toy.program import Program
checkpoint.save(Path(sys.argv[1]), 1, {"n": 1})
try:
    checkpoint.save(Path(sys.argv[1]), 2, {"n": 2, "a": np.zeros(100_000)})
except OSError as error:
    print("OSError", error)
"""


def test_full_disk_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    """Here a file cannot grow over 4 KiB."""
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        preexec_fn=fill_the_disk,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout.startswith("OSError")
    assert checkpoint.load(tmp_path, {}) == (1, {"n": 1})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
