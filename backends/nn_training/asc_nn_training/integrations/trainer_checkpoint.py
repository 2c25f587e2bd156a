"""The state of a speculation within a checkpoint of `transformers.Trainer`, in the folder `asc`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import Trainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint

from asc.errors import AscError, describe_error
from asc_nn_training.integrations.speculation import Speculation
from asc_nn_training.training import checkpoint


def resumed_from(
    trainer: Trainer, train: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> Path | None:
    """Return the checkpoint from which this call of the trainer's `train` resumes; None if it begins anew.

    The trainer does not show it to its callbacks.
    """
    given = inspect.signature(train).bind(*arguments, **keywords).arguments.get("resume_from_checkpoint")
    path = get_last_checkpoint(trainer.args.output_dir) if given is True else given  # type: ignore[no-untyped-call]
    return Path(path) if path else None


def written_now(trainer: Trainer, step: int) -> Path:
    """Return the folder of the checkpoint that the trainer is writing at this step."""
    return Path(trainer._get_output_dir(trainer._trial)) / f"{PREFIX_CHECKPOINT_DIR}-{step}"


def save(trainers: Path, speculation: Speculation, leaps: int, writes: bool) -> None:
    """Write the state into a trainer's checkpoint; `leaps` are those that the trainer's log has.

    `writes` says whether this rank writes for all; of sharded weights, each rank writes its own part. Raises AscError
    or OSError, or what else goes wrong.
    """
    if not (writes or speculation.computation.weights.sharded):
        return
    if not trainers.is_dir():
        raise AscError("the checkpoint has no folder on this rank")
    state = {"logged": leaps, "speculation": speculation.state_dict()}
    checkpoint.save(_folder(trainers, speculation), speculation.position, state)


def restore(trainers: Path, speculation: Speculation) -> int | None:
    """Continue from a trainer's checkpoint; return the leaps that the trainer's log has.

    None, on all ranks, if the checkpoint of any rank has no state. Raises AscError, before anything changes, for a
    damaged state or one of another training.
    """
    folder, ranks = _folder(trainers, speculation), speculation.computation.ranks
    found: dict[str, Any] | None = None
    failed: AscError | None = None
    try:
        found = _read(folder, speculation)
    except AscError as error:
        failed = error
    if ranks.any(failed is not None):
        raise failed or AscError("Another rank cannot read its state of speculation: see that rank's output.")
    if ranks.any(found is None) or found is None:
        return None
    try:
        speculation.load_state_dict(found["speculation"])
        return int(found["logged"])
    except (AscError, LookupError, TypeError, ValueError) as error:
        raise AscError(f"Speculation cannot resume from {folder}: {_why(error)} {_advice(folder)}") from error


def _read(folder: Path, speculation: Speculation) -> dict[str, Any] | None:
    try:
        found = checkpoint.load(folder, speculation.computation.training.device)
    except AscError as error:
        reason = str(error) if error.__cause__ is None else describe_error(error.__cause__) + "."
        raise AscError(f"The state of speculation in {folder} cannot be read: {reason} {_advice(folder)}") from error
    if found is None:
        return None
    position, state = found
    if position != speculation.position:
        raise AscError(
            f"The state of speculation in {folder} is of step {position}, and the training resumes at step "
            f"{speculation.position}. {_advice(folder)}"
        )
    return state


def _folder(trainers: Path, speculation: Speculation) -> Path:
    computation = speculation.computation
    folder = trainers / "asc"
    return folder / f"rank-{computation.ranks.number}" if computation.weights.sharded else folder


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, AscError) else f"its state is damaged ({describe_error(error)})."


def _advice(folder: Path) -> str:
    return f"Resume from another checkpoint, or delete {folder} to continue with a fresh speculation."
