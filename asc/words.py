"""State words (words): the named immutable values of a state, equal only when type and bits are.

`True` is not `1`, `-0.0` is not `0.0`, and a NaN equals itself: an exact backend must not mistake one for the other.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Word = bool | int | float | bytes | str | np.generic
"""What a word may hold."""

WORD_TYPES = (bool, int, float, bytes, str, np.generic)

_ENTRY_BYTES = 40  # of a dictionary, for a name that others share


def bits(value: Word) -> Hashable:
    """Return a key that two words share exactly when they have the same type and bits."""
    kind = type(value)
    if kind is int or kind is bytes or kind is str:
        return value
    if kind is float:
        return ("float", struct.pack("<d", value))
    if kind is bool:
        return ("bool", value)
    if isinstance(value, np.generic):
        return (value.dtype.str, value.tobytes())
    raise TypeError(f"a word holds int, float, bool, bytes, str or a numpy scalar, not {kind.__name__}")


def same(left: Word, right: Word) -> bool:
    """Whether two words have the same type and bits."""
    if left is right:
        return True
    kind = type(left)
    if kind is int or kind is bytes or kind is str:  # most words by far: without the calls
        return type(right) is kind and left == right
    return bits(left) == bits(right)


def canonical(value: Word) -> bytes:
    """Return bytes that identify a word across machines and Python versions, for digests."""
    kind = type(value)
    if kind is int:
        return b"int:" + str(value).encode() if abs(value) < 10**4000 else b"hex:" + hex(value).encode()  # type: ignore[arg-type]
    if kind is bytes:
        return b"bytes:" + value  # type: ignore[operator]
    if kind is str:
        return b"str:" + value.encode("utf-8", "surrogatepass")  # type: ignore[union-attr]
    if kind is float:
        return b"float:" + struct.pack("<d", value)
    if kind is bool:
        return b"bool:1" if value else b"bool:0"
    if isinstance(value, np.generic):
        little = np.asarray(value).astype(value.dtype.newbyteorder("<"))
        return f"numpy {value.dtype.str.lstrip('<>=|')}:".encode() + little.tobytes()
    raise TypeError(f"a word holds int, float, bool, bytes, str or a numpy scalar, not {kind.__name__}")


def weight(values: Iterable[Hashable]) -> int:
    """Return the approximate bytes that words, or their `bits`, take in a dictionary; a big integer takes its size."""
    total = 0
    for value in values:
        parts = (value, *value) if type(value) is tuple else (value,)
        total += _ENTRY_BYTES + sum(map(sys.getsizeof, parts))
    return total


def combine(coefficients: Sequence[Fraction | float], values: Sequence[Word]) -> Word | None:
    """Return the exact weighted sum of a word's past values, oldest first.

    Integers stay integers: a sum with a fractional part means nothing and gives None. Floats are summed exactly and
    rounded once. Words that are not finite numbers are predicted only where they do not change.
    """
    zipped = zip(coefficients, values, strict=True)
    if all(type(value) is int for value in values) and all(type(one) is Fraction for one in coefficients):
        return _integer([*zipped])  # type: ignore[list-item]
    return _sum([(coefficient, value) for coefficient, value in zipped if coefficient], values[-1])


def _sum(terms: Sequence[tuple[Fraction | float, Word]], newest: Word) -> Word | None:
    """Return the sum for words of any type."""
    still = bool(terms) and all(same(value, terms[0][1]) for _, value in terms)
    if still and sum(coefficient for coefficient, _ in terms) == 1:
        return terms[0][1]  # bit for bit: a sum would lose the sign of -0.0
    kind = type(newest)
    if any(type(value) is not kind for _, value in terms):
        return None
    finite = kind is int or (kind is float and all(math.isfinite(value) for _, value in terms))  # type: ignore[arg-type]
    if not finite or not all(math.isfinite(coefficient) for coefficient, _ in terms):
        return newest if still and same(terms[0][1], newest) else None
    if kind is int:
        return _integer([(Fraction(coefficient), value) for coefficient, value in terms])  # type: ignore[misc]
    total = sum((Fraction(coefficient) * Fraction(value) for coefficient, value in terms), Fraction(0))  # type: ignore[arg-type]
    try:
        return float(total)
    except OverflowError:
        return None


def _integer(terms: Sequence[tuple[Fraction, int]]) -> int | None:
    """Return the sum, or None where it is no integer; over one denominator, which is far quicker than fractions."""
    shared = math.lcm(*(coefficient.denominator for coefficient, _ in terms))
    total, rest = divmod(sum(one.numerator * (shared // one.denominator) * value for one, value in terms), shared)
    return None if rest else total


class Excited:
    """The words that ever change between boundaries: predictors that learn model only these (Waterland et al. 2014)."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._last: Mapping[str, Any] | None = None

    def note(self, words: Mapping[str, Any]) -> None:
        """Compare with the words of the previous boundary."""
        last, names = self._last, self.names
        if last is words:
            return
        if last is not None:
            for name, value in words.items():
                if name not in names and (name not in last or not same(last[name], value)):
                    names.add(name)
        self._last = words


def changing(states: Iterable[Mapping[str, Word]]) -> tuple[str, ...]:
    """Return the names, sorted, whose value differs anywhere among the states."""
    excited = Excited()
    for words in states:
        excited.note(words)
    return tuple(sorted(excited.names))
