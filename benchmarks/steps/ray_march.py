"""A picture of some spheres by ray marching, a row of pixels in each step."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Any

import numpy as np

WIDTH = 64
FAR = 20.0


@dataclass(frozen=True)
class Sphere:
    """A centre and a radius."""

    x: float
    y: float
    z: float
    radius: float


def distance(spheres: list[Sphere], x: float, y: float, z: float) -> float:
    """Return the distance to the nearest sphere."""
    return min(sqrt((x - s.x) ** 2 + (y - s.y) ** 2 + (z - s.z) ** 2) - s.radius for s in spheres)


def march(spheres: list[Sphere], u: float, v: float) -> float:
    """Follow a ray from the eye until it meets a sphere, or is far away; return how far it came."""
    norm = sqrt(u * u + v * v + 1.0)
    travelled = 0.0
    for _ in range(40):
        reach = travelled / norm
        gap = distance(spheres, u * reach, v * reach, reach)
        travelled += gap
        if gap < 1e-3 or travelled > FAR:
            break
    return min(travelled, FAR)


def step(state: Any) -> None:
    """Draw a row."""
    v = 2.0 * state.row / state.height - 1.0
    for column in range(WIDTH):
        state.picture[state.row, column] = march(state.spheres, 2.0 * column / WIDTH - 1.0, v)
    state.row += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Place the spheres at random."""
    draw = Random(seed)
    spheres = [
        Sphere(draw.uniform(-3, 3), draw.uniform(-3, 3), draw.uniform(4, 9), draw.uniform(0.5, 1.5)) for _ in range(5)
    ]
    return {"row": 0, "height": n, "spheres": spheres, "picture": np.zeros((n, WIDTH), np.float32)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Solve the equation of the nearest meeting, where the march had an end."""
    for row in range(n):
        for column in range(WIDTH):
            ray = np.array([2.0 * column / WIDTH - 1.0, 2.0 * row / n - 1.0, 1.0])
            ray /= np.linalg.norm(ray)
            meetings = [FAR]
            for s in end["spheres"]:
                centre = np.array([s.x, s.y, s.z])
                along = float(ray @ centre)
                root = along * along - float(centre @ centre) + s.radius**2
                if root > 0.1:
                    meetings.append(along - sqrt(root))
                elif root > -0.1:
                    meetings = []  # the ray only grazes this sphere
                    break
            if meetings and abs(end["picture"][row, column] - min(meetings)) > 0.05:
                return False
    return True
