"""The paired test: how often it accepts noise, how often it finds a gain, and how soon it stops."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from asc.computation import Computation
from asc.errors import AscError
from asc.types import Candidate, Verdict
from asc.validators.paired import Paired, split
from asc.validators.student import lower_tail

Losses = NDArray[np.float64]


class Gate:
    """Subsets of a gate set, each with the current losses and the differences that a candidate makes."""

    def __init__(self, differences: Any) -> None:
        self.differences = np.asarray(differences, dtype=np.float64)  # (subsets, sequences)
        self.looked = 0

    def score(self, state: Any | None, look: int) -> Losses:
        self.looked += state is not None
        current: Losses = 4.0 + np.arange(self.differences.shape[1], dtype=np.float64) % 7
        return current if state is None else np.add(current, self.differences[look % len(self.differences)])

    def gain_steps(self, improvement: float) -> float:
        return 100 * improvement


def judge(gate: Gate, rivals: int = 1, **settings: Any) -> Verdict:
    validator = Paired(Paired.Config(**settings))
    return validator.judge(cast(Computation, gate), Candidate(0, 10, "state", 0, "linear", rivals))


def noise(runs: int, sequences: int = 8, subsets: int = 4) -> Losses:
    return np.random.default_rng(42).normal(0, 0.01, (runs, subsets, sequences))


def accepted_share(draws: Losses, **settings: Any) -> float:
    return sum(judge(Gate(draw), rotate=False, **settings).accepted for draw in draws) / len(draws)


def at_most(alpha: float, runs: int) -> float:
    """A share that a rate of alpha exceeds once in about 700 times."""
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("settings", [{}, {"futility": 0}, {"alpha": 0.2, "futility": 0}, {"looks": 1}])
@pytest.mark.parametrize("sequences", [2, 8])
def test_noise_is_accepted_at_most_as_often_as_promised(sequences: int, settings: dict[str, float]) -> None:
    draws, alpha = noise(2000, sequences), settings.get("alpha", 0.05)
    share = accepted_share(draws, **settings)
    assert share <= at_most(alpha, len(draws))
    assert share >= alpha / 4  # nor is the promise kept by hardly ever accepting


def test_a_candidate_that_ruins_few_sequences_is_not_let_through() -> None:
    """No better on average, a little better on most sequences, much worse on some: the plain t test accepts 10 %."""
    draws = np.random.default_rng(5).exponential(0.01, (2000, 4, 8)) - 0.01
    assert accepted_share(draws) <= at_most(0.05, len(draws))
    plain = sum(
        lower_tail(d.mean() / d.std(ddof=1) * math.sqrt(d.size), d.size - 1) <= 0.05 for d in draws.reshape(-1, 32)
    )
    assert plain / len(draws) > at_most(0.05, len(draws))


def test_looking_four_times_without_a_correction_would_break_the_promise() -> None:
    """The check above can fail: the same draws, each look judged as if it were the only one."""
    draws, wrong = noise(2000), 0
    for draw in draws:
        looks = [draw[:n].ravel() for n in range(1, 5)]
        ts = [seen.mean() / seen.std(ddof=1) * math.sqrt(seen.size) for seen in looks]
        wrong += any(lower_tail(t, seen.size - 1) <= 0.05 for t, seen in zip(ts, looks, strict=True))
    assert wrong / len(draws) > at_most(0.05, len(draws))


def test_candidates_of_one_boundary_share_the_promise() -> None:
    """Of five candidates that are all noise, one or more passes at most as often as alpha."""
    draws = noise(5000).reshape(1000, 5, 4, 8)

    def share(rivals: int) -> float:
        return sum(any(judge(Gate(d), rivals, rotate=False).accepted for d in row) for row in draws) / len(draws)

    assert share(rivals=5) <= at_most(0.05, len(draws))
    assert share(rivals=1) > at_most(0.05, len(draws))


def test_a_worse_candidate_is_accepted_even_less_often() -> None:
    assert accepted_share(noise(500) + 0.005) < 0.005


def test_a_margin_moves_the_promise() -> None:
    """A candidate that is worse by the margin is accepted at most as often as promised, and an equal one mostly."""
    draws = noise(1000)
    assert accepted_share(draws + 0.02, margin=0.02) <= at_most(0.05, len(draws))
    assert accepted_share(draws, margin=0.02) > 0.99
    told = judge(Gate(draws[0] + 0.001), margin=0.02)
    assert told.accepted
    assert "a margin of 0.02" in told.reason
    assert told.change == pytest.approx(0.001, abs=0.01)


@pytest.mark.parametrize(("effect", "power"), [(0.5, 0.65), (0.75, 0.92), (1.5, 0.999)])
def test_a_gain_is_found(effect: float, power: float) -> None:
    """32 sequences, the gain given in standard deviations of a difference."""
    assert accepted_share(noise(500) - effect * 0.01) >= power


def test_giving_up_early_costs_little_power() -> None:
    draws = noise(1000) - 0.6 * 0.01
    assert accepted_share(draws, futility=0) - accepted_share(draws) < 0.05


def test_clear_cases_are_cheap() -> None:
    def looks(draws: Losses, **settings: Any) -> float:
        gates = [Gate(draw) for draw in draws]
        for gate in gates:
            judge(gate, rotate=False, **settings)
        return sum(gate.looked for gate in gates) / len(gates)

    draws = noise(300)
    assert looks(draws - 0.05) < 1.5  # five deviations better
    assert looks(draws + 0.05) == 1  # as much worse
    assert looks(draws) < 2.6  # noise
    assert looks(draws, futility=0) > 3.8


def test_the_verdict_says_what_it_saw() -> None:
    gate = Gate([[-0.03, -0.01] * 4] * 4 + noise(1)[0] / 1000)
    verdict = judge(gate, rotate=False)
    assert verdict.accepted
    assert gate.looked == 2
    assert verdict.reason.startswith("the held-out loss moved by -0.02")
    assert "over 16 sequences (look 2 of 4, p = " in verdict.reason
    assert verdict.gain_steps == pytest.approx(2.0, rel=0.02)
    verdict = judge(Gate(-gate.differences), rotate=False)
    assert not verdict.accepted
    assert "moved by +0.02" in verdict.reason
    assert verdict.reason.endswith("not worth another look")


def test_subsets_in_a_row_are_looked_at_from_a_start_that_rotates() -> None:
    class Noting(Gate):
        def score(self, state: Any | None, look: int) -> Losses:
            looks.append(look)
            return super().score(state, look)

    starts = set()
    for position in (0, 50, 100):
        looks: list[int] = []
        candidate = Candidate(position, 10, "state", 0, "linear")
        Paired(Paired.Config(futility=0)).judge(cast(Computation, Noting(noise(1)[0])), candidate)
        assert looks == [looks[0] + i // 2 for i in range(8)]
        starts.add(looks[0])
    assert len(starts) == 3


def test_differences_that_are_all_alike_are_judged_by_their_number() -> None:
    """They show no spread, and two of them would otherwise be infinite evidence."""
    assert not judge(Gate([[-0.1, -0.1]]), looks=1).accepted  # 1 in 4
    assert judge(Gate([[-0.1] * 5]), looks=1).accepted  # 1 in 32
    assert not judge(Gate([[0.1] * 50]), looks=1).accepted
    assert not judge(Gate([[0.0] * 50]), looks=1).accepted


def test_a_gate_that_repeats_itself_is_no_evidence() -> None:
    """One subset looked at four times would count every sequence four times."""
    draws = noise(2000, subsets=1)
    assert accepted_share(draws, futility=0) <= at_most(0.05, len(draws))
    verdict = judge(Gate(draws[0]), futility=0)
    assert "over 8 sequences (look 4 of 4" in verdict.reason


def test_one_sequence_a_look_is_enough_from_the_second_look_on() -> None:
    gate = Gate(-0.02 + np.array([[0.001], [-0.001], [0.0005], [-0.0004]]))
    assert judge(gate).accepted
    with pytest.raises(AscError, match="needs 2 different held-out sequences or more, and looks=1 gave 1"):
        judge(gate, looks=1)


def test_a_broken_loss_at_any_look_rejects() -> None:
    draw = noise(1)[0]
    draw[2, 3] = math.nan
    verdict = judge(Gate(draw), rotate=False, futility=0)
    assert not verdict.accepted
    assert "nan on 1 of 8 sequences" in verdict.reason


@given(alpha=st.floats(1e-4, 0.49), looks=st.integers(1, 40))
def test_the_looks_share_alpha_and_no_more(alpha: float, looks: int) -> None:
    shares = split(alpha, looks)
    assert len(shares) == looks
    assert all(share >= 0 for share in shares)
    assert sum(shares) == pytest.approx(alpha, rel=1e-12)


def test_early_looks_get_little() -> None:
    first, second, third, last = split(0.05, 4)
    assert first == pytest.approx(8.86e-5, rel=1e-2)  # 2 - 2 Phi(1.95996 / sqrt(1/4))
    assert first < second < third < last
    assert split(0.05, 1) == (0.05,)
