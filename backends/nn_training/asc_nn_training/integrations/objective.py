"""What a `transformers.Trainer` trains, as a loss on held-out batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import torch
from accelerate.utils import recursively_apply
from torch import Tensor, nn
from transformers import Trainer

from asc.errors import describe_error
from asc_nn_training.integrations.cross_entropy import alignment, sample_losses
from asc_nn_training.integrations.stand_in import stand_in
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.device import device_of, out_of_memory, preserved_randomness
from asc_nn_training.training.loss import evaluation
from asc_nn_training.validators.gate import GateError, Loss, held_out

BATCHES = 8
"""Batches of the evaluation set that judge by default."""
MEANS = 32
"""The same, where a batch has one loss for all its samples."""
SINGLES = 64
"""Samples that judge by default, where each is a batch of its own."""
_LIBRARIES = ("asc_nn_training", "accelerate", "torch", "transformers", "trl")


class Objective(NamedTuple):
    """Held-out batches, and the loss by which the trainer trains."""

    batches: list[Any]
    loss: Loss
    a_batch: float  # samples of a batch, about
    remark: str | None = None  # what the user should know


def objective(
    trainer: Trainer, model: nn.Module, gate: Iterable[Any] | None = None, count: int | None = None
) -> Objective:
    """Return what the trainer trains, on a gate, or on the first `count` batches of its evaluation set.

    Where it is the model's own cross-entropy, whole batches give one loss a sequence. Any other loss is the trainer's
    `compute_loss`: of one sample at a time if a batch's loss is a mean over its samples, else, and on a gate, of whole
    batches. All ranks judge in the same way and by as many batches. The training does not change.
    """
    ranks, loss = Ranks(device_of(model)), trained_loss(trainer)
    given = given_objective(trainer, model, loss, gate, count)
    if ranks.any(not given.batches):
        return given  # `Speculation` refuses it
    if _trains_the_models_own(trainer):
        with evaluation(model):
            shift = ranks.agree(alignment(model, given.batches[0]))
        if shift is not None:
            return given._replace(loss=partial(sample_losses, shift=shift))
    if gate is not None:
        return _as_many(ranks, given)
    size = trainer.args.eval_batch_size
    singles = _taken(trainer, ranks.device, SINGLES if count is None else count * size, size=1)
    single = _as_many(ranks, Objective(singles, loss, a_batch=1))
    if ranks.any(not _is_a_mean(model, loss, given.batches[0], single.batches[: max(2, size)])):
        remark = (
            "The trainer's loss of a batch is not a mean over the batch's samples, so each evaluation batch is judged "
            "as a whole. More gate_batches judge more surely."
        )
        return _as_many(ranks, given_objective(trainer, model, loss, None, count or MEANS)._replace(remark=remark))
    return single


def given_objective(
    trainer: Trainer, model: nn.Module, loss: Loss, gate: Iterable[Any] | None, count: int | None
) -> Objective:
    """Return a loss on a gate, or on the first `count` batches of the trainer's evaluation set."""
    device = device_of(model)
    if gate is None:
        return Objective(_taken(trainer, device, count or BATCHES), loss, trainer.args.eval_batch_size)
    batches = held_out(gate, device)
    return Objective(batches, loss, sum(map(_rows, batches)) / max(1, len(batches)))


def trained_loss(trainer: Trainer) -> Loss:
    """Return the loss that the trainer computes of a batch. Nothing that the trainer writes down of it is kept."""

    def loss(model: nn.Module, batch: Any) -> Any:
        judging = stand_in(trainer)
        try:
            inputs = judging._prepare_inputs(recursively_apply(torch.clone, batch))
            _, items = judging.get_batch_samples(iter([inputs]), 1, judging.args.device)
            with judging.compute_loss_context_manager():
                return judging.compute_loss(model, inputs, num_items_in_batch=items)
        except Exception as error:
            if out_of_memory(error):
                raise
            raise GateError(f"the trainer's compute_loss raised {_described(error)}") from error

    return loss


def _described(error: Exception) -> str:
    """Describe an error with the line of the user's own code, if there is any between the libraries'."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        trace = trace.tb_next
    return describe_error(error if trace is None else error.with_traceback(trace))


def generates(trainer: Trainer) -> bool:
    """Whether the trainer makes its batches from the model's own texts while it trains, as GRPO does."""
    own = type(trainer)._prepare_inputs is not Trainer._prepare_inputs
    return own and any(name.startswith("_generate") for name in dir(type(trainer)))


def _rows(batch: Any) -> int:
    """Return how many samples a batch has: rows of its first tensor, or entries of a list without tensors."""
    if isinstance(batch, Tensor):
        return len(batch)
    parts = list(batch.values() if isinstance(batch, Mapping) else batch)
    tensor = next((part for part in parts if isinstance(part, Tensor) and part.ndim), None)
    if tensor is not None:
        return len(tensor)
    return 1 if isinstance(batch, Mapping) else len(parts)


def _trains_the_models_own(trainer: Trainer) -> bool:
    overridden = type(trainer).compute_loss is not Trainer.compute_loss or "compute_loss" in vars(trainer)
    return not overridden and trainer.compute_loss_func is None and trainer.label_smoother is None


def _taken(trainer: Trainer, device: torch.device, count: int, size: int | None = None) -> list[Any]:
    """Return the first batches of the evaluation set, by turns if there are several sets; `size` samples each."""
    reading: Any = stand_in(trainer)
    reading._eval_dataloaders = {}  # loaders that are kept have another batch size
    reading.args.dataloader_persistent_workers = False
    reading.args.per_device_eval_batch_size = size or reading.args.per_device_eval_batch_size
    reading.num_generations_eval = 1  # GRPO repeats each prompt as often
    names = list(trainer.eval_dataset) if isinstance(trainer.eval_dataset, dict) else [None]
    batches: list[Any] = []
    with preserved_randomness(device):  # a loader draws a seed
        for number, name in enumerate(names):
            loader = reading.get_eval_dataloader(name)
            # Accelerate's loader would count as the present one of the training, since it is not read to its end.
            loader = getattr(loader, "base_dataloader", loader)
            share = (number + 1) * count // len(names) - number * count // len(names)
            batches += islice(loader, share)
    return held_out(batches, device)


def _is_a_mean(model: nn.Module, loss: Loss, batch: Any, singles: list[Any]) -> bool:
    """Whether a batch's loss is within the losses of its samples; that of a contrastive loss is not."""
    try:
        with evaluation(model):
            whole = float(loss(model, batch))
            alone = [float(loss(model, single)) for single in singles]
    except Exception:  # noqa: BLE001 -- some losses take no single sample; any other error arises again, and is reported
        return False
    slack = 1e-3 * max(1.0, abs(whole))
    return bool(alone) and min(alone) - slack <= whole <= max(alone) + slack


def _as_many(ranks: Ranks, judged: Objective) -> Objective:
    """Return as many batches as every rank has: what a trainer gathers, all ranks evaluate equally often."""
    return judged._replace(batches=judged.batches[: -ranks.largest(-len(judged.batches))])
