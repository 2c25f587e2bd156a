"""Realistic programs end as in the user's own loop, and the comparison that says so misses nothing."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import pytest
from own_loop import Plain, difference, loop
from steps import BY_NAME, CASES, Kind, load

from asc_toy import accelerate

OFTEN = {"scheduler": {"overdraft": 10.0}}
SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "threads": {"executor": "threads", "workers": 2, **OFTEN},
        "memory": {"executor": "none", "recognizer": "always", **OFTEN},
    }
)
"""Settings with which even a short run speculates: other threads run ahead, or the main thread remembers every step."""
SUPERSTEPS = 25  # of a run in which threads run ahead


@pytest.mark.parametrize("name", BY_NAME)
def test_the_users_own_loop_ends_right(name: str) -> None:
    program, n = load(name), BY_NAME[name].few
    for seed in (0, 3):
        own = Plain(program.initial(n, seed))
        loop(program.step, own, n)
        assert program.right(program.initial(n, seed), dict(vars(own)), n)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("name", BY_NAME)
def test_accelerate_ends_as_the_users_own_loop_and_leaves_the_given_values_alone(
    name: str, settings: Mapping[str, Any]
) -> None:
    program, n = load(name), 5 * BY_NAME[name].few
    values = program.initial(n, 1)
    distance = {"name": "recurring", "distance": n // SUPERSTEPS}
    result = accelerate(program.step, values, n, {"recognizer": distance, **settings})
    own = Plain(program.initial(n, 1))
    loop(program.step, own, n)
    assert difference(vars(own), result.state) == ""
    assert difference(program.initial(n, 1), values) == ""


def test_these_short_runs_leap() -> None:
    program = load("k_means")
    assert accelerate(program.step, program.initial(150, 1), 150, SETTINGS["memory"]).summary["skipped"] > 0


@pytest.mark.parametrize("name", ["bank", "csv_totals", "heat", "mandelbrot"])
def test_processes(name: str) -> None:
    program, n = load(name), 5 * BY_NAME[name].few
    result = accelerate(program.step, program.initial(n, 2), n, {"workers": 1, **OFTEN})
    own = Plain(program.initial(n, 2))
    loop(program.step, own, n)
    assert difference(vars(own), result.state) == ""


def test_there_are_many_programs_of_each_kind() -> None:
    kinds = [case.kind for case in CASES]
    assert len(set(BY_NAME)) == len(CASES) >= 34
    assert all(kinds.count(kind) >= 5 for kind in get_args(Kind))
    assert all(case.few < case.quick < case.steps for case in CASES)


@dataclass
class Point:
    x: float
    y: float


NEGATIVE_NAN = np.array([0xFFF8000000000000], np.uint64).view(np.float64)


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        (1, True, "s['v']: int and bool"),
        (1, 1.0, "s['v']: int and float"),
        (0.0, -0.0, "s['v']: 0.0 and -0.0"),
        (np.float32(1), np.float64(1), "s['v']: float32 and float64"),
        (complex(0.0, 0.0), complex(0.0, -0.0), "s['v']: 0j and -0j"),
        (Decimal("1.0"), Decimal("1.00"), "s['v']: Decimal('1.0') and Decimal('1.00')"),
        (b"a", bytearray(b"a"), "s['v']: bytes and bytearray"),
        ([1, [2, 3]], [1, [2, 4]], "s['v'][1][1]: 3 and 4"),
        ([1], [1, 2], "s['v']: 1 and 2 parts"),
        ((1,), [1], "s['v']: tuple and list"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "s['v'] key 0: 'a' and 'b'"),
        ({"a": 1}, {"a": 2}, "s['v']['a']: 1 and 2"),
        ({1, 2}, {1, 3}, "s['v'][1]: 2 and 3"),
        (deque([1.0]), deque([2.0]), "s['v'][0]: 1.0 and 2.0"),
        (Point(1.0, 2.0), Point(1.0, 3.0), "s['v'].y: 2.0 and 3.0"),
        (random.Random(1), random.Random(2), "s['v']: <random.Random"),
        (np.zeros(3), np.zeros(4), "s['v'].shape: (3,) and (4,)"),
        (np.zeros(3, np.int32), np.zeros(3, np.int64), "s['v'].dtype: int32 and int64"),
        (np.zeros((2, 2)), np.zeros((2, 2), order="F"), "s['v'].strides: (16, 8) and (8, 16)"),
        (np.zeros((2, 2)), np.array([[0.0, 0.0], [-0.0, 0.0]]), "s['v'][1, 0]:"),
        (np.ma.zeros(3), np.zeros(3), "s['v']: MaskedArray and ndarray"),
        (np.array([np.nan]), NEGATIVE_NAN, "s['v'][0]:"),
        (np.array([None, 1], object), np.array([None, True], object), "s['v'][1]: int and bool"),
    ],
)
def test_a_difference_of_types_or_bits_is_found(left: Any, right: Any, sentence: str) -> None:
    assert difference({"v": left}, {"v": right}, "s").startswith(sentence)


@pytest.mark.parametrize(
    "make",
    [
        lambda: float("nan"),
        lambda: {"a": [1, (2.0, "b")], 3: {4, 5}},
        lambda: np.arange(6.0).reshape(2, 3),
        lambda: [Point(1.0, -0.0), deque([None, b"x"]), Decimal(3), random.Random(4), 1j],
    ],
)
def test_values_of_the_same_types_and_bits_are_equal(make: Any) -> None:
    assert difference({"v": make()}, {"v": make()}) == ""


def test_a_value_that_cannot_be_compared_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^at\['v'\] is of the type object: teach own_loop to compare it$"):
        difference({"v": object()}, {"v": object()}, "at")


def test_the_plain_object_accumulates_as_a_state_does() -> None:
    state = Plain({"n": 5, "a": np.array([1, 2, 3], np.int8)})
    for method, at_word, at_element in (("add", 8, 5), ("minimum", 3, 3), ("maximum", 3, 3)):
        getattr(state, method)("n", 3)
        getattr(state, method)("a", 3, at=1)
        assert state.n == at_word
        assert state.a.tolist() == [1, at_element, 3]
    assert state.a.dtype == np.int8
