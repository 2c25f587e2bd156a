"""An exception is described by its type, its message and the line at fault: the innermost of the code called first."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from asc.errors import WrongAnswerError, describe_error, what_it_did
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.reference.programs import machine
from asc.speculators.candidates import predict
from asc.testing.stand_ins import Raising
from asc.types import Decision, Outcome, Plan


def deeper() -> None:
    raise KeyError("x")  # the line that is to be named


LINE = deeper.__code__.co_firstlineno + 1


def caught(call: object) -> BaseException:
    with pytest.raises(Exception) as found:  # noqa: PT011 -- whatever it is
        call()  # type: ignore[operator]
    return found.value


def test_the_innermost_line_of_the_code_that_was_called_is_named() -> None:
    assert describe_error(caught(deeper)) == f"KeyError: 'x' (test_errors.py, line {LINE})"


def test_a_library_that_raises_is_named_by_the_line_that_called_it() -> None:
    described = describe_error(caught(lambda: np.linalg.inv(np.zeros((2, 2)))))
    assert described.startswith("LinAlgError: Singular matrix (test_errors.py, line ")


@pytest.mark.parametrize("loader", ["importlib.metadata", "importlib_metadata", "runpy"])
def test_what_loads_a_plugin_is_not_named(loader: str) -> None:
    own: dict[str, Any] = {"__name__": loader}
    exec("def load(call): call()", own)
    error = caught(lambda: own["load"](deeper))
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals["__name__"] != loader:
        trace = trace.tb_next
    assert describe_error(error.with_traceback(trace)) == f"KeyError: 'x' (test_errors.py, line {LINE})"


def test_an_exception_that_a_worker_raised_names_no_line_of_its_transport() -> None:
    future: Future[None] = Future()
    future.set_exception(AttributeError("cannot find the class"))
    with pytest.raises(AttributeError) as found:
        future.result()
    assert "_base.py" not in describe_error(found.value)


def asked(predictor: Predictor) -> Decision:
    computation = machine("count", 100)
    ledger = Ledger(computation.take_price, timed=True)
    found = predict(computation, [computation.observe()], Plan("bad", 1, 1), {"bad": predictor}, ledger)
    assert isinstance(found, Decision)
    return found


def test_what_asc_itself_raises_has_no_place() -> None:
    assert asked(Raising()).reason == "RuntimeError: this predictor always raises"


@pytest.mark.parametrize("answer", [{"n": 1}, 3, (1.0, 2.0), False])
def test_an_answer_that_is_no_prediction_is_said_to_be_none(answer: object) -> None:
    class Bad(Predictor):
        def predict(self, history: object, horizon: int) -> Any:
            return answer

    decision = asked(Bad())
    assert decision.outcome is Outcome.FAILED
    assert decision.reason == f"it answered {answer!r} in predict; expected asc.Combination, asc.Direct or None"


def test_the_module_of_a_plugin_file_has_the_name_that_its_author_knows() -> None:
    error = AttributeError("module '_asc_plugin_0123456789ab_my_file' has no attribute 'Q'")
    assert describe_error(error) == "AttributeError: module 'my_file' has no attribute 'Q'"


def test_a_wrong_answer_is_described_without_its_type() -> None:
    error = WrongAnswerError("answered 3 in predict; expected a prediction")
    assert describe_error(error) == "it answered 3 in predict; expected a prediction"
    assert what_it_did(error) == "answered 3 in predict; expected a prediction"
    assert what_it_did(ValueError("no")) == "raised ValueError: no"
