"""The first half of every speculation: ask the predictor, and carry its answer out as a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asc.computation import Computation, Needs, Predictor
from asc.errors import AscError, describe_error
from asc.ledger import Ledger
from asc.trajectory import SegmentHistory
from asc.types import Attempt, Candidate, Combination, Direct, Outcome, Plan, Snapshot


def guess(
    computation: Computation,
    history: Sequence[Snapshot],
    plan: Plan,
    predictors: Mapping[str, Predictor],
    ledger: Ledger,
) -> Candidate | Attempt:
    """Return a candidate, or the attempt that already ended: the predictor was silent, or raised."""
    since = ledger.clock()
    try:
        prediction = predictors[plan.predictor].predict(SegmentHistory(history, computation), plan.horizon)
        answer: object = prediction  # whatever the types promise
        if not isinstance(answer, Combination | Direct | None):
            return Attempt(plan, Outcome.FAILED, reason=_unexpected(plan.predictor, answer))
        candidate = None if prediction is None else computation.materialise(prediction, history, plan)
    except Exception as error:  # noqa: BLE001 -- a predictor is anybody's code, and must never end the run
        return Attempt(plan, Outcome.FAILED, reason=describe_error(error))
    finally:
        ledger.charge("predict", since, computation.cost("predict"))
    return candidate or Attempt(plan, Outcome.SILENT)


def _unexpected(name: str, answer: object) -> str:
    kind = type(answer).__name__
    article = "an" if kind[0].lower() in "aeiou" else "a"
    return f"{name} answered {article} {kind}; expected asc.Combination, asc.Direct or None"


def require_needs(kind: str, components: Mapping[str, object], computation: Computation) -> None:
    """Refuse, before the run, a predictor or recognizer that the backend cannot serve."""
    for name, component in components.items():
        missing = sorted(component.needs - computation.provides) if isinstance(component, Needs) else []
        if missing:
            offered = ", ".join(sorted(computation.provides)) or "nothing but snapshots"
            raise AscError(
                f"The {kind} {name!r} needs {', '.join(missing)}, which this backend does not provide (it offers "
                f"{offered}). Choose another; `asc plugins` lists them."
            )
