"""The choice of the next token from logits, and whether the arithmetic leaves that choice open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from asc.errors import AscError
from asc_nn_training.generation.noise import gumbel
from asc_nn_training.generation.precision import largest, rounding
from asc_nn_training.generation.sampling import Sampling

_SAFETY = 1.5  # times the largest difference that was measured
_SUMS = 1e-5  # by so much the rounding of sums of probabilities may differ


class Choices(NamedTuple):
    """The next token of each row, whether it is clear, and its log-probability: (rows,) each."""

    tokens: Tensor
    clear: Tensor
    log_probabilities: Tensor


class Chooser:
    """Chooses tokens by the settings of a generation.

    The order is that of transformers: repetition penalty, temperature, top-k, top-p. A choice is clear if no error of
    the logits that is smaller than the margin could change it. The margin follows from the precision of the
    computation, and from `error`: the largest difference of two passes' logits so far, as a share of the largest logit.
    """

    def __init__(self, sampling: Sampling, error: float = 0.0) -> None:
        self.sampling, self.error = sampling, error
        self.dtypes: set[torch.dtype] = set()
        """What the model computes in, beside the logits."""

    def choose(
        self, logits: Tensor, contexts: Sequence[Sequence[int]], keys: Sequence[int], positions: Sequence[int]
    ) -> Choices:
        """Choose the next token of each row from logits (rows, vocabulary).

        `contexts` are the tokens before, with the prompt. `keys` and `positions` fix the noise.
        Raises AscError for logits that are not numbers.
        """
        sampling, scores = self.sampling, logits.float()
        size = largest(scores)
        if not size.isfinite().all():
            raise AscError(
                "The model's logits are not all numbers, so there is no next token: the training may have diverged. "
                "Generate from an earlier checkpoint, or train at a lower learning rate."
            )
        margin = self._margin(logits.dtype, size)
        if sampling.repetition_penalty != 1:
            scores = self._penalised(scores, contexts)
            margin = margin * max(sampling.repetition_penalty, 1 / sampling.repetition_penalty)
        if sampling.temperature == 0:
            best = scores.topk(2, dim=1)
            equal = best.values[:, 0] == best.values[:, 1]
            tokens = scores.argmax(1) if equal.any() else best.indices[:, 0]  # of equal ones, as generate takes it
            clear = best.values[:, 0] - best.values[:, 1] > 2 * margin
            return Choices(tokens, clear, best.values[:, 0] - scores.logsumexp(1))
        values = scores / sampling.temperature
        margin = margin / sampling.temperature
        allowed, edge = self._allowed(values, margin)
        noise = torch.from_numpy(gumbel(keys, positions, values.shape[1])).to(values.device)
        race = values + noise
        tokens = race.masked_fill(~allowed, -torch.inf).argmax(1)
        chosen = tokens[:, None]
        rivals = race.masked_fill(~(allowed | edge), -torch.inf).scatter(1, chosen, -torch.inf)
        first = race.gather(1, chosen)[:, 0]
        slack = 2 * margin + 4 * torch.finfo(race.dtype).eps * first.abs()  # the noise may be larger than the logits
        clear = (first - rivals.amax(1) > slack) & ~edge.gather(1, chosen)[:, 0]
        total = (values if allowed.all() else values.masked_fill(~allowed, -torch.inf)).logsumexp(1)
        return Choices(tokens, clear, values.gather(1, chosen)[:, 0] - total)

    def _margin(self, dtype: torch.dtype, of: Tensor) -> Tensor:
        """Return each row's margin from its largest logit, nats: (rows,)."""
        if self.sampling.margin is not None:
            return torch.full_like(of, self.sampling.margin)
        return of * max(rounding({dtype, *self.dtypes}, of.device), _SAFETY * self.error)

    def _penalised(self, scores: Tensor, contexts: Sequence[Sequence[int]]) -> Tensor:
        penalty, longest = self.sampling.repetition_penalty, max(map(len, contexts))
        ids = torch.tensor([[*row, *([row[0]] * (longest - len(row)))] for row in contexts], device=scores.device)
        of = scores.gather(1, ids)
        return scores.scatter(1, ids, torch.where(of < 0, of * penalty, of / penalty))

    def _allowed(self, values: Tensor, margin: Tensor) -> tuple[Tensor, Tensor]:
        """Return which tokens may be sampled, and for which the arithmetic leaves that open: (rows, vocabulary)."""
        sampling, slack = self.sampling, 2 * margin[:, None]
        allowed = torch.ones_like(values, dtype=torch.bool)
        edge = torch.zeros_like(allowed)
        if 0 < sampling.top_k < values.shape[1]:
            last, first = values.topk(sampling.top_k + 1, dim=1).values[:, -2:].unbind(1)
            allowed = values >= last[:, None]
            edge = torch.where(allowed, values - first[:, None] <= slack, last[:, None] - values <= slack)
        if sampling.top_p < 1:
            ranked, order = values.masked_fill(~allowed, -torch.inf).sort(dim=1, descending=True, stable=True)
            shares = ranked.softmax(1)
            before = shares.cumsum(1) - shares
            within = before < sampling.top_p
            total = ranked.logsumexp(1, keepdim=True)
            open_mass = (values - total).exp().masked_fill(~edge, 0).sum(1, keepdim=True)
            rising = -ranked
            above = torch.searchsorted(rising, (rising - slack).contiguous())  # tokens that are surely ranked before
            below = torch.searchsorted(rising, (rising + slack).contiguous(), right=True)  # and those that may be
            sums = torch.nn.functional.pad(shares.cumsum(1), (1, 0))
            least, most = sums.gather(1, above), sums.gather(1, below) - shares
            spare = slack + open_mass + _SUMS
            unsure = (least - spare < sampling.top_p) & (most + spare >= sampling.top_p)
            allowed &= torch.zeros_like(allowed).scatter(1, order, within)
            edge |= torch.zeros_like(edge).scatter(1, order, unsure)
        return allowed, edge
