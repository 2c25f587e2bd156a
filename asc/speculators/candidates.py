"""The first half of every speculation: ask the predictor, and carry its prediction out as a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from asc import answers
from asc.calls import call
from asc.computation import Computation
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Decision, Direct, Outcome, Plan, Prediction, Snapshot


def predict(
    computation: Computation,
    history: Sequence[Snapshot],
    plan: Plan,
    predictors: Mapping[str, Predictor],
    ledger: Ledger,
) -> Candidate | Decision:
    """Return a candidate, or the decision that settles the plan: the predictor was silent, or raised."""
    return predict_all(computation, history, (plan,), predictors, ledger)[0]


def predict_all(
    computation: Computation,
    history: Sequence[Snapshot],
    plans: Sequence[Plan],
    predictors: Mapping[str, Predictor],
    ledger: Ledger,
) -> list[Candidate | Decision]:
    """Return the same for several plans of one predictor, which is asked once."""
    with ledger.work("predict"):
        try:
            predictor = predictors[plans[0].predictor]
            segment = SegmentHistory(history, computation, predictor.needs)
            predictions = _ask(predictor, segment, plans)
        except Exception as error:  # noqa: BLE001 -- a predictor is foreign code, and must never end the run
            made = [_Made(None, describe_error(error))] * len(plans)
        else:
            made = [_make(computation, history, *pair) for pair in zip(plans, predictions, strict=True)]
    return [_settled(computation, *pair) for pair in zip(plans, made, strict=True)]


class _Made(NamedTuple):
    """What a prediction was carried out as."""

    candidate: Candidate | None
    failed: str = ""
    doubt: str = ""


def _ask(predictor: Predictor, segment: SegmentHistory, plans: Sequence[Plan]) -> Sequence[Prediction | None]:
    title = f'the predictor "{plans[0].predictor}"'
    if len(plans) == 1:
        return [answers.prediction(call(title, predictor.predict, segment, plans[0].horizon))]
    horizons = [plan.horizon for plan in plans]
    return answers.several(call(title, predictor.predict_all, segment, horizons), len(plans))


def _make(computation: Computation, history: Sequence[Snapshot], plan: Plan, prediction: Prediction | None) -> _Made:
    if prediction is None:
        return _Made(None)
    doubt = ""
    try:
        if isinstance(prediction, Direct) and "words" in computation.provides:
            doubt = answers.words(prediction.state, computation.read("words", history[-1:])[0])
        return _Made(computation.materialise(prediction, history, plan), doubt=doubt)
    except Exception as error:  # noqa: BLE001 -- as above
        return _Made(None, describe_error(error))


def _settled(computation: Computation, plan: Plan, made: _Made) -> Candidate | Decision:
    candidate, failed, doubt = made
    if candidate is not None:
        answers.instance("materialise", candidate, Candidate, "asc.Candidate or None")
    if computation.group.any(bool(failed)):
        return Decision(plan, Outcome.FAILED, reason=failed or "it raised in another process of the run")
    if candidate is None:
        return Decision(plan, Outcome.SILENT)
    return candidate._replace(doubt=doubt) if doubt else candidate
