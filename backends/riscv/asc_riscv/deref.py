"""Predicts pointers by following them: a list's nodes lie on no line, and the memory knows their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from pydantic import Field

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.predictors.ensemble import Ensemble
from asc.predictors.forecast import Prefix, forecast_words
from asc.settings import Create, Settings
from asc.types import Direct, Prediction
from asc_riscv.pointers import Pointers

_OFFSETS = range(0, 128, 8)  # bytes from a node's address to its pointer
_HOPS = 4  # pointers that a step follows at most


class Chain(NamedTuple):
    """Where nodes keep the next one's address, and how many of them so many steps go through."""

    offset: int
    hops: int
    steps: int


class Deref(Predictor):
    """Follows pointers through the memory as it is now; another predictor predicts everything else.

    A word is taken for a pointer if, in the newest superstep, it moved along a chain of pointers in the memory and not
    along a line. How many pointers it then goes through in a step is how many it went through. So lists are predicted
    in any order, as long as the program does not change them on the way. ASC (Waterland et al. 2014) names pointers as
    what lines do not predict.
    """

    class Config(Settings):
        """Settings of `deref`."""

        predictor: str = Field("ensemble", description="what predicts everything else; one that predicts words")

    config: Config

    needs = frozenset({"words", "pointers"})

    def __init__(self, config: Config | None = None, predictor: Predictor | None = None) -> None:
        super().__init__(config)
        self._predictor = predictor or Ensemble()
        self.depth = max(3, self._predictor.depth)
        if others := self._predictor.needs - self.needs:
            raise AscError(
                f"deref leaves to {self.config.predictor} what is no pointer, and that needs "
                f"{', '.join(sorted(others))}: choose one that needs words, such as ensemble"
            )

    @classmethod
    def compose(cls, config: Config | None, create: Create) -> Self:
        """Make it with the predictor that `create` makes by name, which may be a plugin's."""
        config = config or cls.Config()
        return cls(config, create(config.predictor))

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Predict one state; None where there is no pointer, and the other predictor has nothing to say."""
        return self.predict_all(history, (horizon,))[0]

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Prediction | None]:
        """Predict the states at several horizons; None where a chain ends before."""
        others = self._predictor.predict_all(history, horizons)
        words, pointers = history.read("words"), history.read("pointers")
        chains = _chains(history.positions, words, pointers)
        if not chains:
            return others
        past, newest = Prefix(history, words, len(words)), words[-1]
        found: list[Prediction | None] = []
        for other, horizon in zip(others, horizons, strict=True):
            hops = {name: chain.hops * horizon // chain.steps for name, chain in chains.items()}
            ends = {name: pointers.follow(newest[name], chains[name].offset, hops[name]) for name in chains}
            forecast = {} if other is None else forecast_words(other, past, newest)
            found.append(Direct({**newest, **forecast, **ends}) if all(ends.values()) else None)
        return found

    def settle(self, accepted: bool) -> None:
        """Let the other predictor learn whether the run leapt."""
        self._predictor.settle(accepted)

    def state_dict(self) -> dict[str, Any]:
        """Return what the other predictor has learnt."""
        return self._predictor.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._predictor.load_state_dict(state)


def _chains(positions: Sequence[int], words: Sequence[Mapping[str, int]], pointers: Pointers) -> dict[str, Chain]:
    """Return the chains along which words moved in the newest superstep."""
    found = dict[str, Chain]()
    if len(positions) < 2:
        return found
    steps = positions[-1] - positions[-2]
    for name, value in words[-1].items():
        before = words[-2].get(name, value)
        if value == before or not pointers.is_possible(before) or _is_on_a_line(name, positions[-3:], words[-3:]):
            continue
        for offset in _OFFSETS:
            if hops := pointers.hops(before, value, offset, _HOPS * steps):
                found[name] = Chain(offset, hops, steps)
                break
    return found


def _is_on_a_line(name: str, positions: Sequence[int], words: Sequence[Mapping[str, int]]) -> bool:
    """Whether a word's last three values lie on a line, so that others predict it; False where there are only two."""
    if len(positions) < 3 or name not in words[0]:
        return False
    (first, second, third), (one, two, three) = positions, (each[name] for each in words)
    return (three - two) * (second - first) == (two - one) * (third - second)
