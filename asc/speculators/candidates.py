"""The first half of every speculation: ask the predictor, and carry its prediction out as a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asc import answers
from asc.calls import call
from asc.computation import Computation
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Decision, Direct, Outcome, Plan, Snapshot


def predict(
    computation: Computation,
    history: Sequence[Snapshot],
    plan: Plan,
    predictors: Mapping[str, Predictor],
    ledger: Ledger,
) -> Candidate | Decision:
    """Return a candidate, or the decision that settles the plan: the predictor was silent, or raised."""
    candidate, failed, doubt = None, "", ""
    with ledger.work("predict"):
        try:
            predictor = predictors[plan.predictor]
            segment = SegmentHistory(history, computation, predictor.needs)
            answer = call(f'the predictor "{plan.predictor}"', predictor.predict, segment, plan.horizon)
            prediction = answers.prediction(answer)
            if isinstance(prediction, Direct) and "words" in computation.provides:
                doubt = answers.words(prediction.state, computation.read("words", history[-1:])[0])
            if prediction is not None:
                candidate = computation.materialise(prediction, history, plan)
        except Exception as error:  # noqa: BLE001 -- a predictor is foreign code, and must never end the run
            failed = describe_error(error)
    if candidate is not None:
        answers.instance("materialise", candidate, Candidate, "asc.Candidate or None")
    if computation.group.any(bool(failed)):
        return Decision(plan, Outcome.FAILED, reason=failed or "it raised in another process of the run")
    if candidate is None:
        return Decision(plan, Outcome.SILENT)
    return candidate._replace(doubt=doubt) if doubt else candidate
