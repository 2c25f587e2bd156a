"""The small programs of the tour: pure functions of state words, and how their steps are slowed down."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from asc.demo.page import Tempo
from asc.reference.registers import Step
from asc.views import figures
from asc.words import Word

ITERATIONS = 8  # of the logistic map in a step


def collatz(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Count the iterations from n to 1, add them to a total that no step reads, and take the next n."""
    x, count = words["n"], 0
    while x != 1:
        x, count = (3 * x + 1 if x & 1 else x >> 1), count + 1
    return {"n": words["n"] + 1, "total": count}


def chain(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Hash the hash before: each bit depends on every bit before it, and no shorter computation gives it."""
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


def jump(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Read two of the state words: the present node, and the key that decides which node is next."""
    node = words["node"]
    return {"node": (node * node + words["key"]) % 101, "total": 1}


class Slowed:
    """A step that takes a given time: it waits where the step of a real program would work.

    Threads wait side by side on any machine, so that workers help as much on one core as on many.
    """

    def __init__(self, step: Step, seconds: float, tempo: Tempo) -> None:
        self._step, self._seconds, self._tempo = step, seconds, tempo

    @property
    def sentence(self) -> str:
        """Say how long a step waits, without the first words."""
        return f"a step waits {figures.duration(self._seconds / self._tempo.speed)} in place of real work"

    def __call__(self, words: Mapping[str, Any]) -> Mapping[str, Word]:
        """Wait, then take the step."""
        self._tempo.wait(self._seconds)
        return self._step(words)
