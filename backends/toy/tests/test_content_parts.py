"""Scalars by their paths, shared memory, the comparison of arrays, and large or deep values."""

from __future__ import annotations

import array
import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from asc_toy.content import content, decode, duplicate, encode, leaves, overlaps, same_array, with_leaves


@dataclass
class Body:
    x: float
    y: Any = None


@dataclass(frozen=True)
class Fixed:
    x: int


class Link:
    def __init__(self, next: Any) -> None:
        self.next = next


LEAVES: list[tuple[Any, dict[str, Any]]] = [
    ([1, 2.5, "a"], {"[0]": 1, "[1]": 2.5, "[2]": "a"}),
    ((True, b"x"), {"[0]": True, "[1]": b"x"}),
    ({"x": 1, 2: [3, (4,)]}, {"['x']": 1, "[2][0]": 3, "[2][1][0]": 4}),
    (Body(1.5, Fixed(2)), {".x": 1.5, ".y.x": 2}),
    (types.SimpleNamespace(a=np.float32(1)), {".a": np.float32(1)}),
    ([None, 1], {"[1]": 1}),
    ([], {}),
]


@pytest.mark.parametrize(("value", "found"), LEAVES)
def test_scalars_are_found_by_their_paths(value: Any, found: dict[str, Any]) -> None:
    assert leaves(value) == found


shared = [1]


@pytest.mark.parametrize(
    "value", [5, "text", list(range(65)), [[0] * 40] * 2, [np.zeros(2)], {1, 2}, [{1}], [object()], [shared, shared]]
)
def test_other_values_have_no_scalars_to_predict(value: Any) -> None:
    assert leaves(value) is None


@pytest.mark.parametrize("value", [value for value, _ in LEAVES])
def test_scalars_are_replaced_in_a_duplicate(value: Any) -> None:
    before = content(value)
    paths = leaves(value)
    assert paths is not None
    changed = with_leaves(value, {path: number for number, path in enumerate(paths)})
    assert leaves(changed) == {path: number for number, path in enumerate(paths)}
    assert type(changed) is type(value)
    assert content(with_leaves(value, {})) == before
    assert content(value) == before


base = np.arange(20)
other = bytearray(16)
overlapping = {
    "a view": {"a": base, "b": base[3:5]},
    "two views": {"a": base[:5], "c": np.zeros(3), "b": base[4:]},
    "reversed": {"a": base[::-1], "b": base[:1]},
    "in a list": {"a": [1, {"x": base}], "b": (base[:2],)},
    "the memory of a bytearray": {"a": other, "b": np.frombuffer(other)},
    "a masked array": {"a": base, "b": np.ma.array(base, copy=False)},
}


@pytest.mark.parametrize("values", overlapping.values(), ids=overlapping.keys())
def test_words_that_share_memory_are_named(values: dict[str, Any]) -> None:
    assert sorted(overlaps(values).split(" and ")) == ["'a'", "'b'"]


@pytest.mark.parametrize(
    "values",
    [
        {"a": base, "b": base},
        {"a": base[:5], "b": base[5:]},
        {"a": base[::2], "b": base[1::2]},
        {"a": base[:0], "b": base},
        {"a": base, "b": [base]},
        {"a": base.reshape(4, 5)[:, :2], "b": base.reshape(4, 5)[:, 2:]},
        {"a": array.array("d", [1]), "b": bytearray(3), "c": open},
    ],
)
def test_an_alias_and_memory_side_by_side_are_no_overlap(values: dict[str, Any]) -> None:
    assert overlaps(values) == ""


def test_two_views_in_one_word_overlap_too() -> None:
    assert overlaps({"a": [base, base[1:]]}) == "'a' and 'a'"


simple_arrays = hnp.arrays(
    st.sampled_from(["|b1", "|i1", "<i2", "<i8", "<f4", "<f8", "<c16", "<U3", "|S3", "<M8[D]"]),
    hnp.array_shapes(min_dims=0, max_side=6, min_side=0),
)


@given(simple_arrays, st.sampled_from("CF"), st.data())
def test_arrays_are_the_same_when_all_their_bits_are(array: Any, order: Any, data: Any) -> None:
    one, other = np.array(array, order=order), np.array(array, order=order)
    assert same_array(one, other)
    if other.nbytes:
        raw = other.reshape(-1, order="A").view(np.uint8)
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assert not same_array(one, other)


@pytest.mark.parametrize("place", [0, 100_000, 299_999, 300_002])
def test_a_difference_in_a_large_array_is_found_anywhere(place: int) -> None:
    one = np.zeros(300_003, np.uint8)
    other = one.copy()
    assert same_array(one, other)
    other[place] = 1
    assert not same_array(one, other)


def test_bits_count_and_not_values() -> None:
    assert not same_array(np.array([0.0]), np.array([-0.0]))
    assert same_array(np.array([np.nan]), np.array([np.nan]))


def test_a_chain_of_many_objects_is_a_value_like_any_other() -> None:
    chain: Any = None
    for number in range(5_000):
        chain = Link((number, chain) if number % 2 else chain)
    twin = duplicate(chain)
    assert content(twin) == content(chain)
    assert content(decode(encode(chain), {f"{Link.__module__}.Link": Link})) == content(chain)


def test_a_frozen_object_that_is_changed_all_the_same_does_not_change_its_duplicate() -> None:
    original = {Fixed(1): (Fixed(2),)}
    twin = duplicate(original)
    object.__setattr__(next(iter(original.values()))[0], "x", 3)
    assert twin == {Fixed(1): (Fixed(2),)}


def test_a_memo_keeps_what_two_values_share() -> None:
    memo: dict[int, Any] = {}
    part = [1]
    one, other, third = {"a": part}, (part, 2), part
    first, second = duplicate(one, memo), duplicate(other, memo)
    assert first["a"] is second[0] is duplicate(third, memo)
    assert first["a"] is not part
