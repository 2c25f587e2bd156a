"""The training that a study looks at: by default the recipe of Leap+Verify, with held-out data for the study."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from asc.trajectory import Trajectory
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig, TrainingConfig

JUDGING, REPORTING = 0, 1  # looks at two sets of held-out sequences: the first judges, the second never does
FREE = frozenset({"time_limit", "checkpoint_seconds", "device_bytes", "host_bytes", "data_cache"})
"""Settings that no result depends on: they may change when a study is resumed."""
AVERAGE_EVERY = 5  # steps between updates of the averages, where a study keeps any
_NO_BOUND = 2**40  # bytes
_RANGE = re.compile(r"(\d+)-(\d+)")


def _expanded(given: Any) -> Any:
    """Return the seeds of a list whose parts may be ranges, such as "42-46"."""
    found: list[Any] = []
    for part in given if isinstance(given, list | tuple) else [given]:
        span = _RANGE.fullmatch(part.strip()) if isinstance(part, str) else None
        first, last = (int(number) for number in span.groups()) if span else (0, 0)
        if first > last:
            raise ValueError(f"the range {part} descends: give it as {last}-{first}")
        found += range(first, last + 1) if span else [part]
    return found


def _distinct(given: tuple[int, ...]) -> tuple[int, ...]:
    if odd := [seed for seed in given if not 0 <= seed < 2**63]:
        raise ValueError(f"{odd[0]} is no seed: give whole numbers of 0 or more, below 2^63")
    twice = sorted({seed for seed in given if given.count(seed) > 1})
    if twice:
        raise ValueError(f"seed {twice[0]} is given twice, and one seed is one training: give it once")
    return given


Seeds = Annotated[tuple[int, ...], BeforeValidator(_expanded), AfterValidator(_distinct)]
"""The seeds of a study, which may be given as ranges."""


class RecipeConfig(TrainingConfig):
    """A model and how to train it. Defaults are those of the Leap+Verify paper or its code, where these give any.

    AdamW at 5e-5 with 100 steps of warm-up and a cosine to a tenth, batches of 4 x 256 tokens, gradients clipped at 1,
    losses over 32 held-out sequences: Leap+Verify, section 4.1, and the code published with it.
    """

    model: str = Field(
        "gpt2",
        description="gpt2-nano, gpt2-micro, gpt2-mini, gpt2, qwen2.5-1.5b, a local folder, or a name on the hub",
    )
    batch: int = Field(4, ge=1, description="sequences a batch")
    gate_sequences: int = Field(
        96, ge=6, description="held-out sequences: a third judges, a third only reports, and predictors tune on a third"
    )
    gate_subsets: int = Field(
        3, ge=3, description="disjoint subsets of these sequences; the first judges, the second reports"
    )
    dev_sequences: int = Field(8, ge=1, description="held-out sequences for the loss at the end")
    test_sequences: int = Field(32, ge=1, description="held-out sequences for the test loss at the end")
    device_bytes: int | None = Field(
        None, ge=0, description="bytes of past weights on the device; the rest goes to host memory, or to disk"
    )
    host_bytes: int | None = Field(
        None, ge=0, description="bytes in pinned host memory, on an accelerator; the rest goes to disk"
    )
    checkpoint_seconds: float = Field(
        120.0, ge=0, description="seconds between checkpoints; 0: none, and a training that was stopped starts again"
    )
    time_limit: float | None = Field(None, gt=0, description="minutes after which to stop; the study can be resumed")


def backend(config: RecipeConfig, seed: int, snapshots: int = 1, spans: tuple[int, ...] = ()) -> NetworkBackend:
    """Return the backend that trains by this recipe, with a history of this many snapshots.

    `spans` are those of the weights' averages, in steps; without them no averages are kept.
    """
    shared = {name: getattr(config, name) for name in TrainingConfig.model_fields}
    own = {
        "seed": seed,
        "evaluate_every": config.steps,
        "average_every": AVERAGE_EVERY if spans else 0,
        "average_spans": spans or None,
        "cache": {"device_bytes": config.device_bytes, "host_bytes": config.host_bytes},
        "history": Trajectory.Config(max_snapshots=snapshots, max_bytes=_NO_BOUND),
    }
    return NetworkBackend(NetworkConfig.model_validate(shared | own))


def ascending(given: tuple[int, ...]) -> tuple[int, ...]:
    """Return distinct positive numbers in ascending order. Raises ValueError, which pydantic reports, for others."""
    if min(given) < 1 or len(set(given)) < len(given):
        raise ValueError("give distinct whole numbers of 1 or more")
    return tuple(sorted(given))


def with_time_limit(config: RecipeConfig, stopped: Callable[[], bool]) -> Callable[[], bool]:
    """Return a function that is true if `stopped` is, or if the time limit, counted from now, is over."""
    if config.time_limit is None:
        return stopped
    end = time.monotonic() + 60 * config.time_limit
    return lambda: stopped() or time.monotonic() > end
