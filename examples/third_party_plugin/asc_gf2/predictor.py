"""The predictor: the integer words that change, side by side in one bit vector, under one affine map."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from asc import Direct, Settings
from asc.computation import History
from asc.predictors import Reader, Spacings
from asc.words import Word
from asc_gf2.affine_map import AffineMap


class GF2Affine:
    """Affine maps over GF(2): each new bit is a parity of old bits, perhaps inverted.

    All changing words in [0, 2^width) are predicted jointly. A word with bits that no such map explains is left out
    from then on, together with whatever depends on it; the words left out keep their last value. The predictor is
    silent while the state lies outside the span of what was seen, which for n bits takes at most n + 1 supersteps.
    """

    class Config(Settings):
        """Size of the bit vector."""

        width: int = Field(64, ge=1, description="bits reserved for each word; wider words are left out")
        max_bits: int = Field(1024, ge=1, description="bits of all words together; later found words are left out")
        rollout: int = Field(256, ge=1, description="supersteps that are foretold at most")

    needs: frozenset[str] = frozenset({"words"})

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._reader = Reader()
        self._models: Spacings[_Model] = Spacings(lambda: _Model(self.config.width))
        self._rest: dict[str, int] = {}  # the value that each word had before it first changed

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Learn the new supersteps, then apply the map once for each superstep up to the horizon."""
        words = history.read("words")
        for superstep in self._reader.supersteps(history.positions, words):
            self._admit(superstep.before)
            before, odd = self._vector(superstep.before)
            after, odder = self._vector(superstep.after)
            self._models.model(superstep.gap).learn(before, after, odd | odder)
        newest: Mapping[str, Word] = words[-1]
        for model, count in self._models.reaching(horizon, self.config.rollout):
            vector, odd = self._vector(newest)
            foretold = model.follow(vector, odd, count)
            if foretold is not None:
                return Direct({**newest, **self._words(foretold, model.left_out)})
        return None

    def _admit(self, before: Mapping[str, Word]) -> None:
        """Give newly changing words their place; relative to this value, their whole past is zero."""
        for name in self._reader.excited:
            value = before.get(name)
            if name not in self._rest and type(value) is int and value >= 0:
                if (len(self._rest) + 1) * self.config.width > self.config.max_bits:
                    break
                self._rest[name] = value

    def _vector(self, words: Mapping[str, Word]) -> tuple[int, int]:
        """Return the words as one vector, and the places of those that do not fit there."""
        vector = odd = 0
        width = self.config.width
        for i, (name, rest) in enumerate(self._rest.items()):
            value = words.get(name)
            if type(value) is int and value >= 0 and value.bit_length() <= width >= rest.bit_length():
                vector |= (value ^ rest) << i * width
            else:
                odd |= ((1 << width) - 1) << i * width
        return vector, odd

    def _words(self, vector: int, left_out: int) -> dict[str, Word]:
        width, ones = self.config.width, (1 << self.config.width) - 1
        return {
            name: (vector >> i * width & ones) ^ rest
            for i, (name, rest) in enumerate(self._rest.items())
            if not left_out >> i * width & ones
        }


class _Model:
    """The map of one distance between snapshots, and the words that turned out not to follow it."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._map = AffineMap()
        self.left_out = 0

    def learn(self, before: int, after: int, odd: int) -> None:
        if odd & ~self.left_out:
            self._leave_out(odd)
        wrong = self._map.learn(before & ~self.left_out, after & ~self.left_out)
        if wrong:
            self._leave_out(wrong)

    def follow(self, vector: int, odd: int, count: int) -> int | None:
        if odd & ~self.left_out:
            return None
        following: int | None = vector & ~self.left_out
        for _ in range(count):
            if following is None:
                break
            following = self._map.follow(following)
        return following

    def _leave_out(self, wrong: int) -> None:
        """Leave out the words that the wrong bits belong to, then those that depend on them, until it fits."""
        ones = (1 << self._width) - 1
        while wrong:
            for place in range(0, wrong.bit_length(), self._width):
                if wrong >> place & ones:
                    self.left_out |= ones << place
            self._map, wrong = self._map.restricted(~self.left_out)
