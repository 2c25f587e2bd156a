"""Values for people, as JSON can hold them."""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from asc_toy.readable import readable


@dataclass
class Account:
    owner: str
    history: list[int]


SHOWN = [
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
    (None, None),
    (Decimal("1.50"), "1.50"),
    (range(3), "range(0, 3)"),
    ([1, math.inf, b"a"], [1, "inf", "61"]),
    (bytes(5000), "5000 bytes from 0000000000000000 on"),
    ((1, (2, 3)), [1, [2, 3]]),
    (deque([1]), [1]),
    ({1}, [1]),
    ({"a": 1, 2: [3]}, {"a": 1, "2": [3]}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (Account("ann", [1]), {"owner": "ann", "history": [1]}),
    (list(range(100)), [0, 1, 2, 3, 4, 5, 6, 7, "… 100 in all"]),
    (dict.fromkeys(range(100), 0), {**{str(number): 0 for number in range(8)}, "…": "100 in all"}),
    (np.arange(3.0), [0.0, 1.0, 2.0]),
    (np.zeros((3, 3)), "an array of shape (3, 3) and dtype float64"),
    (np.zeros(100, np.int8), "an array of shape (100,) and dtype int8"),
    ([[[[[1]]]]], [[["[[1]]"]]]),
    (len, "<built-in function len>"),
    (int, "<class 'int'>"),
]


@pytest.mark.parametrize(("value", "shown"), SHOWN, ids=[str(number) for number in range(len(SHOWN))])
def test_values_are_shown_as_json_can_hold_them(value: Any, shown: Any) -> None:
    found = readable(value)
    assert type(found) is type(shown)
    assert found == shown
    json.dumps(found, allow_nan=False)
