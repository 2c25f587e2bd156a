"""A predictor by which a state word has the value that it has had most often."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.learning import DEPTH, Reader
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word, bits

_MANY = 1024  # occurrences of a value at which all counts are halved, so that a new phase of a program is noticed


class MostFrequent(Predictor):
    """Each changing state word has the value that it has had most often, however far ahead.

    It is made for words with few values that come in no order, such as the mode of a tokenizer: no other predictor is
    right more often about them. A program that soon forgets where it started gains even where such a value is wrong,
    since the main thread joins the result at its second part. A word whose values never come back is left alone.
    """

    class Config(Settings):
        """Settings of `most-frequent`."""

        values: int = Field(16, ge=2, description="different values of a word that are counted")
        words: int = Field(24, ge=1, description="changing words that are counted, first found first")

    config: Config

    needs = frozenset({"words"})
    depth = DEPTH

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._reader = Reader()
        self._counts: dict[str, _Values] = {}

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Count the new snapshots; None where words change and none has had a value more than once."""
        words = history.read("words")
        for superstep in self._reader.supersteps(history.positions, words):
            for name in self._reader.excited[: self.config.words]:
                if name in superstep.after:
                    self._counts.setdefault(name, _Values(self.config.values)).note(superstep.after[name])
        newest: Mapping[str, Word] = words[-1]
        state = dict(newest)
        for name, values in self._counts.items():
            if name in newest and values.top is not None and type(values.top) is type(newest[name]):
                state[name] = values.top
        known = any(values.top is not None for values in self._counts.values())
        return Direct(state) if known or not self._reader.excited else None


class _Values:
    """How often a word had each of its values, with room for a few values.

    A value without room takes one from the count of each that has it. So values that come back stay, and values that
    never do displace each other. Source: Misra and Gries 1982.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._counts: dict[Hashable, int] = {}
        self._values: dict[Hashable, Word] = {}
        self.top: Word | None = None
        """The most frequent value; None where each has occurred once."""

    def note(self, value: Word) -> None:
        key, counts = bits(value), self._counts
        if key in counts:
            counts[key] += 1
            if counts[key] >= _MANY:
                self._counts = {other: count // 2 for other, count in counts.items() if count > 1}
        elif len(counts) < self._room:
            counts[key], self._values[key] = 1, value
        else:
            self._counts = {other: count - 1 for other, count in counts.items() if count > 1}
        self._values = {other: self._values[other] for other in self._counts}
        most = max(self._counts, key=self._counts.__getitem__, default=None)
        self.top = self._values[most] if most is not None and self._counts[most] > 1 else None
