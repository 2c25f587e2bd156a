"""Programs for the register machine, each predictable in another way, as the comment beside it says.

computation = machine("count", steps=1000)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from asc.reference.registers import Registers, Step
from asc.words import Word


class Program(NamedTuple):
    """A step function, the words that it starts from, and the names of those that are summed."""

    step: Step
    words: Mapping[str, Word]
    sums: tuple[str, ...] = ()


def _count(words: Mapping[str, Any]) -> Mapping[str, Word]:
    n = words["n"]
    return {"n": n + 3, "total": n * n}


def _congruential(words: Mapping[str, Any]) -> Mapping[str, Word]:
    x = (6364136223846793005 * words["x"] + 1442695040888963407) % 2**64
    return {"x": x, "heads": x >> 63}


def _lap(words: Mapping[str, Any]) -> Mapping[str, Word]:
    place = words["place"]
    return {"place": (place * place + 1) % 101, "visits": 1}


def _collatz(words: Mapping[str, Any]) -> Mapping[str, Word]:
    x = words["x"]
    if x == 1:
        start = words["start"] + 1
        return {"start": start, "x": start, "done": 1}
    return {"x": x // 2 if x % 2 == 0 else 3 * x + 1, "steps": 1}


def _mixed(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Change words of every type, with values that differ though Python calls them equal."""
    flag, turn = words["flag"], words["turn"] + 1
    update: dict[str, Word] = {"turn": turn % 5, "flag": turn % 5 if flag is True else flag == 0}
    update["zero"] = -words["zero"]
    update["gap"] = math.nan if turn == 3 else float(turn)
    update["name"] = "abcde"[turn % 5]
    update["raw"] = bytes([turn])
    update["small"] = np.uint8((int(words["small"]) + 51) % 256)
    return update


def _digest(words: Mapping[str, Any]) -> Mapping[str, Word]:
    return {"block": hashlib.sha256(words["block"]).digest(), "blocks": 1}


PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "count": Program(_count, {"n": -7, "total": 0}, ("total",)),  # a stride, and a total that no step reads
        "congruential": Program(_congruential, {"x": 1, "heads": 0}, ("heads",)),  # affine modulo 2^64
        "lap": Program(_lap, {"place": 3, "visits": 0}, ("visits",)),  # comes back to a state after a few steps
        "collatz": Program(_collatz, {"start": 1, "x": 1, "done": 0, "steps": 0}, ("done", "steps")),
        "mixed": Program(
            _mixed,
            {"flag": True, "turn": 0, "zero": 0.0, "gap": 0.5, "name": "a", "raw": b"", "small": np.uint8(0)},
        ),
        "digest": Program(_digest, {"block": b"start", "blocks": 0}, ("blocks",)),  # nothing predicts it
    }
)
"""Programs by name. Their steps are functions of an importable module, so that process pools can run them."""


def machine(name: str, steps: int, dispatch: float = 1.0) -> Registers:
    """Make the machine of a program at its start."""
    program = PROGRAMS[name]
    return Registers(program.step, program.words, steps, program.sums, dispatch)
