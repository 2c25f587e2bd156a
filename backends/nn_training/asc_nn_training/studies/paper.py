"""The figures that the paper Leap+Verify (2026) prints in its tables, to compare ours with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HORIZONS = (5, 10, 25, 50, 75, 100)
SEEDS = (42, 43, 44, 45, 46)
GPT2, QWEN = "GPT-2 124M", "Qwen 2.5-1.5B"


class MeanStd(NamedTuple):
    """Mean and standard deviation over five seeds."""

    mean: float
    std: float


class MomentumLosses(NamedTuple):
    """A cell of Table 4: two losses, and the first divided by the second."""

    predicted: float
    actual: float
    ratio: float


def nearest(model: str) -> str:
    """Return the one of the paper's two models that ours is compared with."""
    return QWEN if "qwen" in model.lower() else GPT2


REGIMES: Mapping[str, Mapping[str, MeanStd]] = {
    GPT2: {
        "chaotic": MeanStd(1.6, 1.7),
        "transition": MeanStd(24.0, 2.7),
        "stable": MeanStd(13.4, 3.2),
        "unknown": MeanStd(1.0, 0.0),
    },
    QWEN: {
        "chaotic": MeanStd(25.6, 0.5),
        "transition": MeanStd(12.4, 1.1),
        "stable": MeanStd(1.0, 1.0),
        "unknown": MeanStd(1.0, 0.0),
    },
}
"""Table 1: how many of 40 checkpoints are in each regime."""

FINAL_LOSS: Mapping[str, MeanStd] = {GPT2: MeanStd(1.616, 0.007), QWEN: MeanStd(0.810, 0.019)}
"""Section 5.1: validation loss at the end of training, with padded tokens scored."""

Acceptance = Mapping[tuple[str, str], Mapping[int, tuple[MeanStd, MeanStd, MeanStd]]]
"""By model and regime, then by K: momentum, linear and quadratic, in per cent."""


def _rows(text: str) -> dict[int, tuple[MeanStd, MeanStd, MeanStd]]:
    """Read lines of K and three pairs of mean and deviation."""
    found = {}
    for line in text.strip().splitlines():
        k, *numbers = line.split()
        m, ms, a, astd, q, qs = map(float, numbers)
        found[int(k)] = MeanStd(m, ms), MeanStd(a, astd), MeanStd(q, qs)
    return found


STRICT: Acceptance = {
    (GPT2, "transition"): _rows("""
        5   0.0 0.0   9.3 3.8   7.9 3.0
        10  0.0 0.0   3.3 3.2   3.4 3.3
        25  0.0 0.0   0.7 1.7   0.0 0.0
    """),
    (GPT2, "stable"): _rows("""
        5   10.0 8.4  24.3 6.8  22.1 10.8
        10  10.0 8.4  18.8 8.0  13.9 8.4
        25  10.0 8.4   5.8 3.5   9.1 2.0
    """),
    (QWEN, "transition"): _rows("""
        5    0.0 0.0  37.2 11.0 36.5 12.5
        10   0.0 0.0  31.3 4.7  39.4 9.1
        25   0.0 0.0  22.9 8.1  20.5 9.2
        50   0.0 0.0  17.8 9.0  13.2 6.3
        75   0.0 0.0   7.9 8.4   6.7 9.9
        100  0.0 0.0   6.2 9.1   2.2 5.0
    """),
}
"""Table 2: strict acceptance."""

PROXIMITY: Acceptance = {
    (GPT2, "transition"): _rows("""
        5   0.0 0.0   99.1 1.9  100.0 0.0
        10  0.0 0.0   97.3 2.5   93.4 4.2
        25  0.0 0.0   44.0 9.8   37.8 12.0
        50  0.0 0.0   14.1 6.8    9.3 7.1
    """),
    (GPT2, "stable"): _rows("""
        5   16.5 4.6  98.9 2.5   98.9 2.5
        10  16.5 4.6  95.3 4.7   97.6 3.4
        25  16.5 4.6  74.6 2.6   70.6 7.7
        50  14.8 5.3  54.1 16.0  48.2 20.2
    """),
    (QWEN, "transition"): _rows("""
        5    0.0 0.0  100.0 0.0  100.0 0.0
        10   0.0 0.0  100.0 0.0  100.0 0.0
        25   0.0 0.0   94.6 5.0   90.5 7.1
        50   0.0 0.0   66.2 14.4  54.2 10.1
        75   0.0 0.0   38.3 10.5  20.2 12.6
        100  0.0 0.0   22.9 14.5   6.7 9.9
    """),
}
"""Table 3: within 5 % of the current loss in the text, at most 0.5 % above it in the code."""

MOMENTUM: Mapping[str, Mapping[int, MomentumLosses]] = {
    GPT2: {
        5: MomentumLosses(201, 1.64, 122),
        10: MomentumLosses(360, 1.64, 219),
        25: MomentumLosses(1284, 1.64, 782),
        50: MomentumLosses(4505, 1.64, 2742),
        75: MomentumLosses(9988, 1.64, 6077),
        100: MomentumLosses(17691, 1.64, 10764),
    },
    QWEN: {
        5: MomentumLosses(142, 0.82, 173),
        10: MomentumLosses(250, 0.82, 305),
        25: MomentumLosses(581, 0.82, 709),
        50: MomentumLosses(1153, 0.82, 1407),
        75: MomentumLosses(1819, 0.82, 2218),
        100: MomentumLosses(2468, 0.82, 3009),
    },
}
"""Table 4: the loss under the weights that momentum predicts, the current loss, and their ratio."""

VARIATION: Mapping[int, tuple[float, float]] = {
    5: (0.0, 0.0),
    10: (0.0, 0.0),
    25: (5.2, 7.9),
    50: (21.7, 18.6),
    75: (27.3, 62.5),
    100: (63.3, 149.1),
}
"""Table 5: coefficient of variation, in per cent, of proximity acceptance of linear and quadratic: Qwen, transition."""
