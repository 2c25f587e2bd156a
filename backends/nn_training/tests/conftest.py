"""Small tensors gain nothing from threads, and the tests share the cores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asc_nn_training.config import NetworkConfig

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "max_bytes": 500_000,
    "vocabulary": 512,
    "length": 32,
    "batch": 4,
    "gate_sequences": 16,
    "gate_subsets": 4,
    "dev_sequences": 8,
    "test_sequences": 8,
    "warmup": 10,
    "lr": 1e-3,
    "evaluate_every": 20,
}
"""A training that takes seconds: a little of the standard library, a small model."""

Make = Callable[..., NetworkConfig]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token cache that all tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def small(cache: Path) -> Make:
    """Make the configuration of a small training."""

    def make(**settings: Any) -> NetworkConfig:
        given = {**SMALL, "data_cache": cache, "steps": 60, "device": "cpu", **settings}
        return NetworkConfig.model_validate(given)

    return make


@pytest.fixture(scope="session")
def recipe(cache: Path) -> dict[str, Any]:
    """The same training as a study's settings, whose gate set has three parts: to judge, to report and to tune."""
    of_a_run = {"evaluate_every", "gate_sequences", "gate_subsets"}
    shared = {name: value for name, value in SMALL.items() if name not in of_a_run}
    own = {"model": "gpt2-nano", "steps": 60, "gate_sequences": 12, "gate_subsets": 3, "device": "cpu"}
    return {**shared, **own, "data_cache": cache}


@pytest.fixture(scope="session")
def options(cache: Path) -> list[str]:
    """The same training as options on the command line."""
    given = {**SMALL, "data_cache": cache, "steps": 60, "device": "cpu"}
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
