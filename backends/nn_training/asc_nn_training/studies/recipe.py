"""What is trained in a study: the Leap+Verify recipe unless told otherwise, with held-out data of a study's own."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import Field

from asc.trajectory import Trajectory
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig, TrainingConfig

JUDGING, REPORTING = 0, 1  # looks at two sets of held-out sequences: one decides, the other never does
FREE = frozenset({"time_limit", "checkpoint_seconds", "device_bytes", "host_bytes", "data_cache"})
"""Settings that no result depends on, so that they may change when a study is gone on with."""
_HUGE = 2**40


class RecipeConfig(TrainingConfig):
    """A model and how it is trained; the defaults are the Leap+Verify paper's, where paper or code name them.

    AdamW at 5e-5 with 100 steps of warm-up and a cosine to a tenth, batches of 4 x 256 tokens, gradients clipped at 1,
    losses over 32 held-out sequences: Leap+Verify, section 4.1, and the code published with it.
    """

    model: str = Field(
        "gpt2",
        description="gpt2-nano, gpt2-micro, gpt2-mini, gpt2, qwen2.5-1.5b, a local folder, or a name on the hub",
    )
    batch: int = Field(4, ge=1, description="sequences of a batch")
    gate_sequences: int = Field(
        96, ge=6, description="held-out sequences: a third judges, a third only reports, on the last predictors tune"
    )
    gate_subsets: int = Field(3, ge=3, description="disjoint subsets of them; the first judges, the second reports")
    dev_sequences: int = Field(8, ge=1, description="held-out sequences that the loss at the end is measured on")
    test_sequences: int = Field(32, ge=1, description="held-out sequences that only the end is reported on")
    device_bytes: int | None = Field(
        None, ge=0, description="bytes of past weights on the device; what is over goes to host memory, or to disk"
    )
    host_bytes: int | None = Field(
        None, ge=0, description="bytes in pinned host memory, on an accelerator; what is over goes to disk"
    )
    checkpoint_seconds: float = Field(
        120.0, ge=0, description="seconds between checkpoints to go on from; 0: none, what was stopped begins anew"
    )
    time_limit: float | None = Field(None, gt=0, description="minutes after which to stop, so as to go on later")


def backend(config: RecipeConfig, seed: int, snapshots: int = 1) -> NetworkBackend:
    """Return the network backend that trains by this recipe, and keeps so many snapshots."""
    shared = {name: getattr(config, name) for name in TrainingConfig.model_fields}
    own = {
        "seed": seed,
        "evaluate_every": config.steps,
        "average_every": 0,
        "cache": {"device_bytes": config.device_bytes, "host_bytes": config.host_bytes},
        "history": Trajectory.Config(max_snapshots=snapshots, max_bytes=_HUGE),
    }
    return NetworkBackend(NetworkConfig.model_validate(shared | own))


def ascending(given: tuple[int, ...]) -> tuple[int, ...]:
    """Return different positive numbers in their order. Raises ValueError, for pydantic to tell, where they are not."""
    if min(given) < 1 or len(set(given)) < len(given):
        raise ValueError("give different whole numbers of 1 or more")
    return tuple(sorted(given))


def limited(config: RecipeConfig, stopped: Callable[[], bool]) -> Callable[[], bool]:
    """Return what says whether to stop: asked to, or because the time is up, which runs from now on."""
    if config.time_limit is None:
        return stopped
    end = time.monotonic() + 60 * config.time_limit
    return lambda: stopped() or time.monotonic() > end
