"""The ranks of linked pages: each step passes every page's rank on along its links, until nothing changes."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

PAGES = 400
DAMPING = 0.85


def step(state: Any) -> None:
    """Pass the ranks on."""
    given = state.ranks[state.sources] / state.degrees[state.sources]
    received = np.bincount(state.targets, weights=given, minlength=PAGES)
    state.ranks = (1.0 - DAMPING) / PAGES + DAMPING * received


def initial(n: int, seed: int) -> dict[str, Any]:
    """Link every page with some others."""
    draw = Random(seed)
    links = [(page, other) for page in range(PAGES) for other in draw.sample(range(PAGES), draw.randint(1, 8))]
    sources, targets = np.array(links).T.copy()
    degrees = np.bincount(sources, minlength=PAGES)
    return {"sources": sources, "targets": targets, "degrees": degrees, "ranks": np.full(PAGES, 1.0 / PAGES)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Do the same page by page."""
    ranks = [1.0 / PAGES] * PAGES
    for _ in range(n):
        received = [0.0] * PAGES
        for source, target in zip(end["sources"], end["targets"], strict=True):
            received[target] += ranks[source] / end["degrees"][source]
        ranks = [(1.0 - DAMPING) / PAGES + DAMPING * value for value in received]
    return bool(np.allclose(end["ranks"], ranks))
