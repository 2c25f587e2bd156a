"""What an attached speculation costs while it does nothing: `python benchmarks/attached.py`.

One training of a small GPT-2 takes steps in turns with and without the hooks of the speculation. A block has as many of
both, and gives one ratio of their processor seconds. No boundary is due in the blocks of the first row. Each block of
the second row has one, at which the recognizer does not speculate. The result is results/attached.json.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from statistics import median
from typing import Any

import torch
from measure import with_interval, with_origin, write_result
from network import processor_seconds
from rich.console import Console
from transformers import GPT2Config, GPT2LMHeadModel

from asc.computation import Computation
from asc.hookspecs import Registrar, hookimpl
from asc.plugins import load
from asc.recognizers.every import Every
from asc.types import Recognition
from asc_nn_training import attach

BATCH, LENGTH, VOCABULARY = 8, 64, 2048
GOAL = 1.005


class Never(Every):
    """A recognizer with boundaries that are never worth predicting from."""

    def recognise(self, computation: Computation) -> Recognition:
        """Say no."""
        return super().recognise(computation)._replace(speculate=False)


class Plugin:
    """Announces the recognizer."""

    @hookimpl
    def asc_register(self, registry: Registrar) -> None:
        """Add it."""
        registry.add("recognizer", "never", "attached:Never", "never speculates")


class Training:
    """A loop over the same tokens, whose optimiser has a speculation attached."""

    def __init__(self, **settings: Any) -> None:
        torch.manual_seed(0)
        sizes = {"vocab_size": VOCABULARY, "n_positions": LENGTH, "n_layer": 4, "n_embd": 128, "n_head": 4}
        self.model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
        self.model.loss_type = "ForCausalLM"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5)
        self.tokens, *gate = torch.randint(VOCABULARY, (9, BATCH, LENGTH))
        plugins = load()
        plugins.observe(Plugin(), "never")
        batches = [{"input_ids": batch, "labels": batch} for batch in gate]
        self.attached = attach(
            self.model,
            self.optimizer,
            gate=batches,
            loss=lambda model, batch: model(**batch).loss,
            plugins=plugins,
            **settings,
        )
        self._places = self.model._forward_hooks, self.optimizer._optimizer_step_post_hooks
        self._hooks: list[dict[int, Any]] = [dict(place) for place in self._places]

    def step(self, hooked: bool) -> float:
        """Take a step, with the hooks or without them; return its processor seconds."""
        for place, hooks in zip(self._places, self._hooks, strict=True):
            place.clear()
            place.update(hooks if hooked else {})
        return processor_seconds(self._step)

    def block(self, steps: int) -> float:
        """Take as many steps of both kinds in turns; return the ratio of their seconds, hooked over plain."""
        taken = {True: 0.0, False: 0.0}
        for number in range(steps):
            for hooked in (True, False) if number % 2 else (False, True):
                taken[hooked] += self.step(hooked)
        return taken[True] / taken[False]

    def _step(self) -> None:
        self.model(input_ids=self.tokens, labels=self.tokens).loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def measured(what: str, steps: int, blocks: int, **settings: Any) -> dict[str, Any]:
    """Return the row of one speculation."""
    training = Training(**settings)
    training.block(steps)  # to warm up
    ratio = with_interval([training.block(steps) for _ in range(blocks)])
    assert training.attached.position == (blocks + 1) * steps
    assert training.attached.report()["outcomes"] == {}
    return {
        "row": what,
        "ratio": ratio,
        "interval": "95 % of the median",
        "slices": blocks,
        "steps_a_slice": steps,
        "step_ms": round(1000 * median(training.step(hooked=False) for _ in range(9)), 1),
        "goal": f"<= {GOAL}",
        "met": ratio["median"] <= GOAL,
    }


def main() -> None:
    """Measure both, print them, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=30, help="blocks of each row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    never = {"name": "never", "steps": 50}
    rows = [
        measured("no boundary due", 50, options.blocks, every=10**9),
        measured("a boundary every 50 steps, no prediction", 50, options.blocks, recognizer=never, overdraft=100.0),
    ]
    console = Console()
    for row in rows:
        ratio = row["ratio"]
        console.print(f"{row['row']}: {ratio['median']:.4f} ({ratio['low']:.4f} to {ratio['high']:.4f})")
    write_result("attached", {"rows": with_origin(rows, shlex.join(["python", *sys.argv]))})


if __name__ == "__main__":
    main()
