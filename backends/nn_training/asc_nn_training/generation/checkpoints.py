"""Texts of the same prompts at checkpoints of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from asc.errors import AscError, describe_error
from asc.records.texts import TextsAt
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.speculative import SpeculativeGeneration, reason
from asc_nn_training.generation.texts import TextCache


class CheckpointTexts:
    """Continues the same prompts every `every` steps of a training and at its end, with drafts from the texts before.

    A leap may skip a multiple of `every`: the texts are then due at the next position. They are computed in the
    precision of the weights, unless the model's forward pass has autocast, as a trainer may have prepared it. What goes
    wrong with texts ends no training: those of that position are missing, and `remarks` says why.
    """

    def __init__(
        self,
        prompts: Sequence[str],
        tokenizer: Any,
        *,
        every: int,
        sampling: Sampling | None = None,
        cache: TextCache | None = None,
    ) -> None:
        self.prompts, self.every, self.sampling = list(prompts), every, sampling or Sampling()
        self.generation = SpeculativeGeneration(cache)
        self.position = 0
        """Where texts were last due."""
        self.moved = 0.0
        """Sum of the learning rates of all steps so far."""
        self.remarks: list[str] = []
        self._tokenizer = tokenizer
        self._failures: set[type[Exception]] = set()  # what has been told once

    def require(self, model: nn.Module, names: Sequence[str] = ()) -> None:
        """Raise AscError for a model or a prompt that cannot be continued; a prompt is called by its name."""
        self.generation.require(model, self.prompts, self.sampling, tokenizer=self._tokenizer, names=names)

    def due(self, position: int, *, ended: bool = False) -> bool:
        """Whether texts are due at this position, where the training may have ended."""
        return position > self.position and (ended or position // self.every > self.position // self.every)

    def generate(self, model: nn.Module, position: int, clock: Callable[[], float]) -> TextsAt | None:
        """Return the texts of this position, with their time; None, with a remark, where something goes wrong."""
        self.position = position
        try:
            found = self.generation.generate(
                model,
                self.prompts,
                self.sampling,
                tokenizer=self._tokenizer,
                position=position,
                moved=self.moved,
            )
        except Exception as error:  # noqa: BLE001 -- the training is worth more than its texts
            kind = type(error)
            if kind not in self._failures:
                why = str(error) if isinstance(error, AscError) else f"{describe_error(error)}."
                self.remarks.append(f"There are no texts of step {position}: {why}")
            self._failures.add(kind)
            return None
        self.remarks += [remark for remark in self.generation.cache.remarks if remark not in self.remarks]
        texts = [text.text or "" for text in found.texts]
        return TextsAt(position, clock(), texts, found.counts.figures(), found.reason)

    def figures(self) -> dict[str, Any]:
        """Return the counts of all texts so far, and a sentence about what speculation was worth."""
        counts = self.generation.counts
        return {"prompts": len(self.prompts), "every": self.every, **counts.figures(), "reason": reason(counts)}

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of the texts: the prompts, where they stand, and what has been learnt."""
        return {
            "prompts": self.prompts,
            "position": self.position,
            "moved": self.moved,
            "generation": self.generation.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.prompts, self.position, self.moved = list(state["prompts"]), state["position"], state["moved"]
        self.generation.load_state_dict(state["generation"])
