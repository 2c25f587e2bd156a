"""Checkpoints: everything comes back, bit for bit, and a file is whole or is refused."""

from __future__ import annotations

import math
import random
import resource
import struct
import subprocess
import sys
import time
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
def test_damage_is_reported(tmp_path: Path, damage: Any) -> None:
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
    checkpoint.save(tmp_path, 0, {"x": word}, {})
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert type(found[1]["x"]) is type(word)
    assert same(found[1]["x"], word)


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
    ],
)
def test_odd_arrays_come_back(tmp_path: Path, array: Any) -> None:
    checkpoint.save(tmp_path, 0, {}, {"a": array})
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert (found[2]["a"].dtype, found[2]["a"].shape) == (array.dtype, array.shape)
    assert found[2]["a"].tobytes() == array.tobytes()


@given(position=st.integers(0, 10**6), flip=st.integers(0, 7))
def test_no_flipped_bit_passes_for_the_state(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int
) -> None:
    """A bit of the padding may flip, since it means nothing. All that is loaded is what was saved."""
    folder = tmp_path_factory.mktemp("flipped")
    words, arrays = {"n": 77, "t": "text"}, {"a": np.arange(9.0)}
    checkpoint.save(folder, 5, words, arrays)
    path = folder / checkpoint.FILE
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 1 << flip
    path.write_bytes(data)
    found, refused = None, ""
    try:
        found = checkpoint.load(folder)
    except AscError as error:
        refused = str(error)
    if refused:
        assert f"The checkpoint {path} is damaged" in refused
        assert "Start the run anew, without --resume." in refused
        return
    assert found is not None
    assert found[:2] == (5, words)
    assert found[2]["a"].tobytes() == arrays["a"].tobytes()


SAVER = """
import sys, itertools
from pathlib import Path
import numpy as np
from asc_toy import checkpoint
for number in itertools.count():
    checkpoint.save(Path(sys.argv[1]), number, {"n": number}, {"a": np.full(200_000, number)})
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
    found = checkpoint.load(folder)
    if found is None:
        return -1
    position, words, arrays = found
    assert words == {"n": position}
    assert np.all(arrays["a"] == position)
    return position


def test_nothing_is_left_lying_about(tmp_path: Path) -> None:
    (tmp_path / checkpoint.FILE).mkdir()
    with pytest.raises(OSError, match="director"):
        checkpoint.save(tmp_path, 1, {"n": 1}, {})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


def fill_the_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


FULL = """
import sys
from pathlib import Path
import numpy as np
from asc_toy import checkpoint
checkpoint.save(Path(sys.argv[1]), 1, {"n": 1}, {})
try:
    checkpoint.save(Path(sys.argv[1]), 2, {"n": 2}, {"a": np.zeros(100_000)})
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
    assert checkpoint.load(tmp_path) == (1, {"n": 1}, {})
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        (5, 5),
        (2**60, str(2**60)),
        (1 << 5000, "an integer of 5001 bits"),
        (True, True),
        (0.5, 0.5),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (b"\x01\xff", "01ff"),
        ("text", "text"),
        (np.int64(3), 3),
        (np.float32(math.nan), "nan"),
        (np.complex64(1j), "1j"),
        (np.datetime64("2020-01-01"), "2020-01-01"),
    ],
)
def test_words_are_shown_as_json_can_hold_them(word: Any, shown: Any) -> None:
    found = checkpoint.readable(word)
    assert type(found) is type(shown)
    assert found == shown
