"""A predictor by which a visited state is followed by what followed it before."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Mapping, Sequence

from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.learning import DEPTH, Reader, Spacings
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word, bits, same


class Memory(Predictor):
    """What followed a visited state follows again, looked up for all changing state words or for a single one.

    The complete tuple of changing words seldom recurs: a running total is enough to make every state a new one. So a
    word's successor is looked up under several keys: the complete tuple, then the word's own value, then the value of
    each other word (the pointer of a linked list determines what is loaded through it). A key that has once been wrong
    about a word is not used for that word again. Predictions are made superstep by superstep; a word that no key knows
    is unknown from there on, and keeps its last value.
    """

    class Config(Settings):
        """Bounds of the memory."""

        entries: int = Field(16_384, ge=1, description="values kept for each key; the least recently seen leave first")
        words: int = Field(24, ge=1, description="changing words that are remembered, first found first")
        rollout: int = Field(256, ge=1, description="supersteps that are predicted at most")

    config: Config

    needs = frozenset({"words"})
    depth = DEPTH

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._reader = Reader()
        self._models = Spacings(lambda: Recollection(self.config.entries))

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Learn the new supersteps, then follow remembered ones to the horizon; None where no word is known."""
        return self.predict_all(history, (horizon,))[0]

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Direct | None]:
        """Learn once, and follow the remembered supersteps once, to all horizons."""
        positions = history.positions
        words = history.read("words")
        for superstep in self._reader.supersteps(positions, words):
            names = self._reader.excited[: self.config.words]
            self._models.model(superstep.gap).learn(
                tuple(superstep.before.get(name) for name in names),
                tuple(superstep.after.get(name) for name in names),
            )
        newest: Mapping[str, Word] = words[-1]
        start = [newest.get(name) for name in self._reader.excited[: self.config.words]]
        ways: defaultdict[Recollection, list[list[Word | None]]] = defaultdict(lambda: [start])
        return [self._reached(horizon, newest, ways) for horizon in horizons]

    def _reached(
        self,
        horizon: int,
        newest: Mapping[str, Word],
        ways: Mapping[Recollection, list[list[Word | None]]],
    ) -> Direct | None:
        """Return the state at a horizon; `ways` has the values after each superstep so far, and is prolonged."""
        names = self._reader.excited[: self.config.words]
        for model, count in self._models.reaching(horizon, self.config.rollout):
            way = ways[model]
            while len(way) <= count and not _stands(way):
                way.append(model.follow(way[-1]))
            known = {
                name: value
                for name, value in zip(names, way[min(count, len(way) - 1)], strict=True)
                if value is not None and name in newest and type(value) is type(newest[name])
            }
            if known or not names:
                return Direct({**newest, **known})
        return None


def _stands(way: Sequence[Sequence[Word | None]]) -> bool:
    """Whether all further supersteps would give the last values again."""
    return len(way) > 1 and all(
        old is new or (old is not None and new is not None and same(old, new))
        for old, new in zip(way[-2], way[-1], strict=True)
    )


class Recollection:
    """Successors of values, by the complete tuple and by each word's own value."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._whole = _Key()
        self._single: list[_Key] = []

    def learn(self, before: Sequence[Word | None], after: tuple[Word | None, ...]) -> None:
        """Remember that `after` followed `before`; a key that was wrong about a word is no longer used for it."""
        while len(self._single) < len(before):
            self._single.append(_Key())
        keys = [None if value is None else bits(value) for value in before]
        outcome = [None if value is None else bits(value) for value in after]
        if None not in keys:
            self._whole.learn(tuple(keys), after, outcome, self._entries)
        for single, key in zip(self._single, keys, strict=True):
            if key is not None:
                single.learn(key, after, outcome, self._entries)

    def follow(self, values: Sequence[Word | None]) -> list[Word | None]:
        """Return each word's value one superstep on, None where no key knows it."""
        keys = [None if value is None else bits(value) for value in values]
        whole = self._whole.seen.get(tuple(keys)) if None not in keys else None
        singles = [
            None if key is None else single.seen.get(key) for single, key in zip(self._single, keys, strict=False)
        ]
        if whole is None and not any(singles):
            return [None] * len(values)
        return [self._successor(word, whole, singles) for word in range(len(values))]

    def _successor(
        self, word: int, whole: tuple[Word | None, ...] | None, singles: Sequence[tuple[Word | None, ...] | None]
    ) -> Word | None:
        if whole is not None and word < len(whole) and word not in self._whole.wrong:
            return whole[word]
        own = singles[word] if word < len(singles) else None
        if own is not None and word < len(own) and word not in self._single[word].wrong:
            return own[word]
        for single, after in zip(self._single, singles, strict=True):
            if after is not None and word < len(after) and word not in single.wrong:
                return after[word]
        return None


class _Key:
    """What followed each value of one key, and the words that it was wrong about."""

    def __init__(self) -> None:
        self.seen: OrderedDict[Hashable, tuple[Word | None, ...]] = OrderedDict()
        self.wrong: set[int] = set()

    def learn(self, value: Hashable, after: tuple[Word | None, ...], outcome: Sequence[Hashable], entries: int) -> None:
        expected = self.seen.get(value)
        if expected is not None:
            for word, successor in enumerate(expected):
                if word not in self.wrong and (None if successor is None else bits(successor)) != outcome[word]:
                    self.wrong.add(word)
        self.seen[value] = after
        self.seen.move_to_end(value)
        if len(self.seen) > entries:
            self.seen.popitem(last=False)
