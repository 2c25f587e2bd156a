"""What every study asks of a training: a predictor's candidate, a held-out loss, the steps that are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asc.predictor import History, Predictor
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Plan, Snapshot
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.studies.recipe import JUDGING


def make_candidate(
    computation: TrainingComputation,
    predictor: Predictor,
    horizon: int,
    snapshots: Sequence[Snapshot],
    history: History | None = None,
) -> Candidate | None:
    """Return the candidate `horizon` steps after the newest snapshot; None if the predictor has no prediction.

    `history` is what the predictor sees, by default these snapshots.
    """
    prediction = predictor.predict(history or SegmentHistory(snapshots, computation), horizon)
    return None if prediction is None else computation.materialise(prediction, snapshots, Plan("study", horizon))


def gate_loss(computation: TrainingComputation, state: Any | None = None, look: int = JUDGING) -> float:
    """Return the mean held-out loss under a candidate's state or, for None, the present weights; nats a token."""
    return float(computation.score(state, look).mean())


def steps_left(computation: TrainingComputation) -> int:
    """Return the steps to the end of the training."""
    total = computation.total()
    assert total is not None, "a study's training has an end"
    return total - computation.position()
