"""Criteria on held-out losses: known answers, and what holds for every one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from asc.computation import Computation
from asc.errors import AscError
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.scores import Scores, first_look, moved
from asc.validators.strict import Strict

Losses = NDArray[np.float64]
SLOPE = -0.01  # nats a step


class Network:
    """Losses by state; the sequences of every look differ in how hard they are. A state is its loss, or its losses."""

    def __init__(self, current: Any) -> None:
        self.current = current
        self.asked: list[tuple[bool, int]] = []
        self.broken: Exception | None = None

    def score(self, state: Any | None, look: int) -> Losses:
        self.asked.append((state is None, look))
        if state is not None and self.broken is not None:
            raise self.broken
        hardness = np.random.default_rng(look % 5).normal(0, 0.5, 8)
        loss = np.asarray(self.current if state is None else state, dtype=np.float64)
        return loss if loss.ndim else loss + hardness - hardness.mean()

    def gain_steps(self, improvement: float) -> float:
        return improvement / -SLOPE


def judge(validator: Validator, network: Network, state: Any, position: int = 100) -> Verdict:
    return validator.judge(cast(Computation, network), Candidate(position, 10, state, 0, "linear"))


def accepts(validator: Validator, current: float, candidate: float) -> bool:
    return judge(validator, Network(current), candidate).accepted


def paired() -> Paired:
    return Paired(Paired.Config(looks=2))


CRITERIA: dict[str, Callable[[], Validator]] = {
    "strict": Strict,
    "adaptive": Adaptive,
    "proximity": Proximity,
    "proximity, upper side": lambda: Proximity(Proximity.Config(epsilon=0.005, sided="upper")),
    "paired": paired,
}
every = pytest.mark.parametrize("make", CRITERIA.values(), ids=CRITERIA)


# What holds for all


@every
def test_a_little_better_is_accepted_at_what_it_is_worth(make: Callable[[], Validator]) -> None:
    verdict = judge(make(), Network(4.0), 3.9)
    assert verdict.accepted
    assert verdict.gain_steps == pytest.approx(10.0)
    assert verdict.reason.startswith("the held-out loss ")


@every
def test_much_worse_is_rejected_and_gains_nothing(make: Callable[[], Validator]) -> None:
    verdict = judge(make(), Network(4.0), 400.0)
    assert (verdict.accepted, verdict.gain_steps) == (False, 0.0)
    assert verdict.reason.startswith("the held-out loss ")


@every
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e200])
@pytest.mark.parametrize("where", [slice(None), slice(2, 3)], ids=["all", "one"])
def test_a_candidate_that_is_not_finite_is_rejected(make: Callable[[], Validator], broken: float, where: slice) -> None:
    losses = np.full(8, 1.0)
    losses[where] = broken
    verdict = judge(make(), Network(4.0), losses)
    assert (verdict.accepted, verdict.gain_steps) == (False, 0.0)
    assert verdict.reason.startswith(f"the candidate's held-out loss is {broken} on {np.full(8, 1)[where].size} of 8")


@every
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_nothing_is_compared_with_a_current_loss_that_is_not_finite(
    make: Callable[[], Validator], broken: float
) -> None:
    network = Network([4.0, broken])
    verdict = judge(make(), network, 1.0)
    assert (verdict.accepted, verdict.gain_steps) == (False, 0.0)
    assert verdict.reason.startswith(f"the current held-out loss is {broken} on 1 of 2")
    assert not any(not of_current for of_current, _ in network.asked)  # no forward is spent on the candidate


@every
def test_an_error_of_the_gate_comes_through_and_leaves_the_validator_usable(make: Callable[[], Validator]) -> None:
    validator, network = make(), Network(4.0)
    network.broken = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        judge(validator, network, 3.9)
    network.broken = None
    assert judge(validator, network, 3.9) == judge(make(), Network(4.0), 3.9)


@every
def test_both_are_scored_on_the_same_looks(make: Callable[[], Validator]) -> None:
    network = Network(4.0)
    judge(make(), network, 4.0)
    of_current = [look for is_current, look in network.asked if is_current]
    of_candidate = [look for is_current, look in network.asked if not is_current]
    assert of_current == of_candidate
    assert len(set(of_current)) == len(of_current)
    assert all(look >= 0 for look in of_current)


@every
def test_candidates_of_one_boundary_meet_the_same_sequences(make: Callable[[], Validator]) -> None:
    validator, first, second = make(), Network(4.0), Network(4.0)
    judge(validator, first, 3.9)
    judge(validator, second, 3.9)
    assert first.asked == second.asked


@every
def test_a_gain_that_the_backend_cannot_tell_is_none(make: Callable[[], Validator]) -> None:
    network = Network(4.0)
    network.gain_steps = lambda improvement: math.nan  # type: ignore[method-assign]
    verdict = judge(make(), network, 3.9)
    assert (verdict.accepted, verdict.gain_steps) == (True, 0.0)


@every
def test_held_out_losses_are_what_it_needs(make: Callable[[], Validator]) -> None:
    assert make().needs == {"losses"}


@every
@pytest.mark.parametrize("current", [4.0, 0.0, -1.5])
def test_a_candidate_that_changes_nothing_is_rejected_and_the_reason_says_so(
    make: Callable[[], Validator], current: float
) -> None:
    """Standing still gains nothing, however tolerant the criterion."""
    validator = make()
    for position in range(0, 100, 10):
        verdict = judge(validator, Network(current), current, position)
        assert verdict == Verdict(False, 0.0, "the candidate changes nothing: no held-out loss moved", 0.0)


@every
def test_a_change_of_a_single_loss_is_a_change(make: Callable[[], Validator]) -> None:
    verdict = judge(make(), Network([4.0, 4.0]), [4.0, math.nextafter(4.0, 0.0)])
    assert "changes nothing" not in verdict.reason


@every
@pytest.mark.parametrize(
    ("current", "candidate", "sentence"),
    [
        ([[1.0, 2.0]], 1.0, r"shape \(1, 2\) for look"),
        ([], 1.0, r"shape \(0,\) for look"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "2 losses for the current state and 3 for a candidate"),
    ],
)
def test_scores_of_the_wrong_shape_are_refused(
    make: Callable[[], Validator], current: Any, candidate: Any, sentence: str
) -> None:
    with pytest.raises(AscError, match=sentence):
        judge(make(), Network(current), candidate)


def test_the_fake_fulfils_the_protocol() -> None:
    assert isinstance(Network(1.0), Scores)
    assert not isinstance(object(), Scores)


# Looks and words


def test_the_rotation_is_a_function_of_the_position_that_visits_every_subset() -> None:
    looks = [first_look(position, rotate=True) for position in range(0, 2000, 50)]
    assert looks == [first_look(position, rotate=True) for position in range(0, 2000, 50)]
    for subsets in (2, 5, 8, 10):
        assert {look % subsets for look in looks} == set(range(subsets))
    assert first_look(150, rotate=False) == 0


@pytest.mark.parametrize(
    ("current", "candidate", "sentence"),
    [
        (4.81234, 4.80512, "the held-out loss fell from 4.8123 to 4.8051"),
        (4.81234, 5.0, "the held-out loss rose from 4.8123 to 5"),
        (4.81234, 4.81234, "the held-out loss stayed at 4.8123"),
        (4.8123411, 4.8123422, "the held-out loss rose from 4.812341 to 4.812342"),
        (6.667, 56629.4, "the held-out loss rose from 6.667 to 56629"),
    ],
)
def test_how_a_loss_moved_is_said_with_the_digits_that_it_takes(
    current: float, candidate: float, sentence: str
) -> None:
    assert moved(current, candidate) == sentence


@given(current=st.floats(-1e6, 1e6))
def test_the_smallest_move_is_seen(current: float) -> None:
    words = moved(current, math.nextafter(current, 1e7)).split()
    assert words[3] == "rose"
    assert words[5] != words[7]


# Strict


@given(current=st.floats(0.1, 10), candidate=st.floats(0.1, 10))
def test_strict_is_below(current: float, candidate: float) -> None:
    verdict = judge(Strict(), Network([current]), [candidate])
    assert verdict.accepted is (candidate < current)


def test_strict_rejects_what_stays() -> None:
    assert not accepts(Strict(), 4.0, 4.0)


# Proximity


@pytest.mark.parametrize(
    ("sided", "candidate", "accepted"),
    [
        ("both", 4.0001, True),
        ("both", 4.19, True),
        ("both", 4.21, False),
        ("both", 3.81, True),
        ("both", 3.79, False),
        ("upper", 4.19, True),
        ("upper", 4.21, False),
        ("upper", 3.79, True),
        ("upper", 0.01, True),
    ],
)
def test_proximity_bounds_one_side_or_two(sided: Any, candidate: float, accepted: bool) -> None:
    assert accepts(Proximity(Proximity.Config(sided=sided)), 4.0, candidate) is accepted


@given(current=st.floats(0.1, 10), share=st.floats(0, 0.5), epsilon=st.floats(0, 0.5))
def test_proximity_is_two_sided(current: float, share: float, epsilon: float) -> None:
    if abs(share - epsilon) > 1e-9 and share > 1e-9:
        validator = Proximity(Proximity.Config(epsilon=epsilon))
        above = judge(validator, Network([current]), [current * (1 + share)])
        below = judge(validator, Network([current]), [current * (1 - share)])
        assert above.accepted is below.accepted is (share < epsilon)


def test_a_worse_candidate_that_proximity_accepts_gains_less_than_nothing() -> None:
    verdict = judge(Proximity(), Network(4.0), 4.1)
    assert verdict.accepted
    assert verdict.gain_steps == pytest.approx(-10.0)


# Adaptive


def test_adaptive_is_strict_until_it_has_seen_enough() -> None:
    validator = Adaptive()
    assert not judge(validator, Network(4.0), 4.0001, position=0).accepted
    verdict = judge(validator, Network(4.2), 4.2001, position=50)
    assert not verdict.accepted
    assert "2 recent losses are too few" in verdict.reason
    assert judge(validator, Network(4.1), 4.1001, position=100).accepted


@pytest.mark.parametrize(("kappa", "candidate", "accepted"), [(1, 4.19, True), (1, 4.21, False), (2, 4.29, True)])
def test_adaptive_tolerates_kappa_deviations_of_recent_losses(kappa: float, candidate: float, accepted: bool) -> None:
    validator = Adaptive(Adaptive.Config(kappa=kappa))
    for position, current in enumerate([4.0, 4.2]):
        judge(validator, Network(current), 9.0, position)
    verdict = judge(validator, Network(4.1), candidate, 2)  # the deviation of 4.0, 4.2 and 4.1 is 0.1
    assert verdict.accepted is accepted
    assert f"where {kappa / 10:.3g} above is tolerated" in verdict.reason


def test_adaptive_counts_a_boundary_once() -> None:
    validator = Adaptive()
    for _ in range(5):
        verdict = judge(validator, Network(4.0), 4.1, position=0)
    assert "1 recent losses are too few" in verdict.reason


def test_adaptive_forgets_what_lies_outside_its_window() -> None:
    validator = Adaptive(Adaptive.Config(window=3))
    for position, current in enumerate([9.0, 1.0, 4.0, 4.0]):
        judge(validator, Network(current), 9.0, position)
    assert not judge(validator, Network(4.0), 4.001, 4).accepted


def test_adaptive_keeps_to_one_subset_unless_it_is_set_to_rotate() -> None:
    def looks(validator: Validator) -> set[int]:
        network = Network(4.0)
        for position in range(0, 500, 50):
            judge(validator, network, 4.0, position)
        return {look for _, look in network.asked}

    assert looks(Adaptive()) == {0}
    assert len(looks(Adaptive(Adaptive.Config(rotate=True)))) == 10
    assert len(looks(Strict())) == 10


@given(losses=st.lists(st.floats(1, 5), min_size=2, max_size=12), later=st.lists(st.floats(1, 5), max_size=5))
def test_adaptive_is_causal(losses: list[float], later: list[float]) -> None:
    def run(course: list[float]) -> list[Verdict]:
        validator = Adaptive()
        return [judge(validator, Network(loss), [2.0] * 8, 10 * i) for i, loss in enumerate(course)]

    assert run(losses + later)[: len(losses)] == run(losses)


def test_a_window_that_is_never_enough_is_refused() -> None:
    with pytest.raises(ValidationError, match="set window to 5 or more"):
        Adaptive.Config(least=5, window=4)
