"""The small programs of the tour: pure functions of words, of which one is counting, one a hash and one a dial."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from asc.words import Word

ITERATIONS = 8  # of the logistic map in a step


def collatz(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Count the iterations from n to 1, add them to a total that nobody reads, and go on to the next n."""
    x, count = words["n"], 0
    while x != 1:
        x, count = (3 * x + 1 if x & 1 else x >> 1), count + 1
    return {"n": words["n"] + 1, "total": count}


def chain(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Hash the hash before: each bit of it depends on every bit before, and nothing shorter computes it."""
    return {"block": hashlib.sha256(words["block"]).digest()}


def logistic(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Iterate x → r x (1 - x) a few times."""
    r, x = words["r"], words["x"]
    for _ in range(ITERATIONS):
        x = r * x * (1.0 - x)
    return {"x": x}


def triple(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Take x to 3x + 1."""
    return {"x": 3 * words["x"] + 1}


def lap(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Read two words of those that there are: the place, and the key that says where it leads."""
    place = words["place"]
    return {"place": (place * place + words["key"]) % 101, "total": 1}
