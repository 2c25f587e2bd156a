"""Where regimes begin: fixed, by percentile, learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asc.recognizers.logistic import fit_line
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed, Learned, Quantile, Thresholds, ThresholdsConfig, build

similarities = st.lists(st.floats(-1, 1), min_size=1, max_size=60)


def labels(thresholds: Thresholds, course: list[float]) -> list[str]:
    return [thresholds.label(similarity) for similarity in course]


def test_fixed_limits_belong_to_the_regimes_they_bound() -> None:
    thresholds = Fixed(Fixed.Config(chaotic=0.5, stable=0.9))
    course = [-1.0, 0.5, math.nextafter(0.5, 1), math.nextafter(0.9, 0), 0.9, 1.0]
    assert labels(thresholds, course) == ["chaotic", "chaotic", "transition", "transition", "stable", "stable"]


def test_quantiles_of_what_was_seen_before() -> None:
    thresholds = Quantile(Quantile.Config(least=11))
    assert labels(thresholds, [i / 10 for i in range(11)]) == ["unknown"] * 11
    assert labels(thresholds, [0.3]) == ["chaotic"]  # the 30th percentile of 0, 0.1 ... 1 is 0.3
    assert labels(Quantile(Quantile.Config(least=3)), [0.1, 0.2, 0.3, 0.25, 0.2, 0.1]) == [
        *["unknown"] * 3,
        "stable",  # limits 0.16 and 0.24
        "transition",  # 0.19 and 0.255
        "chaotic",  # 0.2 and 0.24
    ]


@given(course=similarities, quantiles=st.tuples(st.floats(0, 0.5), st.floats(0.51, 1)))
def test_quantiles_agree_with_numpy(course: list[float], quantiles: tuple[float, float]) -> None:
    low, high = quantiles
    thresholds = Quantile(Quantile.Config(low=low, high=high, least=1))
    for t, label in enumerate(labels(thresholds, course)):
        if t == 0:
            assert label == "unknown"
            continue
        chaotic, stable = np.quantile(course[:t], [low, high])
        if abs(course[t] - chaotic) > 1e-9 and abs(course[t] - stable) > 1e-9:
            assert label == ("stable" if course[t] > stable else "chaotic" if course[t] < chaotic else "transition")


@pytest.mark.parametrize("name", ["fixed", "quantile", "learned"])
@given(course=similarities, later=similarities)
def test_a_label_does_not_depend_on_what_comes_later(name: str, course: list[float], later: list[float]) -> None:
    configs: dict[str, ThresholdsConfig] = {
        "fixed": Fixed.Config(),
        "quantile": Quantile.Config(),
        "learned": Learned.Config(),
    }

    def run(similarities: list[float]) -> list[str]:
        thresholds = build(configs[name])
        said: list[str] = []
        for similarity in similarities:
            said.append(thresholds.label(similarity))
            if isinstance(thresholds, Learned):
                thresholds.learn(similarity, similarity > 0)
        return said

    assert run(course + later)[: len(course)] == run(course)


@given(similarity=st.floats(-1, 1))
def test_learned_starts_as_fixed(similarity: float) -> None:
    limits = Fixed.Config()
    if min(abs(similarity - limits.chaotic), abs(similarity - limits.stable)) > 1e-12:
        assert Learned().label(similarity) == Fixed(limits).label(similarity)
    assert Learned().acceptance(limits.stable) == pytest.approx(0.5)
    assert Learned().acceptance(limits.chaotic) == pytest.approx(0.2)


@pytest.mark.parametrize("centre", [-9.0, -6.5, -4.0])
def test_learned_finds_where_acceptance_really_turns(centre: float) -> None:
    """Acceptance falls from certain to none round log(1 - s) = centre, wherever the fixed limits were."""
    rng = np.random.default_rng(7)
    learned = Learned(Learned.Config(window=2000))
    for place in rng.uniform(-11, -2, 1500):
        learned.learn(1 - math.exp(place), bool(rng.random() < 1 / (1 + math.exp(2 * (place - centre)))))
    for place in np.linspace(-10.5, -2.5, 33):
        true = 1 / (1 + math.exp(2 * (place - centre)))
        similarity = 1 - math.exp(place)
        assert learned.acceptance(similarity) == pytest.approx(true, abs=0.1)
        if true > 0.65:
            assert learned.label(similarity) == "stable"
        elif true < 0.08:
            assert learned.label(similarity) == "chaotic"


def test_learned_forgets_what_lies_outside_its_window() -> None:
    learned, fresh = Learned(Learned.Config(window=50)), Learned(Learned.Config(window=50))
    for i in range(200):
        learned.learn(0.9995, accepted=i >= 150)
    for _ in range(50):
        fresh.learn(0.9995, accepted=True)
    assert learned.acceptance(0.9995) == pytest.approx(fresh.acceptance(0.9995))


@given(outcomes=st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=40), strength=st.floats(1e-3, 1e3))
def test_the_fitted_line_is_the_posterior_mode(outcomes: list[tuple[float, bool]], strength: float) -> None:
    places = np.array([place for place, _ in outcomes])
    accepted = np.array([float(was) for _, was in outcomes])
    prior = (0.3, -1.4)
    line = np.array(fit_line(places, accepted, prior, strength))
    chance = 1 / (1 + np.exp(-(line[0] + line[1] * places)))
    slope = np.array([np.sum(chance - accepted), np.sum((chance - accepted) * places)]) + strength * (line - prior)
    assert np.abs(slope).max() < 1e-5 * (1 + strength)


def test_a_line_without_outcomes_is_its_prior_and_one_sided_outcomes_stay_finite() -> None:
    assert fit_line(np.empty(0), np.empty(0), (0.5, -2.0), 1.0) == (0.5, -2.0)
    intercept, slope = fit_line(np.array([-50.0, 50.0] * 100), np.array([1.0, 0.0] * 100), (0.0, 0.0), 1e-6)
    assert math.isfinite(intercept)
    assert slope < -0.1


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Fixed.Config(chaotic=0.9, stable=0.8), "set chaotic below stable"),
        (lambda: Quantile.Config(low=0.7, high=0.3), "set low below high"),
        (lambda: Learned.Config(hopeless=0.6), "set hopeless below acceptance"),
    ],
)
def test_limits_in_the_wrong_order_are_refused(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(ValidationError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("learned", Learned.Config()),
        ("published", Fixed.Config()),
        ({"name": "published"}, Fixed.Config()),
        ({"name": "published", "stable": 0.9999}, Fixed.Config(stable=0.9999)),
    ],
)
def test_a_bare_name_will_do_and_published_is_one(given: object, expected: ThresholdsConfig) -> None:
    assert Similarity.Config.model_validate({"thresholds": given}).thresholds == expected
