"""The defaults of a computation: what a backend need not write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asc.computation import Computation
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.types import Combination


@pytest.mark.parametrize("make", [lambda: machine("count", 100, dispatch=3.0), lambda: Descent(100)])
@pytest.mark.parametrize("work", ["observe", "predict", "validate", "dispatch", "apply", "unheard of"])
def test_a_price_is_the_same_however_often_it_is_asked_for(make: Callable[[], Computation], work: str) -> None:
    computation = make()
    before = computation.digest()
    prices = {computation.price(work) for _ in range(3)} | {computation.take_price(work) for _ in range(3)}
    assert len(prices) == 1
    assert computation.digest() == before


class Owing(Descent):
    """Owes what it has done since it was last paid, as a backend does that counts its own passes."""

    owed = 0.0

    def price(self, work: str) -> float:
        return self.owed

    def take_price(self, work: str) -> float:
        owed, self.owed = self.owed, 0.0
        return owed


def test_what_is_owed_is_paid_once() -> None:
    computation = Owing(100)
    computation.owed = 2.5
    assert (computation.price("validate"), computation.price("validate")) == (2.5, 2.5)
    assert (computation.take_price("validate"), computation.take_price("validate")) == (2.5, 0.0)
    assert computation.price("validate") == 0.0


class Bare(Computation):
    """Only what every computation must have."""

    def position(self) -> int:
        return 0

    def finished(self) -> bool:
        return True

    def advance(self, max_steps: int, record: bool = False) -> None:  # type: ignore[override]
        """Never called here."""

    def observe(self) -> None:  # type: ignore[override]
        """Never called here."""

    def snapshot(self) -> None:  # type: ignore[override]
        """Never called here."""

    def restore(self, snapshot: object) -> None:
        """Never called here."""

    def materialise(self, prediction: object, history: object, plan: object) -> None:
        """Never called here."""

    def agrees(self, transition: object) -> bool:
        return False

    def apply(self, transition: object) -> None:
        """Never called here."""

    def digest(self) -> str:
        return ""


def test_a_computation_that_states_the_least_has_answers_for_the_rest() -> None:
    bare = Bare()
    assert bare.total() is None
    assert bare.provides == frozenset()
    assert (bare.price("observe"), bare.take_price("observe")) == (0.0, 0.0)
    assert bare.measures() == {}
    assert bare.key(("a", "b")) == (None, None)
    assert bare.on_step is None
    assert bare.may_leap
    bare.stop()
    with pytest.raises(LookupError, match="Bare provides nothing to read, and was asked for words"):
        bare.read("words", ())
    with pytest.raises(NotImplementedError, match="Bare has no gram"):
        bare.gram(())


def test_a_method_that_is_missing_is_found_at_once() -> None:
    class Incomplete(Computation):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()  # type: ignore[abstract]


def test_a_combination_names_the_newest_snapshots() -> None:
    assert Combination((1, 2)).of("abcd") == "cd"
    with pytest.raises(ValueError, match="3 coefficients were given for 2 snapshots"):
        Combination((1, 2, 3)).of("ab")
