"""Several predictors, each word decided by those that have been right about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from pydantic import Field, field_validator

from asc.computation import History, Predictor
from asc.errors import AscError
from asc.predictors.affine import Affine
from asc.predictors.last_value import LastValue
from asc.predictors.learning import Reader
from asc.predictors.linear import Linear
from asc.predictors.logistic import BitLogistic
from asc.predictors.mean import Mean
from asc.predictors.memory import Memory
from asc.predictors.opinion import Prefix, opinions
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.settings import Settings
from asc.types import Direct
from asc.words import Word, bits, same

BUILT_IN: Mapping[str, Callable[[], Predictor]] = {
    "affine": Affine,
    "last-value": LastValue,
    "linear": Linear,
    "logistic": BitLogistic,
    "mean": Mean,
    "memory": Memory,
    "polynomial": Polynomial,
    "quadratic": Quadratic,
}

_ALERT = 4  # rounds in which everybody is asked, at the beginning and after a leader's error
_ROLL_CALL = 8  # every so many rounds everybody is asked: fewer than the snapshots of a history, so nobody misses one


class Answer(NamedTuple):
    """What a member said when it was asked."""

    words: Mapping[str, Word]
    silent: bool = False
    raised: bool = False


class Ensemble:
    """Weighted majority per word: members vote with weights that follow how often they were right about the word.

    At every new snapshot each member is asked what it would have said one superstep before, and its weight on every
    word that changes is multiplied by exp(-learning_rate) where it was wrong (Littlestone and Warmuth 1994); a member
    that said nothing about a word keeps its weight. A small share of all weight is then spread evenly, so that a
    member that was wrong for long can come back when the program enters another phase (Herbster and Warmuth 1998).
    A member that raises has no vote in that call and is charged for it on every word.

    Once every word has a leader, or nobody who is right about it, the others are asked only now and then: asking all of
    them each time would cost more than the average guess is worth. A leader's error wakes them all.
    """

    class Config(Settings):
        """Who votes, and how fast the weights follow."""

        members: tuple[str, ...] = Field(
            ("last-value", "linear", "quadratic", "affine", "memory"),
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

    def __init__(self, config: Config | None = None, members: Sequence[tuple[str, Predictor]] | None = None) -> None:
        self.config = config or self.Config()
        self._members = [(name, built_in(name)) for name in self.config.members] if members is None else [*members]
        for name, member in self._members:
            if member.needs - {"words"}:
                raise AscError(
                    f"the ensemble weighs words, so its members may need nothing but words, and {name} needs "
                    f"{', '.join(sorted(member.needs))}: take {name} out of the ensemble's members"
                )
        self.needs: frozenset[str] = frozenset({"words"})
        self._reader = Reader()
        self._weights: dict[str, list[float]] = {}
        self._leaders: dict[str, int] = {}  # word: the heaviest member, if it was right the last time
        self._round = 0
        self._speechless = False  # whether everybody was silent when everybody was last asked
        self._alert = _ALERT  # rounds for which everybody is asked

    @classmethod
    def compose(cls, config: Config | None, create: Callable[[str], Predictor]) -> Ensemble:
        """Build the ensemble with members made by `create` from their names, so that plugins can be members too."""
        config = config or cls.Config()
        return cls(config, [(name, create(name)) for name in config.members])

    @property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        """Each changing word's weights by member's name, with sum 1: a copy, to show."""
        names = [name for name, _ in self._members]
        return {word: dict(zip(names, weights, strict=True)) for word, weights in self._weights.items()}

    def predict(self, history: History, horizon: int) -> Direct | None:
        """Judge the members by the new snapshots, then let them vote; None where all are silent."""
        positions, words = history.positions, history.read("words")
        for superstep in [*self._reader.supersteps(positions, words)][-_ALERT:]:
            self._judge(Prefix(history, words, superstep.at), superstep.gap, superstep.after)
        newest: Mapping[str, Word] = words[-1]
        awake = self._awake()
        said = self._ask(Prefix(history, words, len(positions)), horizon, awake)
        if len(awake) == len(self._members):
            self._speechless = all(answer.silent for answer in said)
        if self._speechless:
            return None
        state = dict(newest)
        for name in self._reader.excited:
            if name in newest:
                state[name] = self._majority(name, said, newest[name])
        return Direct(state)

    def _awake(self) -> frozenset[int]:
        """Return the members to be asked in this round."""
        everybody = self._alert > 0 or self._round % _ROLL_CALL == 0
        return frozenset(range(len(self._members)) if everybody else self._leaders.values())

    def _ask(self, history: Prefix, horizon: int, awake: frozenset[int]) -> list[Answer]:
        """Return what each member says about the changing words; those asleep say nothing."""
        said: list[Answer] = []
        for index, (_, member) in enumerate(self._members):
            if index not in awake:
                said.append(Answer({}, silent=True))
                continue
            try:
                prediction = member.predict(history, horizon)
                if prediction is None:
                    said.append(Answer({}, silent=True))
                else:
                    said.append(Answer(opinions(prediction, history, self._reader.excited)))
            except Exception:  # noqa: BLE001 - a plugin may raise anything, and the others still vote
                said.append(Answer({}, silent=True, raised=True))
        return said

    def _judge(self, history: Prefix, gap: int, truth: Mapping[str, Word]) -> None:
        self._round += 1
        self._alert -= 1
        said = self._ask(history, gap, self._awake())
        factor = math.exp(-self.config.learning_rate)
        spread = self.config.share / len(self._members)
        for name in self._reader.excited:
            if name not in truth:
                continue
            true = truth[name]
            weights = [
                weight * factor if answer.raised or not same(answer.words.get(name, true), true) else weight
                for weight, answer in zip(self._of(name), said, strict=True)
            ]
            total = sum(weights)
            self._weights[name] = [(1 - self.config.share) * weight / total + spread for weight in weights]
            self._elect(name, said, true)

    def _elect(self, name: str, said: Sequence[Answer], true: Word) -> None:
        """Make the heaviest member that was right about a word its leader; alert everybody where a leader was wrong."""
        weights = self._weights[name]
        right = [index for index, answer in enumerate(said) if name in answer.words and same(answer.words[name], true)]
        if right:
            self._leaders[name] = max(right, key=weights.__getitem__)
        elif self._leaders.pop(name, None) is not None:
            self._alert = _ALERT

    def _of(self, name: str) -> list[float]:
        return self._weights.get(name) or [1 / len(self._members)] * len(self._members)

    def _majority(self, name: str, said: Sequence[Answer], newest: Word) -> Word:
        votes: dict[Hashable, float] = {}
        values: dict[Hashable, Word] = {}
        for weight, answer in zip(self._of(name), said, strict=True):
            if name in answer.words:
                value = answer.words[name]
                key = bits(value)
                values.setdefault(key, value)
                votes[key] = votes.get(key, 0.0) + weight
        return values[max(votes, key=lambda key: votes[key])] if votes else newest


def built_in(name: str) -> Predictor:
    """Create a predictor of the core by its name, with its default settings."""
    if name not in BUILT_IN:
        raise AscError(
            f"the core has no predictor {name} to be a member; it has {', '.join(BUILT_IN)}; "
            "members from plugins are passed as objects: Ensemble(config, members=[(name, predictor), ...])"
        )
    return BUILT_IN[name]()
