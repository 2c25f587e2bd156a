"""Histories to try predictors on, without a computation behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from asc.words import Word


class WordHistory:
    """A history of state words (the named values of a program's state), built by hand: what a predictor sees of a run.

    The words of each snapshot are copied and returned read-only, so that a predictor that writes into them fails.
    Slices are histories, too: `history[:5]` is what a predictor saw at the fifth snapshot, `history[-8:]` what it sees
    of a run whose older snapshots were dropped.

        history = WordHistory([0, 10, 20], [{"n": 1}, {"n": 3}, {"n": 5}])
        Linear().predict(history, horizon=10)
    """

    def __init__(self, positions: Sequence[int], words: Sequence[Mapping[str, Word]]) -> None:
        if len(positions) != len(words):
            raise ValueError(f"{len(positions)} positions were given for {len(words)} snapshots: give one for each")
        if not positions:
            raise ValueError("a history has at least one snapshot: give one position and one mapping of words")
        if any(left >= right for left, right in pairwise(positions)):
            raise ValueError(f"positions ascend from snapshot to snapshot, these do not: {list(positions)}")
        self.positions = tuple(positions)
        self._words = tuple(MappingProxyType(dict(state)) for state in words)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, part: slice) -> WordHistory:
        return WordHistory(self.positions[part], self._words[part])

    def read(self, need: str) -> Any:
        """Return the words, one read-only mapping a snapshot."""
        if need != "words":
            raise LookupError(f"a history of words cannot answer the need {need}: it has words")
        return self._words

    def gram(self) -> Any:
        """Inner products, (n-1, n-1) float64, of the differences to the newest snapshot.

        Over the words that are finite int or float at every snapshot, each difference exact and rounded once.
        """
        newest = self._words[-1]
        numeric = sorted(name for name in newest if all(_finite(state.get(name)) for state in self._words))
        differences = np.array(
            [[float(Fraction(state[name]) - Fraction(newest[name])) for name in numeric] for state in self._words[:-1]],  # type: ignore[arg-type]
            dtype=np.float64,
        ).reshape(len(self) - 1, len(numeric))
        return differences @ differences.T


def _finite(value: Word | None) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
