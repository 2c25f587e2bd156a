"""Regimes of training: how far the model's answers to fixed texts turn between two boundaries."""

from __future__ import annotations

from pydantic import Field

from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Learned, ThresholdsConfig


class ActivationCosine(Similarity):
    """Unknown, chaotic, transition or stable, by the cosine of a fingerprint of activations to the one before.

    Source: Leap+Verify, Eq. 1 and section on regimes. `published` limits are those of the code that came with it, means
    of the percentiles of five runs; `learned`, the default, starts from them and moves to where this run's own
    candidates are accepted; `quantile` takes percentiles of the run so far. `settle=3` asks for three stable
    boundaries in a row.
    """

    class Config(Similarity.Config):
        """Settings of `activation-cosine`."""

        thresholds: ThresholdsConfig = Field(
            Learned.Config(explore=2),
            description="where regimes begin: learned, published, quantile, or fixed with your own",
        )
