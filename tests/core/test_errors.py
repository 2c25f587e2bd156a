"""What was raised, and where: the innermost line of whoever was called first."""

from __future__ import annotations

import numpy as np
import pytest

from asc.computation import Predictor
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.reference.programs import machine
from asc.speculators.guess import guess
from asc.testing.stand_ins import Raising
from asc.types import Attempt, Outcome, Plan


def deeper() -> None:
    raise KeyError("x")  # the line that is to be named


LINE = deeper.__code__.co_firstlineno + 1


def caught(call: object) -> BaseException:
    with pytest.raises(Exception) as found:  # noqa: PT011 -- whatever it is
        call()  # type: ignore[operator]
    return found.value


def test_the_innermost_line_of_whoever_was_called_is_named() -> None:
    assert describe_error(caught(deeper)) == f"KeyError: 'x' (test_raised.py, line {LINE})"


def test_a_library_that_raises_is_named_by_who_called_it() -> None:
    told = describe_error(caught(lambda: np.linalg.inv(np.zeros((2, 2)))))
    assert told.startswith("LinAlgError: Singular matrix (test_raised.py, line ")


def asked(predictor: Predictor) -> Attempt:
    computation = machine("count", 100)
    found = guess(computation, [computation.observe()], Plan("bad", 1, 1), {"bad": predictor}, Ledger(exact=True))
    assert isinstance(found, Attempt)
    return found


def test_what_asc_itself_raises_has_no_place() -> None:
    assert asked(Raising()).reason == "RuntimeError: this predictor always raises"


@pytest.mark.parametrize(
    ("answer", "kind"), [({"n": 1}, "a dict"), (3, "an int"), ((1.0, 2.0), "a tuple"), (False, "a bool")]
)
def test_an_answer_that_is_no_prediction_is_said_to_be_none(answer: object, kind: str) -> None:
    class Bad:
        needs: frozenset[str] = frozenset()

        def predict(self, history: object, horizon: int) -> object:
            return answer

    attempt = asked(Bad())  # type: ignore[arg-type]
    assert attempt.outcome is Outcome.FAILED
    assert attempt.reason == f"bad answered {kind}; expected asc.Combination, asc.Direct or None"
