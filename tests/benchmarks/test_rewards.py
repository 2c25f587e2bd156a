"""When a training has a reward is read from means of three epochs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("asc_nn_training")
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

from rewards import until


def test_a_reward_is_reached_between_two_epochs_by_a_line() -> None:
    assert until([0, 0, 0, 3, 3, 3], 1.5) == 4.5
    assert until([2, 2, 2, 3], 1.0) == 3
    assert until([0, 1, 2, 3], 2.5) is None
