"""Regimes of training, by how far the model's answers to fixed texts turn between two boundaries."""

from __future__ import annotations

from pydantic import Field

from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Learned, ThresholdsConfig


class ActivationCosine(Similarity):
    """Unknown, chaotic, transition or stable, by the cosine of two consecutive fingerprints of activations.

    Source: Leap+Verify, Eq. 1 and its section on regimes. `published` limits are those of the code published with the
    paper: means of the percentiles of five runs. `learned`, the default, starts from these limits and follows where
    this run's own candidates are accepted. `quantile` takes percentiles of the run so far. With `settle=3`, a boundary
    counts as stable only after three stable ones in a row.
    """

    class Config(Similarity.Config):
        """Settings of `activation-cosine`."""

        thresholds: ThresholdsConfig = Field(
            Learned.Config(explore=2),
            description="limits of the regimes: learned, published, quantile, or fixed with your own numbers",
        )
