"""The predictor under the laws of all predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asc_gf2.predictor import GF2Affine

from asc.computation import Predictor
from asc.testing import Course, PredictorLaws, Registers
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
    """It is made for parities, so a course with a law of parities is added to the usual ones."""

    def predictor(self) -> Predictor:
        return GF2Affine()

    def courses(self) -> Sequence[Course]:
        return [*super().courses(), Course("rule 90", automaton, every=3, boundaries=60)]
