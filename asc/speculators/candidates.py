"""The first half of every speculation: ask the predictor, and carry its prediction out as a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asc.computation import Computation
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Combination, Decision, Direct, Outcome, Plan, Snapshot


def predict(
    computation: Computation,
    history: Sequence[Snapshot],
    plan: Plan,
    predictors: Mapping[str, Predictor],
    ledger: Ledger,
) -> Candidate | Decision:
    """Return a candidate, or the decision that settles the plan: the predictor was silent, or raised."""
    candidate, failed = None, ""
    with ledger.work("predict"):
        try:
            predictor = predictors[plan.predictor]
            prediction = predictor.predict(SegmentHistory(history, computation, predictor.needs), plan.horizon)
            failed = _unexpected(plan.predictor, prediction)
            if prediction is not None and not failed:
                candidate = computation.materialise(prediction, history, plan)
        except Exception as error:  # noqa: BLE001 -- a predictor is foreign code, and must never end the run
            failed = describe_error(error)
    if computation.group.any(bool(failed)):
        return Decision(plan, Outcome.FAILED, reason=failed or "it raised in another process of the run")
    return candidate or Decision(plan, Outcome.SILENT)


def _unexpected(name: str, answer: object) -> str:
    """Say that an answer is no prediction; nothing where it is one, or None."""
    if isinstance(answer, Combination | Direct | None):
        return ""
    kind = type(answer).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    return f"{name} answered {article} {kind}; expected asc.Combination, asc.Direct or None"
