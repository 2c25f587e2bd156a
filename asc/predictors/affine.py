"""Linear congruential laws, whose values look random to statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.learning import DEPTH, Reader
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word


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

    Differences obey D' = factor · D. Where D is an odd multiple of 2^v, that determines the factor modulo
    modulus / 2^v, which suffices, since every later difference is a multiple of 2^v too. Equal differences of plain
    integers are a stride, whose values may be negative or exceed the modulus.
    """
    steps = [right - left for left, right in pairwise(values)]
    if all(step == steps[0] for step in steps):
        return Law(gap, 1, steps[0], 0)
    if not all(0 <= value < modulus for value in values):
        return None
    first, second = steps[0] % modulus, steps[1] % modulus
    power = first & -first  # 2^v
    if not first or second % power:
        return None
    factor = second // power * pow(first // power, -1, modulus) % (modulus // power)
    law = Law(gap, factor, (values[1] - factor * values[0]) % modulus, modulus)
    holds = all(law.after(left, gap) == right for left, right in pairwise(values))
    return law if holds else None


class Affine(Predictor):
    """Linear congruential laws x' = a·x + c modulo 2^bits, found word by word; strides are the case a = 1.

    A law is fitted to the last four equally spaced snapshots, or to three where there are no four. It is kept as long
    as it predicts the new ones, whatever their spacing. Integers outside [0, 2^bits) follow strides alone; words that
    are no integers, or follow no law, keep their last value.
    """

    class Config(Settings):
        """Settings of `affine`."""

        bits: int = Field(64, ge=1, le=4096, description="arithmetic is modulo 2^bits")

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
        count = equally_spaced(positions)
        if count < 3:
            return
        gap = positions[-1] - positions[-2]
        for name in excited:
            known = self._laws.get(name)
            if known is None or gap % known.gap:
                values = [value for state in words[-count:] if type(value := state.get(name)) is int]
                law = fit(values, gap, self._modulus) if len(values) == count else None
                if law is not None:
                    self._laws[name] = law


def equally_spaced(positions: Sequence[int]) -> int:
    """Return how many of the last snapshots, four at most, lie at one distance from each other."""
    count = min(2, len(positions))
    while count < min(4, len(positions)) and positions[-count] - positions[-count - 1] == positions[-1] - positions[-2]:
        count += 1
    return count
