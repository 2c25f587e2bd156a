"""The shortest plugin, in a single file."""

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
        before, now = history.positions[-2:]
        trend = Fraction(horizon, now - before) / 2
        return Combination((-trend, 1 + trend))  # of the last two, the older first


@hookimpl
def asc_register(registry):
    home = "my_predictor:Halfway"
    registry.add("predictor", "halfway", home, f"{home}.Config", "half the linear trend")
