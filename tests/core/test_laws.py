"""The laws as they ship, on the two reference computations."""

from __future__ import annotations

from asc.computation import Computation
from asc.testing.laws import ExactLaws, JudgedLaws
from asc.testing.problems import Descent, machine


class TestCounting(ExactLaws):
    def computation(self) -> Computation:
        return machine("count", steps=400)


class TestMixed(ExactLaws):
    def computation(self) -> Computation:
        return machine("mixed", steps=400)


class TestCollatz(ExactLaws):
    every = 20

    def computation(self) -> Computation:
        return machine("collatz", steps=900)


class TestUnpredictable(ExactLaws):
    def computation(self) -> Computation:
        return machine("digest", steps=400)


class TestDescent(JudgedLaws):
    def computation(self) -> Computation:
        return Descent(steps=400)


class TestExpensiveDescent(JudgedLaws):
    every = 3
    horizons = (0, 2, 11)

    def computation(self) -> Computation:
        return Descent(steps=300, prices={"observe": 1.0, "predict": 2.0, "validate": 9.0, "apply": 0.5})
