"""Regimes from fingerprints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from asc.computation import Computation
from asc.errors import AscError
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed, Learned, Quantile
from asc.types import Decision, Outcome, Plan, Recognition

ACCEPTED, REJECTED = (Decision(Plan("linear", 5), outcome) for outcome in (Outcome.ACCEPTED, Outcome.REJECTED))


class Network:
    """Answers with one fingerprint after another, in a buffer that it uses again."""

    provides = frozenset({"fingerprint"})

    def __init__(self, fingerprints: Sequence[Any]) -> None:
        self.fingerprints = [np.array(fingerprint, dtype=np.float64) for fingerprint in fingerprints]
        self.buffer: Any = None
        self.at = 0
        self.reads = 0

    def position(self) -> int:
        return self.at

    def total(self) -> int | None:
        return None

    def read(self, need: str, snapshots: Sequence[Any]) -> Any:
        assert (need, snapshots) == ("fingerprint", ())
        self.reads += 1
        now = self.fingerprints[self.at // 10]
        if self.buffer is None or self.buffer.shape != now.shape:
            self.buffer = now.copy()
        self.buffer[...] = now
        return self.buffer


def turns(*angles: float) -> list[list[float]]:
    """Fingerprints in a plane, each turned from the one before by an angle."""
    return [[math.cos(angle), math.sin(angle)] for angle in np.cumsum([0.0, *angles])]


def run(similarity: Similarity, fingerprints: Sequence[Any], *decisions: Sequence[Decision]) -> list[Recognition]:
    network, answers = Network(fingerprints), []
    for i in range(len(fingerprints)):
        network.at = 10 * i
        answers.append(similarity.recognise(cast(Computation, network)))
        for decision in decisions[i] if i < len(decisions) else ():
            similarity.learn(decision)
    return answers


def recognizer(**settings: Any) -> Similarity:
    return Similarity(Similarity.Config(every=10, **settings))


FIXED = Fixed.Config(chaotic=0.5, stable=0.9)
STILL, SOME, WILD = math.acos(0.95), math.acos(0.7), math.acos(0.2)


def test_labels_and_scores() -> None:
    answers = run(recognizer(thresholds=FIXED), turns(STILL, SOME, WILD, STILL))
    assert [(there.label, there.speculate) for there in answers] == [
        ("unknown", False),
        ("stable", True),
        ("transition", False),
        ("chaotic", False),
        ("stable", True),
    ]
    assert answers[0].score is None
    assert [there.score for there in answers[1:]] == pytest.approx([0.95, 0.7, 0.2, 0.95], abs=1e-6)


def test_which_regimes_are_speculated_from_is_a_setting() -> None:
    answers = run(
        recognizer(thresholds=FIXED, speculate_in=("transition", "stable", "unknown")), turns(STILL, SOME, WILD, STILL)
    )
    assert [there.speculate for there in answers] == [True, True, True, False, True]


def test_one_cosine_a_probe_or_one_of_all_joined() -> None:
    before = [[100.0, 0.0], [1.0, 0.0]]
    after = [[100.0, 0.0], [0.0, 1.0]]
    assert run(recognizer(), [before, after])[1].score == pytest.approx(0.5)
    assert run(recognizer(probes="joined"), [before, after])[1].score == pytest.approx(10000 / 10001)


def test_neither_a_long_nor_a_short_fingerprint_loses_its_direction() -> None:
    assert run(recognizer(), [[3e300, 3e300], [3e300, -3e300], [3e300, -3e300]])[2].score == pytest.approx(1.0)
    assert run(recognizer(), [[1e-300, 0.0], [1e-300, 0.0]])[1].score == pytest.approx(1.0)


@pytest.mark.parametrize("broken", [[math.nan, 1.0], [math.inf, 1.0], [0.0, 0.0]])
def test_a_fingerprint_without_direction_is_unknown_and_is_not_compared_with_later(broken: list[float]) -> None:
    answers = run(recognizer(thresholds=FIXED), [[1.0, 0.0], [1.0, 0.0], broken, [1.0, 0.0], [1.0, 0.0]])
    assert [there.label for there in answers] == ["unknown", "stable", "unknown", "unknown", "stable"]
    assert answers[2].score is None


def test_stable_must_settle() -> None:
    answers = run(recognizer(thresholds=FIXED, settle=3), turns(STILL, STILL, STILL, STILL, SOME, STILL))
    assert [there.label for there in answers] == [
        "unknown",
        "transition",
        "transition",
        "stable",
        "stable",
        "transition",
        "transition",
    ]


def test_beside_the_grid_nothing_is_read() -> None:
    network, similarity = Network(turns(STILL)), recognizer()
    network.at = 7
    assert not similarity.recognise(cast(Computation, network)).speculate
    assert network.reads == 0


def test_asked_twice_at_one_position_it_reads_once() -> None:
    network, similarity = Network(turns(STILL)), recognizer(thresholds=FIXED)
    for network.at in (0, 10):
        first = similarity.recognise(cast(Computation, network))
        assert similarity.recognise(cast(Computation, network)) == first
    assert network.reads == 2
    assert first.label == "stable"


def test_verdicts_move_learned_limits_and_only_those() -> None:
    """Everything turns by the same angle and is accepted, where the limits call it a transition."""
    limits = Learned.Config(chaotic=0.5, stable=0.9, explore=1)
    course = turns(*[SOME] * 30)
    answers = run(recognizer(thresholds=limits), course, *[[ACCEPTED]] * 31)
    assert answers[1].label == "transition"
    assert answers[-1].label == "stable"
    answers = run(recognizer(thresholds=FIXED), course, *[[ACCEPTED]] * 31)
    assert {there.label for there in answers[1:]} == {"transition"}


def test_one_accepted_candidate_makes_the_boundary_a_good_one() -> None:
    limits = Learned.Config(chaotic=0.5, stable=0.9)
    several = run(recognizer(thresholds=limits), turns(*[STILL] * 9), *[[REJECTED, ACCEPTED, REJECTED]] * 9)
    one = run(recognizer(thresholds=limits), turns(*[STILL] * 9), *[[ACCEPTED]] * 9)
    none = run(recognizer(thresholds=limits), turns(*[STILL] * 9), *[[REJECTED]] * 9)
    assert several == one
    assert several[-1].label == "stable"
    assert none[-1].label != "stable"


def test_what_was_not_judged_teaches_nothing() -> None:
    unjudged = [
        Decision(Plan("linear", 5), outcome)
        for outcome in Outcome
        if outcome not in (Outcome.ACCEPTED, Outcome.REJECTED)
    ]
    limits = Learned.Config(chaotic=0.5, stable=0.9)
    with_them = run(recognizer(thresholds=limits), turns(*[STILL] * 9), *[unjudged] * 9)
    assert {there.label for there in with_them[1:]} == {"stable"}


def test_limits_that_are_too_strict_are_tried_now_and_then() -> None:
    course = turns(*[WILD] * 9)
    answers = run(recognizer(thresholds=Learned.Config(explore=4)), course)
    assert [i for i, there in enumerate(answers) if there.speculate] == [4, 8]
    assert {there.label for there in answers[1:]} == {"chaotic"}
    answers = run(recognizer(thresholds=Learned.Config(explore=0)), course)
    assert not any(there.speculate for there in answers)


def test_too_strict_limits_are_overcome_by_trying() -> None:
    """A model whose similarities never reach the limits, but whose candidates are good."""
    similarity = recognizer(thresholds=Learned.Config(explore=3, strength=4.0))
    network, tried = Network(turns(*[STILL] * 80)), []
    for i in range(81):
        network.at = 10 * i
        there = similarity.recognise(cast(Computation, network))
        tried.append(there.speculate)
        if there.speculate:
            similarity.learn(ACCEPTED)
    assert [i for i, was in enumerate(tried[:10]) if was] == [3, 6, 9]
    assert all(tried[-20:])


def test_thresholds_are_chosen_by_name_or_with_settings() -> None:
    assert Similarity.Config.model_validate({"thresholds": "quantile"}).thresholds == Quantile.Config()
    with_settings = {"thresholds": {"name": "fixed", "stable": 0.9999}}
    assert Similarity.Config.model_validate(with_settings).thresholds == Fixed.Config(stable=0.9999)
    for config in (Similarity.Config(), Similarity.Config(thresholds=Quantile.Config(least=3))):
        assert Similarity.Config.model_validate_json(config.model_dump_json()) == config


def test_it_states_what_it_needs() -> None:
    assert Similarity.needs == {"fingerprint"}


def test_a_computation_without_fingerprints_is_refused() -> None:
    network = Network(turns(STILL))
    network.provides = frozenset({"words"})
    with pytest.raises(AscError, match=r"Network provides words: choose another recognizer, such as every"):
        recognizer().recognise(cast(Computation, network))


@pytest.mark.parametrize(
    ("fingerprints", "sentence"),
    [
        ([[[[1.0]]]], r"shape \(1, 1, 1\)"),
        ([[]], r"shape \(0,\)"),
        ([[1.0, 2.0], [1.0, 2.0, 3.0]], r"shape \(3,\), and \(2,\) at the boundary before"),
    ],
)
def test_a_fingerprint_of_the_wrong_shape_is_refused(fingerprints: list[Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        run(recognizer(), fingerprints)


def test_a_leap_is_no_turn_of_the_computation_s_own() -> None:
    """After one the fingerprint is taken anew, so that the next similarity is that of the steps since."""
    similarity = Similarity(Similarity.Config(every=10, thresholds=Fixed.Config()))
    network = Network(turns(0.01, 0.01, 0.01))
    for network.at in (0, 10):
        similarity.recognise(cast(Computation, network))
    leapt = Network(turns(1.0, 0.0, 0.0))
    leapt.at = 10
    similarity.follow(cast(Computation, leapt))
    assert similarity.recognise(cast(Computation, network)).score == pytest.approx(math.cos(0.01))  # asked before
    leapt.at = 20
    assert similarity.recognise(cast(Computation, leapt)) == Recognition(True, "stable", pytest.approx(1.0))


def test_a_leap_before_the_first_fingerprint_is_nothing_to_follow() -> None:
    similarity = Similarity()
    similarity.follow(cast(Computation, Network(turns(0.1))))
    assert similarity.recognise(cast(Computation, Network(turns(0.1)))).label == "unknown"
