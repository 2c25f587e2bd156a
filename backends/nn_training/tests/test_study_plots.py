"""Plots are PNG files, and without matplotlib the error says what to install."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asc.errors import AscError
from asc_nn_training.studies import paper
from asc_nn_training.studies.plots import plot_momentum

RATIOS: Mapping[tuple[str, str], Mapping[int, float]] = {
    ("as printed", "float16"): {5: inf, 25: nan},
    ("as coded", "float16"): {5: 22.0, 25: inf},
    ("as coded", "bfloat16"): {5: 1.03, 25: 1.7},
    ("corrected, held", "float32"): {5: 0.99, 25: 1.03},
}


@pytest.mark.parametrize("model", [paper.GPT2, paper.QWEN])
@pytest.mark.parametrize("ratios", [RATIOS, dict(list(RATIOS.items())[:1])])
def test_momentum_s_loss_is_plotted_although_some_values_are_not_finite(
    ratios: Mapping[tuple[str, str], Mapping[int, float]], model: str, tmp_path: Path
) -> None:
    file = plot_momentum(ratios, tmp_path / "momentum.png", model)
    assert file == tmp_path / "momentum.png"
    with Image.open(file) as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) > 300
        assert len(np.unique(np.asarray(image.convert("L")))) > 10, "something is on it"


def test_a_plot_is_the_same_each_time(tmp_path: Path) -> None:
    one, other = (plot_momentum(RATIOS, tmp_path / name, paper.GPT2).read_bytes() for name in ("a.png", "b.png"))
    assert one == other


def test_without_matplotlib_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(AscError, match=r"^Figures need matplotlib\. To install it, .*'asc-nn-training\[plots\]'\.$"):
        plot_momentum(RATIOS, tmp_path / "momentum.png", paper.GPT2)
    assert not list(tmp_path.iterdir())
