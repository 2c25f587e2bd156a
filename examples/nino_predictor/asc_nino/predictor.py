"""The predictor: the network, asked about each weight."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from asc import AscError, Direct, Settings
from asc.predictor import History, Predictor
from asc.predictors.affine import equally_spaced
from asc_nino.network import LOOK_BACK, Network, scaled
from asc_nn_training.paths import AbsolutePath

_AT_A_TIME = 2**13  # weights, so that the hidden layers stay in a processor's cache


class NinoMLP(Predictor):
    """Each weight's change, from its last five values, by a small network that was trained on recorded runs.

    After NiNo (Knyazev et al., ICLR 2025, arXiv 2409.04434) and the Weight Nowcaster Network (Jang et al., ICML 2023),
    without the graph of neurons. A weight needs no other weight, so parts of sharded weights are predicted as they are.
    A horizon between two supersteps lies on the line between their predictions. The predictor is silent where the last
    five snapshots are not at equal distances, and beyond the supersteps that the network looks ahead.
    """

    class Config(Settings):
        """Settings of `nino-mlp`."""

        weights: AbsolutePath | None = Field(
            None, description="the network's own weights: a file that `python -m asc_nino.train` wrote"
        )

    config: Config

    needs = frozenset({"weights"})
    depth = LOOK_BACK

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        if self.config.weights is None:
            raise AscError(
                "The predictor nino-mlp has no network: train one with python -m asc_nino.train RUN --out "
                "nino.safetensors, and name the file by its setting weights."
            )
        self._network = Network.load(self.config.weights)

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights, each in its own precision; None where the network does not look."""
        positions = history.positions
        if equally_spaced(positions, LOOK_BACK) < LOOK_BACK:
            return None
        ahead, rest = divmod(horizon, gap := positions[-1] - positions[-2])
        if ahead + (rest > 0) > self._network.ahead:
            return None
        blend = torch.zeros(self._network.ahead + 1)  # of standing still and of each superstep ahead
        blend[ahead] = 1 - rest / gap
        if rest:
            blend[ahead + 1] = rest / gap
        snapshots = history.read("weights")[-LOOK_BACK:]
        network = self._network.blended(blend[1:], snapshots[-1][0].device)
        return Direct([_continued(network, values) for values in zip(*snapshots, strict=True)])


def _continued(network: Network, values: tuple[Tensor, ...]) -> Tensor:
    """Return one tensor's prediction from its snapshots, oldest first."""
    newest = values[-1]
    predicted = torch.empty_like(newest)
    flat = [value.reshape(-1) for value in values]
    for start in range(0, newest.numel(), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        inputs, unit = scaled(torch.stack([value[part].float() for value in flat], 1))
        predicted.view(-1)[part] = flat[-1][part] + (network(inputs) * unit).squeeze(1)
    return predicted
