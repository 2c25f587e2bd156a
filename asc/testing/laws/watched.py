"""Notes what a component does that a law asks about afterwards."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from asc.predictor import History
from asc.testing.contents import contents


class Reading:
    """Wraps a function that answers a need by its name, and keeps all answers."""

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read
        self._given: list[tuple[str, Any, Hashable]] = []
        self.needs: set[str] = set()
        """Names of the needs that were asked for."""

    def __call__(self, need: str, *arguments: Any) -> Any:
        """Answer, and keep the answer."""
        self.needs.add(need)
        return self.keep(need, self._read(need, *arguments))

    def keep(self, name: str, answer: Any) -> Any:
        """Keep an answer, and return it."""
        self._given.append((name, answer, contents(answer)))
        return answer

    def changed(self) -> set[str]:
        """Return the names of the answers that have changed since they were given."""
        return {name for name, answer, before in self._given if contents(answer) != before}

    def gave(self, thing: Any) -> bool:
        """Whether a mutable object is one of the answers or their parts, or an array that shares memory with one."""
        return any(_same(thing, part) for _, answer, _ in self._given for part in _parts(answer))


class Watched:
    """A history that keeps what is read from it."""

    def __init__(self, history: History) -> None:
        self._history, self.positions, self.read = history, history.positions, Reading(history.read)

    def gram(self) -> Any:
        """As that of the wrapped history."""
        return self.read.keep("gram()", self._history.gram())


def _parts(answer: Any) -> Iterable[Any]:
    yield answer
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        yield from answer


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.shares_memory(one, other)
    return one is other and isinstance(one, Mapping | list)
