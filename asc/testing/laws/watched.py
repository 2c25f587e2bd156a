"""What a component reads: noted, and looked at again afterwards."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from asc.computation import History
from asc.testing.contents import contents


class Reading:
    """Stands before a function that answers a need by its name, and keeps all that it has answered."""

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read
        self._given: list[tuple[str, Any, Hashable]] = []
        self.asked: set[str] = set()
        """Names of what was asked for."""

    def __call__(self, need: str, *arguments: Any) -> Any:
        """Answer, and note it."""
        self.asked.add(need)
        return self.keep(need, self._read(need, *arguments))

    def keep(self, name: str, answer: Any) -> Any:
        """Note an answer, and return it."""
        self._given.append((name, answer, contents(answer)))
        return answer

    def changed(self) -> set[str]:
        """Return the names of answers that are no longer what they were."""
        return {name for name, answer, held in self._given if contents(answer) != held}

    def gave(self, thing: Any) -> bool:
        """Whether a mutable thing is one of the answers or of their parts, or an array that shares memory with one."""
        return any(_same(thing, part) for _, answer, _ in self._given for part in _parts(answer))


class Watched:
    """A history that notes what is read of it."""

    def __init__(self, history: History) -> None:
        self._history, self._reading, self.positions = history, Reading(history.read), history.positions

    @property
    def asked(self) -> set[str]:
        """Names of what was read."""
        return self._reading.asked

    def gram(self) -> Any:
        """As the history's."""
        return self._reading.keep("gram()", self._history.gram())

    def read(self, need: str) -> Any:
        """As the history's."""
        return self._reading(need)

    def changed(self) -> set[str]:
        """As `Reading`."""
        return self._reading.changed()

    def gave(self, thing: Any) -> bool:
        """As `Reading`."""
        return self._reading.gave(thing)


def _parts(answer: Any) -> Iterable[Any]:
    yield answer
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        yield from answer


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.shares_memory(one, other)
    return one is other and isinstance(one, Mapping | list)
