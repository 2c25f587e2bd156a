"""Several predictors; those that have been right about a state word decide its value."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from pydantic import Field, field_validator

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.predictors.affine import Affine
from asc.predictors.forecast import Prefix, forecast_words
from asc.predictors.last_value import LastValue
from asc.predictors.learning import DEPTH, Reader
from asc.predictors.linear import Linear
from asc.predictors.logistic import BitLogistic
from asc.predictors.mean import Mean
from asc.predictors.memory import Memory
from asc.predictors.most_frequent import MostFrequent
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.settings import Create, Settings
from asc.types import Direct, Prediction
from asc.words import Word, bits, same

BUILT_IN: Mapping[str, Callable[[], Predictor]] = {
    "affine": Affine,
    "last-value": LastValue,
    "linear": Linear,
    "logistic": BitLogistic,
    "mean": Mean,
    "memory": Memory,
    "most-frequent": MostFrequent,
    "polynomial": Polynomial,
    "quadratic": Quadratic,
}

_ALERT = 4  # rounds in which all members are asked, at the beginning and after a leader's error; at once at most
_CALM = 2  # rounds at once otherwise: where leaders are right, there is little to learn
_ROLL_CALL = 8  # all members are asked every so many rounds: fewer than a history has snapshots, so none is missed


class Forecast(NamedTuple):
    """One member's prediction of the changing words."""

    words: Mapping[str, Word]
    silent: bool = False
    raised: bool = False


_SILENT = Forecast({}, silent=True)


class Ensemble(Predictor):
    """Weighted majority per state word: members vote with weights that follow how often they were right about the word.

    At every new snapshot each member is asked for the prediction that it would have made one superstep before. Its
    weight on every changing word is multiplied by exp(-learning_rate) where it was wrong (Littlestone and Warmuth
    1994), and the members that had a forecast of the word share the weight that they had together: a member without a
    forecast keeps its own (Freund, Schapire, Singer and Warmuth 1997). A small part of that weight is then spread
    evenly, so that a member that was wrong for long can come back when the program enters another phase (Herbster and
    Warmuth 1998). A member that raises has no vote in that call, and loses weight on every word.

    Once every word has a leader, or no member is right about it, the other members are asked only now and then: to ask
    all of them each time would cost more than the average candidate is worth. After a leader's error all are asked.
    """

    class Config(Settings):
        """Who votes, and how fast the weights follow."""

        members: tuple[str, ...] = Field(
            ("last-value", "linear", "quadratic", "affine", "memory", "most-frequent"),
            min_length=1,
            description="predictors that vote, by name; of equally heavy values the one named first wins",
        )
        learning_rate: float = Field(0.7, gt=0, le=100, description="an error divides a weight by e to this power")
        share: float = Field(0.02, ge=0, lt=1, description="part of all weight that is spread evenly at each snapshot")

        @field_validator("members")
        @classmethod
        def _distinct(cls, members: tuple[str, ...]) -> tuple[str, ...]:
            if len(set(members)) < len(members):
                raise ValueError(f"each member votes once, but {', '.join(members)} names one twice: leave it out")
            if "ensemble" in members:
                raise ValueError("an ensemble cannot be a member of itself: leave ensemble out of the members")
            return members

    config: Config

    needs = frozenset({"words"})

    def __init__(self, config: Config | None = None, members: Sequence[tuple[str, Predictor]] | None = None) -> None:
        super().__init__(config)
        self._members = [(name, built_in(name)) for name in self.config.members] if members is None else [*members]
        for name, member in self._members:
            if member.needs - {"words"}:
                raise AscError(
                    f"the ensemble weighs words, so its members may need nothing but words, and {name} needs "
                    f"{', '.join(sorted(member.needs))}: take {name} out of the ensemble's members"
                )
        self.depth = max([DEPTH, *(member.depth for _, member in self._members)])
        self._reader = Reader()
        self._weights: dict[str, list[float]] = {}
        self._leaders: dict[str, int] = {}  # word: the heaviest member, if it was right the last time
        self._round = 0
        self._silent = False  # whether all members were silent when all were last asked
        self._alert = _ALERT  # rounds in which all members are still asked

    @classmethod
    def compose(cls, config: Config | None, create: Create) -> Self:
        """Make the ensemble with members that `create` makes by name, so that plugins can be members too."""
        config = config or cls.Config()
        return cls(config, [(name, create(name)) for name in config.members])

    @property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        """Each changing word's weights by member's name, with sum 1: a copy, to show."""
        names = [name for name, _ in self._members]
        return {word: dict(zip(names, weights, strict=True)) for word, weights in self._weights.items()}

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Weigh the members by the new snapshots, then let them vote; None where all are silent."""
        return self.predict_all(history, (horizon,))[0]

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Direct | None]:
        """Weigh the members once, and ask each member for all horizons together."""
        positions, words = history.positions, history.read("words")
        for superstep in [*self._reader.supersteps(positions, words)][-(_ALERT if self._alert > 0 else _CALM) :]:
            self._weigh(Prefix(history, words, superstep.at), superstep.gap, superstep.after)
        awake = self._awake()
        rounds = self._ask(Prefix(history, words, len(positions)), horizons, awake)
        return [self._vote(forecasts, words[-1], everyone=len(awake) == len(self._members)) for forecasts in rounds]

    def _vote(self, forecasts: Sequence[Forecast], newest: Mapping[str, Word], *, everyone: bool) -> Direct | None:
        if everyone:
            self._silent = all(forecast.silent for forecast in forecasts)
        if self._silent:
            return None
        state = dict(newest)
        for name in self._reader.excited:
            if name in newest:
                state[name] = self._majority(name, forecasts, newest[name])
        return Direct(state)

    def _awake(self) -> frozenset[int]:
        """Return the members to be asked in this round: all, or those that lead and those with the most weight."""
        if self._alert > 0 or self._round % _ROLL_CALL == 0:
            return frozenset(range(len(self._members)))
        return frozenset([*self._leaders.values(), *(_heaviest(weights) for weights in self._weights.values())])

    def _ask(self, history: Prefix, horizons: Sequence[int], awake: frozenset[int]) -> Iterable[Sequence[Forecast]]:
        """Return each member's forecast of the changing words, for each horizon; who is not asked is silent."""
        return zip(
            *(
                self._forecasts(member, history, horizons) if index in awake else [_SILENT] * len(horizons)
                for index, (_, member) in enumerate(self._members)
            ),
            strict=True,
        )

    def _forecasts(self, member: Predictor, history: Prefix, horizons: Sequence[int]) -> list[Forecast]:
        try:
            predictions = member.predict_all(history, horizons)
            return [self._forecast(prediction, history) for prediction, _ in zip(predictions, horizons, strict=True)]
        except Exception:  # noqa: BLE001 - a plugin may raise anything, and the others still vote
            if len(horizons) == 1:
                return [Forecast({}, silent=True, raised=True)]
        return [forecast for horizon in horizons for forecast in self._forecasts(member, history, (horizon,))]

    def _forecast(self, prediction: Prediction | None, history: Prefix) -> Forecast:
        if prediction is None:
            return _SILENT
        return Forecast(forecast_words(prediction, history, self._reader.excited))

    def _weigh(self, history: Prefix, gap: int, truth: Mapping[str, Word]) -> None:
        self._round += 1
        self._alert -= 1
        (forecasts,) = self._ask(history, (gap,), self._awake())
        factor = math.exp(-self.config.learning_rate)
        for name in self._reader.excited:
            if name not in truth:
                continue
            true = truth[name]
            weights = self._of(name)
            awake = [index for index, one in enumerate(forecasts) if one.raised or name in one.words]
            before, after = sum(weights[index] for index in awake), 0.0
            for index in awake:
                words = forecasts[index].words
                weights[index] *= 1.0 if name in words and same(words[name], true) else factor
                after += weights[index]
            for index in awake:
                part = (1 - self.config.share) * weights[index] / after + self.config.share / len(awake)
                weights[index] = before * part
            self._weights[name] = weights
            self._elect(name, forecasts, true)

    def _elect(self, name: str, forecasts: Sequence[Forecast], true: Word) -> None:
        """Make the heaviest member that was right about a word its leader; ask all where a leader was wrong."""
        weights = self._weights[name]
        right = [
            index
            for index, forecast in enumerate(forecasts)
            if name in forecast.words and same(forecast.words[name], true)
        ]
        if right:
            self._leaders[name] = max(right, key=weights.__getitem__)
        elif self._leaders.pop(name, None) is not None:
            self._alert = _ALERT

    def _of(self, name: str) -> list[float]:
        return self._weights.get(name) or [1 / len(self._members)] * len(self._members)  # changed in place

    def _majority(self, name: str, forecasts: Sequence[Forecast], newest: Word) -> Word:
        votes: dict[Hashable, float] = {}
        values: dict[Hashable, Word] = {}
        for weight, forecast in zip(self._of(name), forecasts, strict=True):
            if name in forecast.words:
                value = forecast.words[name]
                key = bits(value)
                values.setdefault(key, value)
                votes[key] = votes.get(key, 0.0) + weight
        return values[max(votes, key=lambda key: votes[key])] if votes else newest


def _heaviest(weights: Sequence[float]) -> int:
    return max(range(len(weights)), key=weights.__getitem__)


def built_in(name: str) -> Predictor:
    """Create a predictor of the core by its name, with its default settings."""
    if name not in BUILT_IN:
        raise AscError(
            f"the core has no predictor {name} to be a member; it has {', '.join(BUILT_IN)}; "
            "members from plugins are passed as objects: Ensemble(config, members=[(name, predictor), ...])"
        )
    return BUILT_IN[name]()
