"""The shortest plugin: `asc run toy --plugin examples/my_predictor.py --predictors halfway`."""

from fractions import Fraction

from asc import Combination, Settings, hookimpl


class Halfway:
    """Half the linear trend: for quantities that are settling down."""

    class Config(Settings):
        """Nothing to set."""

    needs = frozenset()

    def __init__(self, config=None):
        self.config = config or self.Config()

    def predict(self, history, horizon):
        if len(history.positions) < 2:
            return None
        *older, before, now = history.positions
        trend = Fraction(horizon, now - before) / 2
        return Combination((*(Fraction(0) for _ in older), -trend, 1 + trend))


@hookimpl
def asc_register(registry):
    registry.add("predictor", "halfway", "my_predictor:Halfway", "my_predictor:Halfway.Config", "half the linear trend")
