"""What predictors give as the words of a state: what is hardly right about it, and what can never be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asc import answers
from asc.errors import WrongAnswerError

NEWEST = {"count": 7, "rate": 0.5, "on": True, "name": "a", "xs[0]": np.int32(4)}


@pytest.mark.parametrize(
    ("predicted", "doubt"),
    [
        ({}, ""),
        ({"count": 8, "rate": 1.5, "on": False, "name": "b", "xs[0]": np.int32(5)}, ""),
        ({"count": 8.0}, "`count` was predicted as a float, and is an int"),
        ({"count": np.int64(8)}, "`count` was predicted as an int64, and is an int"),
        ({"count": True}, "`count` was predicted as a bool, and is an int"),
        ({"on": 1}, "`on` was predicted as an int, and is a bool"),
        ({"xs[0]": 4}, "`xs[0]` was predicted as an int, and is an int32"),
        ({"name": b"a", "count": 8.0}, "`name` was predicted as a bytes, and is a str"),
        ({"counts": 8}, '`counts` was predicted, and the state has no such word (did you mean "count"?)'),
        ({"velocity": 8}, "`velocity` was predicted, and the state has no such word"),
    ],
)
def test_a_word_that_is_hardly_right_is_named(predicted: dict[str, Any], doubt: str) -> None:
    assert answers.words(predicted, NEWEST) == doubt


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        (None, "answered None in predict; expected a mapping of state word to value in asc.Direct"),
        ([7], "answered [7] in predict; expected a mapping of state word to value in asc.Direct"),
        (
            {"count": 8, "rate": [0.5]},
            "answered [0.5] in predict; expected for rate, a value that a state word can hold: int, float, bool, ",
        ),
        ({"velocity": None}, "answered None in predict; expected for velocity, a value that a state word can hold"),
    ],
)
def test_what_can_never_be_words_is_refused(predicted: Any, said: str) -> None:
    with pytest.raises(WrongAnswerError) as refused:
        answers.words(predicted, NEWEST)
    assert str(refused.value).startswith(said)
