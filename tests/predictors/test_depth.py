"""Each predictor says itself how many snapshots it looks back on."""

from __future__ import annotations

import pytest

from asc.predictor import Predictor
from asc.predictors.affine import Affine
from asc.predictors.cascade import Cascade
from asc.predictors.ensemble import Ensemble
from asc.predictors.last_value import LastValue
from asc.predictors.learning import DEPTH
from asc.predictors.linear import Linear
from asc.predictors.logistic import BitLogistic
from asc.predictors.mean import Mean
from asc.predictors.memory import Memory
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic


@pytest.mark.parametrize(
    ("predictor", "depth"),
    [
        (LastValue(), 2),
        (Linear(), 2),
        (Quadratic(), 3),
        (Mean(), 8),
        (Mean(Mean.Config(window=30)), 30),
        (Polynomial(), 5),
        (Polynomial(Polynomial.Config(window=64)), 64),
        (Cascade(), 2),
        (Affine(), DEPTH),
        (Memory(), DEPTH),
        (BitLogistic(), DEPTH),
        (Ensemble(), DEPTH),
        (Ensemble(members=[("mean", Mean(Mean.Config(window=30)))]), 30),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Predictor) else str(value),
)
def test_a_depth_follows_from_the_settings_and_the_members(predictor: Predictor, depth: int) -> None:
    assert predictor.depth == depth
