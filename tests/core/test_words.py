"""Words: equal only when type and bits are; sums exact; digests that no machine changes."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.words import Excited, Word, bits, canonical, changing, combine, same

QUICK = settings(max_examples=150)

LOOKALIKES: list[Word] = [
    *(0, 1, -1, 2**64, 10**5000, -(10**5000)),
    *(True, False),
    *(0.0, -0.0, 1.0, math.nan, -math.nan, math.inf, 5e-324),
    *("", "a", "1", "é", "\udc80", b"", b"a", b"1"),
    *(np.int8(1), np.int64(1), np.uint64(1), np.float32(1), np.float64(1), np.bool_(True), np.float64(-0.0)),
    *(np.str_("a"), np.bytes_(b"a"), np.complex128(1), np.datetime64("2020-01-01", "D"), np.datetime64(0, "s")),
]

numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=True, allow_infinity=True))
words = st.one_of(numbers, st.booleans(), st.text(max_size=3), st.binary(max_size=3))
fractions = st.fractions(min_value=-5, max_value=5, max_denominator=12)


@pytest.mark.parametrize("function", [bits, canonical])
def test_no_two_different_words_are_one(function: Any) -> None:
    seen = {function(word) for word in LOOKALIKES}
    assert len(seen) == len(LOOKALIKES)


def test_a_word_is_itself() -> None:
    for word in LOOKALIKES:
        assert same(word, word)
    assert same(math.nan, struct.unpack("<d", struct.pack("<d", math.nan))[0])
    assert not same(True, 1)
    assert not same(0.0, -0.0)


@QUICK
@given(words, words)
def test_same_bits_same_bytes(left: Word, right: Word) -> None:
    assert same(left, right) == (bits(left) == bits(right)) == (canonical(left) == canonical(right))
    assert hash(bits(left)) == hash(bits(left))


def test_canonical_bytes_do_not_change_with_the_byte_order() -> None:
    native, swapped = np.int32(258), np.dtype(">i4").type(258)
    assert canonical(native) == canonical(swapped) == canonical(np.array([258], ">i4")[0])
    assert canonical(258) == b"int:258"
    assert canonical(-0.0) == b"float:" + struct.pack("<d", -0.0)


@pytest.mark.parametrize("value", [None, [1], (1, 2), 1j, object()])
@pytest.mark.parametrize("function", [bits, canonical])
def test_what_is_no_word_is_refused(function: Any, value: object) -> None:
    with pytest.raises(TypeError, match="a word holds int, float, bool, bytes, str or a numpy scalar"):
        function(value)


@QUICK
@given(st.lists(st.tuples(fractions, st.integers(-(2**70), 2**70)), min_size=1, max_size=5))
def test_integers_are_summed_exactly_or_not_at_all(terms: list[tuple[Fraction, int]]) -> None:
    coefficients, values = zip(*terms, strict=True)
    total = sum((c * v for c, v in terms), Fraction(0))
    result = combine(coefficients, values)
    assert result == (int(total) if total.denominator == 1 else None)
    assert result is None or type(result) is int


@QUICK
@given(st.lists(st.tuples(fractions, st.floats(-1e15, 1e15)), min_size=1, max_size=5))
def test_floats_are_rounded_once(terms: list[tuple[Fraction, float]]) -> None:
    coefficients, values = zip(*terms, strict=True)
    result = combine(coefficients, values)
    assert type(result) is float
    assert result == float(sum((c * Fraction(v) for c, v in terms), Fraction(0)))


@QUICK
@given(st.lists(st.tuples(fractions, words), min_size=1, max_size=4), words)
def test_a_snapshot_of_no_weight_does_not_matter(terms: list[tuple[Fraction, Word]], other: Word) -> None:
    coefficients, values = zip(*terms, strict=True)
    before = combine(coefficients, values)
    after = combine((Fraction(0), *coefficients), (other, *values))
    assert (before is None and after is None) or same(before, after)  # type: ignore[arg-type]


@QUICK
@given(words, st.lists(fractions, min_size=1, max_size=4))
def test_what_stands_still_stays_bit_for_bit(word: Word, parts: list[Fraction]) -> None:
    coefficients = [*parts, 1 - sum(parts, Fraction(0))]
    result = combine(coefficients, [word] * len(coefficients))
    assert result is not None
    assert same(result, word)


def test_words_without_a_sum() -> None:
    line = (Fraction(-1), Fraction(2))
    assert combine(line, ["a", "b"]) is None
    assert combine(line, ["b", "b"]) == "b"
    assert combine(line, [False, True]) is None
    assert combine(line, [1, 2.0]) is None
    assert combine(line, [1.0, math.inf]) is None
    assert combine((1e308, 1e308), [1e308, 1e308]) is None
    assert combine((math.nan, 1.0), [1, 2]) is None
    assert combine((math.nan, 1.0), [2, 2]) == 2
    assert combine((1.0, 0.0), ["a", "b"]) == "a"
    with pytest.raises(ValueError, match="zip"):
        combine((1.0,), [1, 2])


def test_excited_words_are_those_that_ever_changed() -> None:
    excited = Excited()
    excited.note({"a": 1, "b": 0.0, "c": math.nan})
    assert excited.names == set()
    excited.note({"a": True, "b": 0.0, "c": math.nan})
    assert excited.names == {"a"}
    excited.note({"a": True, "b": -0.0, "c": math.nan, "d": 0})
    excited.note({"a": True, "b": -0.0, "c": math.nan, "d": 0})
    assert excited.names == {"a", "b", "d"}
    assert changing([{"z": 1, "y": 1, "x": 1}, {"z": 2, "y": 1, "x": 2}]) == ("x", "z")
