"""Leaps in a row from one snapshot: the paper's chain of predictions, and the published code's with steps between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from asc.computation import Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc.trajectory import SegmentHistory
from asc.types import Plan, Snapshot
from asc_nn_training.backend import Session
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded
from asc_nn_training.studies.recipe import JUDGING
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.weights.proposal import Proposal

NO_LEAP = "no leap"
KINDS = (
    ("momentum-as-coded", False),
    ("momentum", False),
    ("linear", False),
    ("quadratic", False),
    ("momentum-as-coded", True),
    ("momentum", True),
    ("linear", True),  # a parabola has too few points there
    (NO_LEAP, True),  # the control: the same fresh optimisers, and nothing else
)
"""Forms, and whether real steps are taken between their links."""
GRID = ((4, 25), (2, 50), (10, 10))  # (D, K): D links of K steps each; Leap+Verify, section 4.2


def cascades(session: Session, history: Sequence[Snapshot], check: Callable[[], None]) -> list[dict[str, Any]]:
    """Try every cascade from here; the training stays as it is. Those that lead past the end are marked as such.

    `steps` is how many real steps one took. `check` is called before each, and may raise.
    """
    found: list[dict[str, Any]] = []
    left = session.total() - session.position()
    for depth, step in GRID:
        for form, real in KINDS:
            told: dict[str, Any] = {"form": form, "depth": depth, "step": step, "real": real}
            if depth * step > left:
                found.append(told | {"past_end": True})
                continue
            check()
            predictor = _predictors(step)[form]
            if real:
                with session.excursion():
                    found.append(told | _with_steps(session, history, predictor, depth, step))
            elif predictor is not None:
                found.append(told | _chained(session, history, predictor, depth, step))
    return found


def _predictors(step: int) -> dict[str, Predictor | None]:
    """By form. A chain of predictions is one prediction of the whole way where the moments are held."""
    return {
        "momentum-as-coded": MomentumAsCoded(),
        "momentum": Momentum(),
        "linear": Cascade(Cascade.Config(step=step), Linear()),
        "quadratic": Cascade(Cascade.Config(step=step), Quadratic()),
        NO_LEAP: None,
    }


def _chained(
    session: Session, history: Sequence[Snapshot], predictor: Predictor, depth: int, step: int
) -> dict[str, Any]:
    """Judge each link against the one before, strictly, up to the first that is refused."""
    losses = [_loss(session, None)]
    for link in range(1, depth + 1):
        proposal = _proposal(session, history, predictor, link * step)
        if proposal is None:
            return {"silent": True, "steps": 0}
        losses.append(_loss(session, proposal))
        if not losses[-1] < losses[-2]:
            break
    return {"losses": losses, "links": sum(after < before for before, after in pairwise(losses)), "steps": 0}


def _with_steps(
    session: Session, history: Sequence[Snapshot], predictor: Predictor | None, depth: int, step: int
) -> dict[str, Any]:
    """Leap K steps, then train K with a fresh AdamW, D times over, up to the first leap that is refused.

    `leapt` has the loss before and after each leap, `trained` that after each stretch of real steps. Without a
    predictor nothing is leapt. The weights stay where this ends.
    """
    learnt, leapt, trained, taken = list(history), list[tuple[float, float]](), list[float](), 0
    try:
        for _ in range(depth):
            if predictor is not None:
                proposal = _proposal(session, learnt, predictor, step)
                if proposal is None:
                    return {"silent": True, "steps": taken}
                before = trained[-1] if trained else _loss(session, None)
                leapt.append((before, _loss(session, proposal)))
                if not leapt[-1][1] < leapt[-1][0]:
                    break
                proposal.put(session.weights, session.present())
            session.training.optimizer.state.clear()
            session.changed()
            learnt = [session.observe()]
            for _ in range(step):
                session.training.step()
                taken += 1
            session.changed()
            learnt.append(session.observe())
            trained.append(_loss(session, None))
    except NonFiniteError:
        pass  # told by what is missing from `trained`
    links = depth if predictor is None else sum(after < before for before, after in leapt)
    return {"leapt": leapt, "trained": trained, "links": links, "steps": taken}


def _proposal(session: Session, history: Sequence[Snapshot], predictor: Predictor, horizon: int) -> Proposal | None:
    prediction = predictor.predict(SegmentHistory(history, session), horizon)
    candidate = None if prediction is None else session.materialise(prediction, history, Plan("cascade", horizon))
    if candidate is None:
        return None
    proposal: Proposal = candidate.state
    return proposal


def _loss(session: Session, proposal: Proposal | None) -> float:
    return float(session.score(proposal, JUDGING).mean())
