"""Judging, tried once before the training: what would fail at every boundary is an error while nothing is lost."""

from __future__ import annotations

import numpy as np

from asc.errors import AscError, describe_error
from asc.types import Combination, Plan, Verdict
from asc.validator import Validator
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.ranks.ranks import RanksError
from asc_nn_training.training.hidden_state import HiddenState

_LONGER = 1.001  # factor on the weights of the candidate that is judged
_FEW = 8  # losses with which a paired test seldom finds anything


def rehearse(computation: TrainingComputation, subsets: int, validator: Validator) -> None:
    """Evaluate each of the gate's subsets, take a fingerprint, and judge weights that are 0.1 % longer.

    What this costs is owed as "rehearse". The computation does not change. Raises AscError with the cause where the
    loss, the fingerprint or the validator raises, or gives what nothing can be judged by; what makes verdicts
    unreliable becomes a remark.
    """
    hidden = HiddenState(computation.training.model)
    try:
        if "fingerprint" in computation.provides:
            computation.read("fingerprint", ())
        losses = [computation.losses(subset, "validate") for subset in range(subsets)]
        again = computation.score(None, 0)
        candidate = computation.materialise(Combination((_LONGER,)), (computation.observe(),), Plan("rehearsal", 0))
        assert candidate is not None
        verdict: object = validator.judge(computation, candidate)
    except RanksError:
        raise
    except Exception as error:
        why = str(error).rstrip(".") if isinstance(error, AscError) else describe_error(error)
        raise AscError(
            f"Judging was tried once before the training, and that failed: {why}. It would fail in the same way at "
            "every boundary. Each entry of the gate is one batch, as a DataLoader gives them."
        ) from error
    finally:
        computation.rehearsed()
    if hidden.has_new_gradients():
        raise AscError(
            "The gate's loss calls backward(), whose gradients would be added to those of the next training step: "
            "let it return the loss alone, and take gradients that it needs by torch.autograd.grad."
        )
    every = np.concatenate(losses)
    if wrong := int((~np.isfinite(every)).sum()):
        raise AscError(
            f"The gate's loss is nan or infinite for {wrong} of {every.size} held-out samples, and nothing can be "
            "compared with that: leave such samples out of the gate, for example those without labels."
        )
    if not isinstance(verdict, Verdict):
        raise AscError(f"The validator answered {verdict!r}; expected asc.Verdict(accepted, gain_steps, reason).")
    if names := hidden.changed():
        computation.remark(
            f"Each pass of the model changes {', '.join(names[:4])}, also on held-out data, and this is no buffer, so "
            "it is not restored: the training differs from one without speculation. Make it a buffer, or change it "
            "only where self.training is true."
        )
    if not np.allclose(losses[0], again, rtol=1e-3):
        computation.remark(
            "The gate's loss differs between two evaluations of the same weights on the same batch, so verdicts are "
            "noisy: give a loss that depends on nothing else."
        )
    judging = sum(map(len, losses[: max(1, subsets - 1)]))
    if judging < _FEW:
        computation.remark(
            f"The gate has {judging} losses to judge by, so few candidates can be accepted: give a loss for each "
            "sample, or more batches."
        )
