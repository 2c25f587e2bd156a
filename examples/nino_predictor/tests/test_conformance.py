"""The predictor keeps the laws of all predictors, with a network that was trained on the laws' own training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from asc_nino.network import LOOK_BACK
from asc_nino.predictor import NinoMLP
from asc_nino.train import fit

from asc.predictor import Predictor
from asc_nn_training.testing import WeightPredictorLaws, small_training


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    training, values = small_training(150), []
    for _ in range(30):
        weights = torch.cat([tensor.flatten() for tensor in training.weights.tensors])
        values.append(weights.clone())
        training.advance(5)
    length, trajectory = LOOK_BACK + 4, torch.stack(values, 1)
    rows = torch.cat([trajectory[:, start : start + length] for start in range(len(values) - length + 1)])
    path = tmp_path_factory.mktemp("nino") / "nino.safetensors"
    fit(rows, steps=200, seed=0).save(path)
    return path


class TestNinoMLP(WeightPredictorLaws):
    least = LOOK_BACK

    @pytest.fixture(autouse=True)
    def _network(self, trained: Path) -> None:
        self.path = trained

    def predictor(self) -> Predictor:
        return NinoMLP(NinoMLP.Config(weights=self.path))
