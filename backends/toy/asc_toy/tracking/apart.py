"""Whether words can be copied one by one: what a leap changes in one of them must not change in another."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple

from asc_toy.content import SharedError, claim, content, overlaps
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.effect import is_scalar
from asc_toy.tracking.memory import is_by_element
from asc_toy.tracking.outside import Outside


class _Held(NamedTuple):
    """What some words hold that can change."""

    names: frozenset[str]
    owners: MutableMapping[int, str]  # by the `id` of each part
    memory: dict[str, Any]  # values that hold arrays


class Apart:
    """Looks for parts that two words share, or a word and the surroundings of the code.

    What the constants hold is looked up once after plain steps: leaps and tracked supersteps give them no other parts.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._constants: _Held | None = None
        self._outer: Outside | None = None
        self.known = False
        """Whether the present words are known to share nothing."""

    def forget(self) -> None:
        """Forget everything: any word may hold other parts now."""
        self._constants, self.known = None, False

    def changed(self, names: Iterable[str]) -> None:
        """Note that these words may hold other parts now."""
        if self._constants is not None and not self._constants.names.isdisjoint(names):
            self._constants = None
        self.known = False

    def require(self, words: Mapping[str, Any], outer: Outside, state: object) -> dict[str, bytes]:
        """Return the digests of the containers that were looked at.

        Raises SharedError where words share a part, and TypeError where one cannot be compared.
        """
        digests: dict[str, bytes] = {}
        held = self._constants
        if held is None or outer is not self._outer:
            names = [name for name in words if name in self._contents.constant]
            itself = dict.fromkeys(map(id, (state, words)), "the state itself")
            held = self._constants = _Held(frozenset(names), itself | outer.owners, {**outer.arrays})
            self._outer = outer
            digests |= self._look(words, names, held.owners, held.memory)
        memory = dict(held.memory)
        others = [name for name in words if name not in held.names]
        digests |= self._look(words, others, ChainMap({}, held.owners), memory)
        if shared := overlaps(memory):
            raise SharedError(f"The arrays {shared} share memory.")
        self.known = True
        return digests

    def _look(
        self, words: Mapping[str, Any], names: Iterable[str], owners: MutableMapping[int, str], memory: dict[str, Any]
    ) -> dict[str, bytes]:
        digests: dict[str, bytes] = {}
        for name in names:
            value = words[name]
            if is_scalar(value):
                continue
            if is_by_element(value):
                claim(value, owners, name)
            else:
                digests[name] = content(value, owners, name)
            if name not in self._contents.constant or self._contents.has_memory(name):
                memory[name] = value
        return digests
