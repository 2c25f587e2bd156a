"""Linear congruential laws, whose values look random to statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import gcd
from typing import NamedTuple

from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.learning import DEPTH, Reader
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word

_TIMES = range(1, 65)  # the chance of a larger multiple falls with its square
_FITTED = 4  # snapshots that a law is fitted to
_SHOWING = 6  # snapshots that show a modulus; five do as well, and four would show any multiple of it


class Law(NamedTuple):
    """x' = factor · x + increment over `gap` steps, modulo `modulus`; 0 for plain integers."""

    gap: int
    factor: int
    increment: int
    modulus: int

    def after(self, value: int, steps: int) -> int | None:
        """Return the value `steps` on; None where they are no whole number of gaps or the value is no residue."""
        times, rest = divmod(steps, self.gap)
        if rest:
            return None
        if not self.modulus:
            return value + times * self.increment
        if not 0 <= value < self.modulus:
            return None
        factor, increment = self.factor, self.increment
        while times:  # the law composed with itself by repeated squaring
            if times & 1:
                value = (factor * value + increment) % self.modulus
            factor, increment = factor * factor % self.modulus, (factor + 1) * increment % self.modulus
            times >>= 1
        return value


def fit(values: Sequence[int], gap: int, modulus: int) -> Law | None:
    """Find the law that holds for all of three or more equally spaced values, oldest first; None where there is none.

    Differences obey D' = factor · D. Where D shares the divisor d with the modulus, that determines the factor modulo
    modulus / d, which suffices, since every later difference is a multiple of d too. Equal differences of plain
    integers are a stride, whose values may be negative or exceed the modulus.
    """
    steps = [right - left for left, right in pairwise(values)]
    if all(step == steps[0] for step in steps):
        return Law(gap, 1, steps[0], 0)
    if not all(0 <= value < modulus for value in values):
        return None
    first, second = steps[0] % modulus, steps[1] % modulus
    shared = gcd(first, modulus)
    if not first or second % shared:
        return None
    rest = modulus // shared
    factor = second // shared * pow(first // shared, -1, rest) % rest
    law = Law(gap, factor, (values[1] - factor * values[0]) % modulus, modulus)
    holds = all(law.after(left, gap) == right for left, right in pairwise(values))
    return law if holds else None


def modulus_of(values: Sequence[int]) -> int:
    """Return the modulus that five or more equally spaced values of a congruence show; 0 where they show none.

    Differences are a geometric sequence up to multiples of the modulus. So for any three that follow each other, the
    modulus divides b² - a·c, even after division by what all differences share. The greatest common divisor of these
    is the modulus times a number that is likely small: the modulus is taken to be the least that exceeds all values.
    """
    steps = [right - left for left, right in pairwise(values)]
    triples = zip(steps, steps[1:], steps[2:], strict=False)
    common = gcd(*(b * b - a * c for a, b, c in triples)) // (gcd(*steps) or 1)
    largest = max(values)
    if common <= largest:
        return 0
    return min(common // times for times in _TIMES if common % times == 0 and common // times > largest)


class Affine(Predictor):
    """Linear congruential laws x' = a·x + c modulo m, found word by word; strides are the case a = 1.

    A law modulo 2^bits is fitted to the last four equally spaced snapshots, or to three where there are no four. Where
    there is none, five or six show a smaller modulus, which need not be a power of two. A law is kept as long as it
    predicts the new snapshots, whatever their spacing. Integers outside [0, 2^bits) follow strides alone; words that
    are no integers, or follow no law, keep their last value.
    """

    class Config(Settings):
        """Settings of `affine`."""

        bits: int = Field(64, ge=1, le=4096, description="arithmetic is modulo 2^bits, or less")

    config: Config

    needs = frozenset({"words"})
    depth = DEPTH

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._modulus = 1 << self.config.bits
        self._reader = Reader()
        self._laws: dict[str, Law] = {}

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Follow each word's law to the horizon; None where words change and none has a law that reaches it."""
        words = history.read("words")
        fresh = self._reader.supersteps(history.positions, words)
        excited = self._reader.excited
        if fresh:
            for superstep in fresh:
                self._check(superstep.before, superstep.after, superstep.gap)
            self._fit(history.positions, words, excited)
        newest: Mapping[str, Word] = words[-1]
        predicted: dict[str, Word] = {}
        for name, law in self._laws.items():
            value = newest.get(name)
            if type(value) is int:
                after = law.after(value, horizon)
                if after is not None:
                    predicted[name] = after
        return Direct({**newest, **predicted}) if predicted or not excited else None

    def _check(self, before: Mapping[str, Word], after: Mapping[str, Word], gap: int) -> None:
        """Drop the laws that the superstep contradicts."""
        broken = []
        for name, law in self._laws.items():
            old, new = before.get(name), after.get(name)
            followed = type(old) is int and type(new) is int and (gap % law.gap or law.after(old, gap) == new)
            if not followed:
                broken.append(name)
        for name in broken:
            del self._laws[name]

    def _fit(self, positions: Sequence[int], words: Sequence[Mapping[str, Word]], excited: Sequence[str]) -> None:
        """Look for laws in the last equally spaced snapshots, for words without a law whose gap divides theirs."""
        count = equally_spaced(positions, _SHOWING)
        if count < 3:
            return
        gap = positions[-1] - positions[-2]
        for name in excited:
            known = self._laws.get(name)
            if known is None or gap % known.gap:
                values = [value for state in words[-count:] if type(value := state.get(name)) is int]
                law = self._law(values, gap) if len(values) == count else None
                if law is not None:
                    self._laws[name] = law

    def _law(self, values: Sequence[int], gap: int) -> Law | None:
        law = fit(values[-_FITTED:], gap, self._modulus)
        if law is not None or len(values) <= _FITTED or not all(0 <= value < self._modulus for value in values):
            return law
        modulus = modulus_of(values)
        return fit(values, gap, modulus) if 0 < modulus < self._modulus else None


def equally_spaced(positions: Sequence[int], most: int) -> int:
    """Return how many of the last snapshots, `most` at most, lie at one distance from each other."""
    count = min(2, len(positions))
    while (
        count < min(most, len(positions)) and positions[-count] - positions[-count - 1] == positions[-1] - positions[-2]
    ):
        count += 1
    return count
