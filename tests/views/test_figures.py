from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc.views import figures

WRITERS = (figures.count, figures.amount, figures.ratio, figures.percent, figures.duration)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.00085, "850 µs"),
        (0.0123, "12.3 ms"),
        (4.56, "4.56 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (7_380, "2 h 03 min"),
    ],
)
def test_a_duration_has_a_fitting_unit(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, "12", True, [1]])
def test_what_is_no_finite_number_is_a_dash(writer: object, value: object) -> None:
    assert callable(writer)
    assert writer(value) == figures.UNKNOWN


@given(st.floats() | st.integers() | st.none() | st.text())
def test_nothing_that_a_damaged_file_may_hold_raises(value: object) -> None:
    for writer in (*WRITERS, figures.clock):
        assert writer(value)


def test_numbers_read_as_people_write_them() -> None:
    assert figures.count(1_234_567) == "1,234,567"
    assert figures.amount(0.25) == "0.25"
    assert figures.ratio(3.214) == "3.21×"
    assert figures.percent(0.932) == "93.2 %"
    assert figures.clock(3_723) == "1:02:03"
    assert figures.clock(None) == "-:--"


def test_a_long_list_of_names_is_cut_and_says_by_how_much() -> None:
    assert figures.names(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert figures.names(["a"], 2) == "a"
    assert figures.names((), 2) == "none"
