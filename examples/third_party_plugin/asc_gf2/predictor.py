"""The predictor: one bit vector of all integer state words that change, and one affine map for it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from asc import Direct, Settings
from asc.predictor import History, Predictor
from asc.predictors import Reader, Spacings
from asc.words import Word
from asc_gf2.affine_map import AffineMap


class GF2Affine(Predictor):
    """Affine maps over GF(2): each new bit is a parity of old bits, possibly inverted.

    All changing words in [0, 2^width) are predicted together. A word with bits that no affine map explains is left out
    from then on, and so are the words that depend on it. A word that is left out keeps its last value. The predictor is
    silent while the state is outside the span of the states seen so far; n bits need at most n + 1 supersteps.
    """

    class Config(Settings):
        """Size of the bit vector."""

        width: int = Field(64, ge=1, description="bits reserved for each word; wider words are left out")
        max_bits: int = Field(1024, ge=1, description="bits of all words; words that change later are left out")
        rollout: int = Field(256, ge=1, description="supersteps to predict ahead at most")

    config: Config

    needs = frozenset({"words"})
    depth = 16  # snapshots: it is not asked at every boundary, and must miss no superstep

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._reader = Reader()
        self._models: Spacings[_Model] = Spacings(lambda: _Model(self.config.width))
        self._rest: dict[str, int] = {}  # by word: its value before it first changed

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
            following = model.follow(vector, odd, count)
            if following is not None:
                return Direct({**newest, **self._words(following, model.left_out)})
        return None

    def _admit(self, before: Mapping[str, Word]) -> None:
        """Reserve bits for words that have begun to change. Relative to this value, their whole past is zero."""
        for name in self._reader.excited:
            value = before.get(name)
            if name not in self._rest and type(value) is int and value >= 0:
                if (len(self._rest) + 1) * self.config.width > self.config.max_bits:
                    break
                self._rest[name] = value

    def _vector(self, words: Mapping[str, Word]) -> tuple[int, int]:
        """Return the words as one vector, and a mask of the words that do not fit."""
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
    """The map for one distance between snapshots, and a mask of the words that do not follow it."""

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
        """Leave out the words with wrong bits, then the words that depend on them, until the map is consistent."""
        ones = (1 << self._width) - 1
        while wrong:
            for shift in range(0, wrong.bit_length(), self._width):
                if wrong >> shift & ones:
                    self.left_out |= ones << shift
            self._map, wrong = self._map.restricted(~self.left_out)
