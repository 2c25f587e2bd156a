"""The predictor keeps the laws of all predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asc_gf2.predictor import GF2Affine

from asc.predictor import Predictor
from asc.testing import PredictorLaws, ReferenceRun, Registers
from asc.words import Word

CELLS = 17
RING = (1 << CELLS) - 1


def rule_90(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Each cell becomes the parity of its neighbours."""
    cells = words["cells"]
    left, right = (cells << 1 | cells >> CELLS - 1) & RING, (cells >> 1 | cells << CELLS - 1) & RING
    return {"cells": left ^ right}


def automaton(steps: int) -> Registers:
    return Registers(rule_90, {"cells": 0b1011}, steps)


class TestGF2Affine(PredictorLaws):
    """It is made for parities, so it gets a reference run with a law of parities beside the usual ones."""

    def predictor(self) -> Predictor:
        return GF2Affine()

    def reference_runs(self) -> Sequence[ReferenceRun]:
        return [*super().reference_runs(), ReferenceRun("rule 90", automaton, every=3, boundaries=60)]
