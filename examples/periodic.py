"""A predictor that looks at words: what came a period ago comes again.

asc run toy --program logistic --plugin examples/periodic.py --predictors periodic --set allocator.memoise=false
"""

from itertools import pairwise

from asc import Direct, Settings, hookimpl


class Periodic:
    """Finds the shortest period in each word's last values, and goes on with it."""

    class Config(Settings):
        """Nothing to set."""

    needs = frozenset({"words"})

    def __init__(self, config=None):
        self.config = config or self.Config()

    def predict(self, history, horizon):
        words = history.read("words")  # one mapping a snapshot, oldest first
        gaps = {later - earlier for earlier, later in pairwise(history.positions)}
        if len(gaps) != 1 or horizon % min(gaps):
            return None  # not evenly spaced, or asked for a place between two snapshots
        ahead = horizon // min(gaps)
        guessed = {}
        for name in words[-1]:
            values = [state[name] for state in words]
            for period in range(1, len(values) // 2 + 1):
                if values[period:] == values[:-period]:
                    guessed[name] = values[len(values) - period + (ahead - 1) % period]
                    break
        return Direct(guessed) if guessed else None  # a word that is not named keeps its value


@hookimpl
def asc_register(registry):
    home = "periodic:Periodic"
    registry.add("predictor", "periodic", home, f"{home}.Config", "what came a period ago comes again")
