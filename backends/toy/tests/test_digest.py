"""The digest of a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asc_toy.digest import state_digest

WORDS: dict[str, Any] = {
    "n": 5,
    "x": -0.0,
    "flag": True,
    "t": "é",
    "b": b"\0",
    "f": np.float32(1.5),
    "big": 10**5000,
}
ARRAYS: dict[str, Any] = {
    "a": np.arange(6).reshape(2, 3),
    "z": np.zeros((0, 2), np.float32),
    "s": np.array(["ab", ""]),
    "m": np.array(["2020-01-01", "NaT"], "M8[D]"),
    "p": np.array(3.5),
}


def test_digests_of_numbers_and_arrays_stay_what_they_are() -> None:
    """Records of earlier runs hold them."""
    assert state_digest(0, {}) == "fa6f93c5ba91fc44cc67071a330e64f91146287918981c8e8e7f512ee246818c"
    expected = "53c506eb6e0df6a2aa74444f3934b95df6b532dbfde9180eefb0c56f8e83a0a3"
    assert state_digest(7, {**WORDS, **ARRAYS}) == expected
    assert state_digest(7, {**ARRAYS, **WORDS}) == expected


row = [1]
array = np.arange(4)
read_only = np.arange(4)
read_only.flags.writeable = False
DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "value": ({"n": 1}, {"n": 2}),
    "type": ({"n": 1}, {"n": True}),
    "name": ({"n": 1}, {"m": 1}),
    "list": ({"n": [1]}, {"n": [2]}),
    "list and tuple": ({"n": [1]}, {"n": (1,)}),
    "array and list": ({"n": array}, {"n": array.tolist()}),
    "order of an array": ({"a": np.zeros((2, 3))}, {"a": np.zeros((2, 3), order="F")}),
    "byte order": ({"a": np.zeros(2, "<i4")}, {"a": np.zeros(2, ">i4")}),
    "writeable": ({"a": array}, {"a": read_only}),
    "one list and two": ({"a": row, "b": row}, {"a": [1], "b": [1]}),
    "one array and two": ({"a": array, "b": array}, {"a": array, "b": array.copy()}),
    "a shared part": ({"a": [row], "b": {"x": row}}, {"a": [row], "b": {"x": [1]}}),
    "where the shared part is": ({"a": [row, [1]], "b": row}, {"a": [[1], row], "b": row}),
    "class of an array": ({"a": np.zeros((1, 1))}, {"a": np.zeros((1, 1)).view(np.matrix)}),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_states_that_differ_have_other_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert state_digest(1, one) != state_digest(1, other)


def test_the_position_counts() -> None:
    assert state_digest(1, {"n": 1}) != state_digest(2, {"n": 1})


def test_copies_have_the_same_digest() -> None:
    assert state_digest(1, {"a": [1, (2, {"x"})], "b": array}) == state_digest(
        1, {"b": array.copy(), "a": [1, (2, {"x"})]}
    )


def test_the_word_that_has_no_digest_is_named() -> None:
    with pytest.raises(TypeError, match="The state word 'log' holds an iterator, at "):
        state_digest(1, {"log": [iter([])]})
