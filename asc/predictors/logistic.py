"""One logistic regression for every bit that ever changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.learning import DEPTH, Reader, Spacings
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word

Bits = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class BitLogistic(Predictor):
    """One logistic regression per excited bit of the integer words, learnt online (ASC's logistic predictor).

    Features and targets are the bits that have changed so far, found as they change and capped at `bits`. A word is
    read as a magnitude of `width` bits and a sign, so it is predicted while it lies between -2^width and 2^width; of
    wider words only the low bits are features. (In two's complement a change of sign would excite every bit, and the
    more bits are equal, the slower the others are learnt.) Booleans are words of one bit. All other words, and bits
    beyond the cap, keep their last value. A new bit is predicted to stay as it is at first. Predictions several
    supersteps ahead are made superstep by superstep.
    """

    class Config(Settings):
        """Size of the model and speed of learning."""

        width: int = Field(64, ge=1, le=1024, description="bits of a word besides its sign")
        bits: int = Field(256, ge=1, le=4096, description="excited bits that are modelled, first found first")
        rate: float = Field(8.0, gt=0, le=100, description="how far one full error moves a bit's log-odds")
        rollout: int = Field(64, ge=1, description="supersteps that are predicted at most")

    config: Config

    needs = frozenset({"words"})
    depth = DEPTH

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._reader = Reader()
        self._models = Spacings(lambda: BitModel(self.config.width, self.config.bits, self.config.rate), keep=4)

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Learn the new supersteps, then roll the model out; None where words change and no bit of them is modelled."""
        return self.predict_all(history, (horizon,))[0]

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Direct | None]:
        """Learn once, and roll each model out once, to all horizons."""
        words = history.read("words")
        for superstep in self._reader.supersteps(history.positions, words):
            self._models.model(superstep.gap).learn(superstep.before, superstep.after, self._reader.excited)
        ways: dict[BitModel, Rollout] = {}
        return [self._reached(horizon, words[-1], ways) for horizon in horizons]

    def _reached(self, horizon: int, newest: Mapping[str, Word], ways: dict[BitModel, Rollout]) -> Direct | None:
        for model, count in self._models.reaching(horizon, self.config.rollout):
            if model not in ways:
                ways[model] = Rollout(model, newest)
            predicted = dict(ways[model].after(count))
            if predicted:
                return Direct({**newest, **predicted})
        return None if self._reader.excited else Direct(dict(newest))


class BitModel:
    """Weights from the excited bits of one superstep to those of the next.

    The words' bits are one row, `width` and the sign of each rounded up to whole bytes; `_places` are the excited bits
    in it. `_weights` has a row for each of these n bits and n columns, and one column for the bias. Inputs are +1
    and -1. A step of gradient descent is divided by the squared norm of the input, n + 1, so that the rate means the
    same however many bits there are.
    """

    def __init__(self, width: int, bits: int, rate: float) -> None:
        self._width = width
        self._bytes = width // 8 + 1
        self._capacity = bits
        self._rate = np.float32(rate)
        self._names: list[str] = []
        self._found: dict[str, int] = {}  # the excited bits of a word that are modelled, as a mask
        self._places: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._weights: Floats = np.empty((0, 1), np.float32)

    def learn(self, before: Mapping[str, Word], after: Mapping[str, Word], excited: Sequence[str]) -> None:
        """Take one step of gradient descent on the cross-entropy of every modelled bit."""
        self._admit(before, after, excited)
        if not len(self._places):
            return
        inputs = self._inputs(self._row(before)[self._places])
        targets = self._row(after)[self._places]
        # The logistic function as a hyperbolic tangent, which cannot overflow.
        chances = (np.tanh(self._weights @ inputs / 2) + 1) / 2
        self._weights -= np.outer((chances - targets) * (self._rate / len(inputs)), inputs)

    def start(self, words: Mapping[str, Word]) -> Floats:
        """Return the inputs to the first superstep from these words on."""
        return self._inputs(self._row(words)[self._places])

    def follow(self, inputs: Floats) -> Floats:
        """Return the inputs to the next superstep."""
        inputs = inputs.copy()
        inputs[:-1] = np.where(self._weights @ inputs > 0, 1, -1)
        return inputs

    def read(self, inputs: Floats, words: Mapping[str, Word]) -> Iterator[tuple[str, Word]]:
        """Yield the modelled words and their values by the inputs; bits that are not modelled are those of `words`."""
        row = self._row(words)
        row[self._places] = inputs[:-1] > 0
        packed = np.packbits(row, bitorder="little").tobytes()
        for i, name in enumerate(self._names):
            newest = words.get(name)
            if type(newest) is bool:
                yield name, bool(packed[i * self._bytes] & 1)
            elif type(newest) is int and newest.bit_length() <= self._width:
                yield name, self._integer(packed[i * self._bytes : (i + 1) * self._bytes])

    def _admit(self, before: Mapping[str, Word], after: Mapping[str, Word], excited: Sequence[str]) -> None:
        """Model bits that changed for the first time, lowest first, as far as there is room."""
        places: list[int] = []
        room = self._capacity - len(self._places)
        for name in excited if room else ():
            flipped = self._pattern(before.get(name)) ^ self._pattern(after.get(name))
            flipped &= ~self._found.get(name, 0)
            while flipped and len(places) < room:
                if name not in self._found:
                    self._found[name] = 0
                    self._names.append(name)
                lowest = flipped & -flipped
                flipped ^= lowest
                self._found[name] |= lowest
                places.append(self._names.index(name) * self._bytes * 8 + lowest.bit_length() - 1)
        if places:
            old, new = len(self._places), len(self._places) + len(places)
            weights = np.zeros((new, new + 1), np.float32)
            weights[:old, :old] = self._weights[:, :-1]
            weights[:old, -1] = self._weights[:, -1]
            weights[range(old, new), range(old, new)] = 1
            self._weights = weights
            self._places = np.append(self._places, np.array(places, np.intp))

    def _pattern(self, value: Word | None) -> int:
        """Return an integer's low bits, its sign above them; 0 for what is no integer."""
        if type(value) is not int and type(value) is not bool:
            return 0
        return abs(value) & ((1 << self._width) - 1) | (value < 0) << self._width

    def _integer(self, packed: bytes) -> int:
        pattern = int.from_bytes(packed, "little")
        return -(pattern ^ 1 << self._width) if pattern >> self._width else pattern

    def _row(self, words: Mapping[str, Word]) -> Bits:
        packed = b"".join(self._pattern(words.get(name)).to_bytes(self._bytes, "little") for name in self._names)
        return np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")

    def _inputs(self, bits: Bits) -> Floats:
        inputs = np.ones(len(bits) + 1, np.float32)
        inputs[:-1] = bits * np.float32(2) - 1
        return inputs


class Rollout:
    """The supersteps of a model from given words on, each predicted once."""

    def __init__(self, model: BitModel, words: Mapping[str, Word]) -> None:
        self._model, self._words, self._inputs = model, words, [model.start(words)]

    def after(self, count: int) -> Iterator[tuple[str, Word]]:
        """Yield the modelled words, and their values `count` supersteps on."""
        while len(self._inputs) <= count:
            self._inputs.append(self._model.follow(self._inputs[-1]))
        return self._model.read(self._inputs[count], self._words)
