"""What a member of an ensemble sees, and its forecasts of single state words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from asc.predictor import History
from asc.types import Combination, Prediction
from asc.words import Word, bits, combine


class Prefix:
    """A history that ends at its `count`-th snapshot, for back-tests: what a predictor would have seen at that time."""

    def __init__(self, history: History, words: Sequence[Mapping[str, Word]], count: int) -> None:
        self._history = history
        self._whole = count == len(words)
        self.positions = history.positions[:count]
        self.words = words if self._whole else words[:count]

    def gram(self) -> Any:
        """Inner products, (count-1, count-1), of the differences to this prefix's own newest snapshot."""
        inner = self._history.gram()
        if self._whole:
            return inner
        newest = len(self.words) - 1
        kept = np.asarray(inner)[:newest, :newest]
        cross = np.asarray(inner)[:newest, newest]
        return kept - cross[:, None] - cross[None, :] + inner[newest, newest]

    def read(self, need: str) -> Any:
        """Return the words; no other need can be answered for the past."""
        if need != "words":
            raise LookupError(f"a back-test has only words, not {need}")
        return self.words


def forecast_words(prediction: Prediction, history: Prefix, names: Iterable[str]) -> dict[str, Word]:
    """Return the predicted values of the named words, without those that the prediction has no value for.

    A word whose predicted value has another type than its newest value is left out as well.
    """
    words = history.words
    newest = words[-1]
    found: dict[str, Word] = {}
    if isinstance(prediction, Combination):
        terms = [term for term in zip(prediction.coefficients, prediction.of(words), strict=True) if term[0]]
        for name in names:
            values = [state[name] for _, state in terms if name in state]
            complete = bool(values) and len(values) == len(terms)
            value = combine([coefficient for coefficient, _ in terms], values) if complete else None
            if value is not None and name in newest and type(value) is type(newest[name]):
                found[name] = value
        return found
    for name in names:
        value = prediction.state.get(name)
        if value is not None and name in newest and type(value) is type(newest[name]):
            bits(value)  # raises where a plugin's value is no word
            found[name] = value
    return found
