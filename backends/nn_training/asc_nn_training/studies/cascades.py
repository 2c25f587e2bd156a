"""Several leaps from one snapshot: the paper's chain of predictions, and the published code's with steps between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from asc.predictor import Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc.types import Snapshot
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded
from asc_nn_training.studies.candidates import gate_loss, make_candidate, steps_left
from asc_nn_training.training.training import NonFiniteError

NO_LEAP = "no leap"
KINDS = (
    ("momentum-as-coded", False),
    ("momentum", False),
    ("linear", False),
    ("quadratic", False),
    ("momentum-as-coded", True),
    ("momentum", True),
    ("linear", True),  # a parabola would need one more snapshot than there is between two leaps
    (NO_LEAP, True),  # the control: the same fresh optimisers, without leaps
)
"""Forms, and whether real steps are taken between their links."""
GRID = ((4, 25), (2, 50), (10, 10))  # (D, K): D links of K steps each; Leap+Verify, section 4.2


def run_cascades(
    computation: TrainingComputation, history: Sequence[Snapshot], check: Callable[[], None]
) -> list[dict[str, Any]]:
    """Run every cascade from the newest snapshot, and return the results; the computation stays as it is.

    A cascade beyond the last step is marked with `past_end`, and not run. `steps` is the number of real steps of a
    cascade. `check` is called before each cascade, and may raise.
    """
    found: list[dict[str, Any]] = []
    left = steps_left(computation)
    for depth, step in GRID:
        for form, real in KINDS:
            kind: dict[str, Any] = {"form": form, "depth": depth, "step": step, "real": real}
            if depth * step > left:
                found.append(kind | {"past_end": True})
                continue
            check()
            predictor = _predictors(step)[form]
            if real:
                with computation.excursion():
                    found.append(kind | _with_steps(computation, history, predictor, depth, step))
            elif predictor is not None:
                found.append(kind | _chained(computation, history, predictor, depth, step))
    return found


def _predictors(step: int) -> dict[str, Predictor | None]:
    """By form. With held moments, a chain of momentum predictions is one prediction over the whole distance."""
    return {
        "momentum-as-coded": MomentumAsCoded(),
        "momentum": Momentum(),
        "linear": Cascade(Cascade.Config(step=step), Linear()),
        "quadratic": Cascade(Cascade.Config(step=step), Quadratic()),
        NO_LEAP: None,
    }


def _chained(
    computation: TrainingComputation, history: Sequence[Snapshot], predictor: Predictor, depth: int, step: int
) -> dict[str, Any]:
    """Judge each link against the one before, strictly, up to the first rejected one."""
    losses = [gate_loss(computation)]
    for link in range(1, depth + 1):
        candidate = make_candidate(computation, predictor, link * step, history)
        if candidate is None:
            return {"silent": True, "steps": 0}
        losses.append(gate_loss(computation, candidate.state))
        if not losses[-1] < losses[-2]:
            break
    return {"losses": losses, "links": _accepted(pairwise(losses)), "steps": 0}


def _with_steps(
    computation: TrainingComputation,
    history: Sequence[Snapshot],
    predictor: Predictor | None,
    depth: int,
    step: int,
) -> dict[str, Any]:
    """Leap K steps, then train K steps with a fresh AdamW, D times, up to the first rejected leap.

    `leapt` has the losses before and after each leap, and `trained` the loss after each K real steps, of which there
    are fewer if training led to a loss that is not finite. Without a predictor there are no leaps. The weights stay
    where the cascade ends.
    """
    snapshots, leapt, trained, taken = list(history), list[tuple[float, float]](), list[float](), 0
    try:
        for _ in range(depth):
            if predictor is not None:
                candidate = make_candidate(computation, predictor, step, snapshots)
                if candidate is None:
                    return {"silent": True, "steps": taken}
                before = trained[-1] if trained else gate_loss(computation)
                leapt.append((before, gate_loss(computation, candidate.state)))
                if not leapt[-1][1] < leapt[-1][0]:
                    break
                candidate.state.put(computation.weights, computation.present())
            computation.training.optimizer.state.clear()
            computation.changed()
            snapshots = [computation.observe()]
            for _ in range(step):
                computation.training.step()
                taken += 1
            computation.changed()
            snapshots.append(computation.observe())
            trained.append(gate_loss(computation))
    except NonFiniteError:
        pass
    links = depth if predictor is None else _accepted(leapt)
    return {"leapt": leapt, "trained": trained, "links": links, "steps": taken}


def _accepted(pairs: Iterable[tuple[float, float]]) -> int:
    """Return how many of the pairs of losses, before and after a link, are falls."""
    return sum(after < before for before, after in pairs)
