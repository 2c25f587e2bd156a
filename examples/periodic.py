"""A predictor that reads state words: the value of one period ago comes again.

asc run toy --program logistic --plugin examples/periodic.py --predictors periodic --set scheduler.memoise=false
"""

from itertools import pairwise

from asc import Direct, Predictor, hookimpl


class Periodic(Predictor):
    """Finds the shortest period in the last values of each state word, and continues it."""

    needs = frozenset({"words"})
    depth = 16  # snapshots; it finds periods up to half as long

    def predict(self, history, horizon):
        words = history.read("words")[-self.depth :]  # one mapping a snapshot, oldest first
        gaps = {later - earlier for earlier, later in pairwise(history.positions[-self.depth :])}
        if len(gaps) != 1 or horizon % min(gaps):
            return None  # not evenly spaced, or the horizon lies between two snapshots
        ahead = horizon // min(gaps)
        predicted = {}
        for name in words[-1]:
            values = [state[name] for state in words]
            for period in range(1, len(values) // 2 + 1):
                if values[period:] == values[:-period]:
                    predicted[name] = values[len(values) - period + (ahead - 1) % period]
                    break
        return Direct(predicted) if predicted else None  # a word that is not named keeps its value


@hookimpl
def asc_register(registry):
    home = "periodic:Periodic"
    registry.add("predictor", "periodic", home, "the value of one period ago comes again")
