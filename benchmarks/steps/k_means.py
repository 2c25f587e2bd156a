"""Clusters by k-means: each step moves the centres to the means of their points, until nothing moves any more."""

from __future__ import annotations

from typing import Any

import numpy as np

CLUSTERS = 8
POINTS = 300


def step(state: Any) -> None:
    """Assign every point to its nearest centre, and every centre to the mean of its points."""
    offsets = state.points[:, None, :] - state.centres[None, :, :]
    labels = (offsets**2).sum(axis=2).argmin(axis=1)
    centres = state.centres.copy()
    for label in range(CLUSTERS):
        members = state.points[labels == label]
        if len(members):
            centres[label] = members.sum(axis=0) / len(members)
    state.centres = centres
    state.labels = labels


def initial(n: int, seed: int) -> dict[str, Any]:
    """Scatter points around some places; the first points are the first centres."""
    draw = np.random.default_rng(seed)
    places = draw.uniform(-10, 10, (CLUSTERS, 2))
    points = places[draw.integers(0, CLUSTERS, POINTS)] + draw.normal(size=(POINTS, 2))
    return {"points": points, "centres": points[:CLUSTERS].copy(), "labels": np.zeros(POINTS, np.int64)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Do the same point by point."""
    points = end["points"].tolist()
    centres = points[:CLUSTERS]
    for _ in range(n):
        members: list[list[list[float]]] = [[] for _ in range(CLUSTERS)]
        for x, y in points:
            squares = [(x - a) ** 2 + (y - b) ** 2 for a, b in centres]
            members[squares.index(min(squares))].append([x, y])
        for k, own in enumerate(members):
            if own:
                centres[k] = [sum(axis) / len(own) for axis in zip(*own, strict=True)]
    return bool(np.allclose(end["centres"], centres))
