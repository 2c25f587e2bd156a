"""Chains of predictions: where they end, what they cost, and how each link is judged."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc.cache import Cache
from asc.computation import Computation
from asc.errors import AscError
from asc.ledger import Ledger
from asc.plugins import load
from asc.predictor import History, Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.reference.descent import Descent
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.judged.speculator import JudgedSpeculator
from asc.testing.histories import WordHistory
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Combination, Decision, Direct, Outcome, Plan, Snapshot, Transition, Verdict
from asc.validator import Validator

EXACT = {"linear": Linear, "quadratic": Quadratic}


def cascade(name: str, step: int) -> Cascade:
    return Cascade(Cascade.Config(predictor=name, step=step), EXACT[name]())


def history(positions: list[int]) -> WordHistory:
    return WordHistory(positions, [{"x": position**3} for position in positions])


@given(
    st.sampled_from(sorted(EXACT)),
    st.lists(st.integers(1, 40), min_size=3, max_size=5),
    st.integers(1, 30),
    st.integers(1, 120),
)
def test_chains_of_exact_predictions_are_one_prediction(name: str, gaps: list[int], step: int, horizon: int) -> None:
    """The law: position-aware linear and quadratic chains end where one leap of the whole way does."""
    positions = [sum(gaps[:i]) for i in range(1, len(gaps) + 1)]
    whole, chained = EXACT[name]().predict(history(positions), horizon), cascade(name, step)
    assert chained.predict(history(positions), horizon) == whole


def test_a_chain_that_smooths_is_not_one_prediction() -> None:
    positions = [0, 10, 20, 30, 40]
    one, chained = (
        Polynomial(Polynomial.Config(degree=1, window=5)),
        Cascade(Cascade.Config(predictor="polynomial", step=10), Polynomial(Polynomial.Config(degree=1, window=5))),
    )
    whole, links = one.predict(history(positions), 40), chained.predict(history(positions), 40)
    assert whole is not None
    assert links is not None
    assert sum(links.coefficients) == 1
    assert whole != links


class Differences(Predictor):
    """Asks for the Gram matrix, and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        self.seen.append((history.positions, np.asarray(history.gram())))
        return Linear().predict(history, horizon)


def test_links_are_snapshots_with_inner_products_of_their_own() -> None:
    inner = Differences()
    words = [{"x": 1.0, "y": 5.0}, {"x": 3.0, "y": 4.0}]
    Cascade(Cascade.Config(step=10), inner).predict(WordHistory([0, 10], words), 30)
    grown = [*words, {"x": 5.0, "y": 3.0}, {"x": 7.0, "y": 2.0}]
    for (positions, gram), count in zip(inner.seen, (2, 3, 4), strict=True):
        expected = WordHistory([10 * i for i in range(count)], grown[:count])
        assert positions == expected.positions
        assert np.allclose(gram, expected.gram())


def test_links_are_where_it_says() -> None:
    assert list(Linear().links(60)) == [60]
    assert list(Cascade(Cascade.Config(step=25)).links(60)) == [25, 50, 60]
    assert list(Cascade(Cascade.Config(step=25)).links(25)) == [25]
    assert list(Cascade(Cascade.Config(step=25, judged="end")).links(100)) == [100]


def test_silent_where_a_link_is() -> None:
    assert cascade("quadratic", 5).predict(history([1, 2]), 20) is None


def test_a_cascade_looks_back_as_far_as_its_predictor() -> None:
    assert cascade("linear", 5).depth == 2
    assert cascade("quadratic", 5).depth == 3


def test_what_cannot_be_chained_is_refused() -> None:
    class Reads(Predictor):
        needs = frozenset({"words"})

        def predict(self, history: History, horizon: int) -> Direct:
            return Direct({})

    class States(Reads):
        needs = frozenset()

    class Updates(Linear):
        in_place = True

    with pytest.raises(AscError, match="and mine needs words: choose one that names coefficients, such as linear"):
        Cascade(Cascade.Config(predictor="mine"), Reads())
    with pytest.raises(AscError, match="A cascade looks ahead, and mine updates in place: choose another"):
        Cascade(Cascade.Config(predictor="mine"), Updates())
    with pytest.raises(AscError, match="mine answered with a state"):
        Cascade(Cascade.Config(predictor="mine"), States()).predict(history([1, 2]), 20)
    with pytest.raises(AscError, match='no predictor "nobody"'):
        load(environ={"ASC_LOAD_PLUGINS": ""}).registry.create("predictor", "cascade", {"predictor": "nobody"})


def test_it_is_made_of_any_registered_predictor() -> None:
    made = load(environ={"ASC_LOAD_PLUGINS": ""}).registry.create("predictor", "cascade", {"predictor": "quadratic"})
    positions = [0, 10, 20]
    assert made.predict(history(positions), 50) == Quadratic().predict(history(positions), 50)


class Upto(Validator):
    """Accepts links as far as a distance; keeps what each was compared with."""

    def __init__(self, distance: int) -> None:
        super().__init__()
        self.distance = distance
        self.asked: list[tuple[int, bool]] = []

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        self.asked.append((candidate.horizon, candidate.base is None))
        return Verdict(candidate.horizon <= self.distance, 3.0, "as asked", -0.5)


class Shelf(Cache):
    """A cache that only stores."""

    def __init__(self) -> None:
        self.kept: list[Transition] = []

    def insert(self, transition: Transition) -> bool:
        self.kept.append(transition)
        return True

    def lookup(self, computation: Computation, until: int | None = None) -> None:
        raise AssertionError("only the engine looks up")

    def discard(self, transition: Transition) -> None:
        raise AssertionError("only the engine discards")

    def clear(self) -> None:
        raise AssertionError("only the engine clears")

    def stats(self) -> dict[str, int]:
        return {}

    def __len__(self) -> int:
        return len(self.kept)


def judged(distance: int, how: str = "each") -> tuple[Decision, list[tuple[int, bool]], list[Transition]]:
    computation, snapshots = Descent(200), list[Snapshot]()
    for _ in range(2):
        snapshots.append(computation.observe())
        computation.advance(10)
    snapshots.append(computation.observe())
    predictor = Cascade(Cascade.Config(step=10, judged=how), Mean())  # type: ignore[arg-type]
    validator, shelf = Upto(distance), Shelf()
    ledger = Ledger(computation.take_price, timed=False)
    ledger.progress(20, 1.0)
    config = JudgedScheduler.Config(horizons=(40,))
    speculator = JudgedSpeculator({"cascade": predictor}, validator, ledger, config)
    decisions = speculator.speculate(computation, snapshots, 10, shelf)
    assert SegmentHistory(snapshots, computation).positions == (0, 10, 20)
    (decision,) = decisions
    return decision, validator.asked, shelf.kept


def test_each_link_is_judged_against_the_one_before() -> None:
    decision, asked, kept = judged(20)
    assert asked == [(10, True), (20, False), (30, False)]
    assert decision.outcome is Outcome.ACCEPTED
    assert decision.plan == Plan("cascade", 40)
    assert (decision.gain_steps, decision.change) == (6.0, -1.0)
    assert decision.reached == 20
    assert decision.reason == "link 2 of 4: as asked; rejected, link 3 of 4: as asked"
    assert [leap.steps for leap in kept] == [20]


def test_a_first_link_that_is_rejected_ends_it() -> None:
    decision, asked, kept = judged(5)
    assert asked == [(10, True)]
    assert decision.outcome is Outcome.REJECTED
    assert not kept


def test_judged_at_the_end_there_is_one_question() -> None:
    decision, asked, kept = judged(40, "end")
    assert asked == [(40, True)]
    assert decision.reason == "as asked"
    assert [leap.steps for leap in kept] == [40]


def test_coefficients_are_exact() -> None:
    found = cascade("linear", 7).predict(history([0, 3]), 100)
    assert found == Combination((Fraction(-100, 3), Fraction(103, 3)))
