"""Sets keep the order that they have, and the order that they will have."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc_toy.content import OrderError, content, decode, duplicate, encode, holds_set, unsupported

numbers = st.lists(st.integers(-(10**12), 10**12) | st.integers(0, 40), max_size=300)
WAYS: dict[str, Any] = {
    "from a list": set,
    "from a set": lambda members: set(members).copy(),
    "from a dict": lambda members: set(dict.fromkeys(members)),
    "one by one": lambda members: {member for member in members},  # noqa: C416 -- as a step may write it
    "of texts": lambda members: set(map(str, members)),
    "of tuples": lambda members: {(member, member % 7) for member in members},
    "frozen": frozenset,
}


def grow(value: set[Any]) -> list[Any]:
    """Return the orders that a set has after some changes."""
    orders = []
    for number in range(0, 3000, 7):
        value.add(number)
        orders.append(list(value))
    while value:
        value.pop()
        orders.append(list(value))
    return orders


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS.keys())
def test_a_duplicate_has_the_same_order_now_and_after_every_change(make: Any) -> None:
    chance, copied = random.Random(5), 0
    for _ in range(60):
        largest = chance.choice([50, 10**6, 10**12])
        value = make([chance.randrange(largest) for _ in range(chance.randrange(100))])
        try:
            twin = duplicate(value)
        except OrderError:
            continue
        copied += 1
        assert list(twin) == list(value)
        if isinstance(value, set):
            assert grow(twin) == grow(value)
    assert copied >= 55


@given(numbers)
def test_a_duplicate_of_a_duplicate_is_always_possible(members: list[int]) -> None:
    """As the error recommends: `s = set(s)`."""
    value = set(members).copy()
    assert content(duplicate(value)) == content(value)


@given(numbers)
def test_a_set_comes_back_from_json_or_is_refused(members: list[int]) -> None:
    try:
        coded = encode({"s": set(members), "f": frozenset(members)})
    except OrderError:
        return
    back = decode(coded, {})
    assert list(back["s"]) == list(set(members))
    assert content(back["f"]) == content(frozenset(members))


@pytest.mark.parametrize("change", [lambda value: value.discard(3), lambda value: value.pop()])
def test_a_set_from_which_a_member_was_removed_is_refused(change: Any) -> None:
    value = set(range(10))
    change(value)
    for use in (duplicate, encode):
        with pytest.raises(OrderError, match=r"holds a set whose order no copy can have, .* \(write `s = set\(s\)`"):
            use(value)
    assert content(duplicate(set(value))) == content(set(value))


def test_a_word_that_holds_such_a_set_is_named() -> None:
    value = [set(range(9)) - {3}]
    assert unsupported(value).startswith("a set whose order no copy can have")
    with pytest.raises(OrderError, match="The state word 'free' holds a set whose order no copy can have"):
        content(value, {}, "free")
    content(value)  # its content is known, and a change of it is found


def test_equal_sets_with_other_futures_have_other_contents() -> None:
    grown, copied = set(range(20)), set(range(20)).copy()
    assert list(grown) == list(copied)
    grown_order, copied_order = grow(grown), grow(copied)
    assert grown_order != copied_order
    assert content(set(range(20))) != content(set(range(20)).copy())


def test_which_values_hold_a_set() -> None:
    assert all(map(holds_set, [set(), frozenset(), [1, {2}], {"a": ({frozenset()},)}]))
    assert not any(map(holds_set, [1, [2], {"a": 1}, (None,)]))


ENCODE = """
import json
from asc_toy.content import encode
print(json.dumps(encode({str(number) for number in range(50)})))
"""


def test_a_set_of_texts_is_refused_where_their_hashes_are_others() -> None:
    """Each process has other hashes of texts, unless PYTHONHASHSEED is set."""
    command = [sys.executable, "-c", ENCODE]
    environment = {"PYTHONHASHSEED": "12345"}
    coded = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    with pytest.raises(OrderError):
        decode(json.loads(coded), {})
