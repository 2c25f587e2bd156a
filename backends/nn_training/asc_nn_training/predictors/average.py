"""The average of the last snapshots as a candidate."""

from __future__ import annotations

from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Combination


class TailAverage(Predictor):
    """The mean of the last snapshots, or a step towards it: (1 - λ) θ + λ mean (LAWA, Kaddour 2022).

    An average has less noise than the weights that it is made of, so its loss is lower at once. Training that continues
    from the average often ends at a higher loss than training without it. So averages are mainly for evaluation, and
    become candidates only if this predictor is chosen.
    """

    class Config(Settings):
        """Settings of `tail-average`."""

        window: int = Field(4, ge=2, description="snapshots in the average, including the newest")
        blend: float = Field(1.0, gt=0, le=1, description="λ: 1 is the mean itself")

    config: Config

    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Return the mean of the snapshots there are, up to the window; None with a single one."""
        count = min(self.config.window, len(history.positions))
        if count < 2:
            return None
        share = self.config.blend / count
        return Combination((share,) * (count - 1) + (share + 1 - self.config.blend,))
