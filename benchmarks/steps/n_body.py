"""A few bodies that attract each other: each step advances them by a short time."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

TIME = 0.001


@dataclass
class Body:
    """Position, velocity and mass."""

    x: float
    y: float
    vx: float
    vy: float
    mass: float


def step(state: Any) -> None:
    """Change velocities by the forces, then positions by the velocities."""
    bodies = state.bodies
    for i, one in enumerate(bodies):
        for other in bodies[i + 1 :]:
            dx, dy = one.x - other.x, one.y - other.y
            square = dx * dx + dy * dy
            pull = TIME / (square * sqrt(square))
            one.vx -= dx * other.mass * pull
            one.vy -= dy * other.mass * pull
            other.vx += dx * one.mass * pull
            other.vy += dy * one.mass * pull
    for body in bodies:
        body.x += TIME * body.vx
        body.y += TIME * body.vy
    state.time += TIME


def energy(bodies: list[Body]) -> float:
    """Return kinetic and potential energy."""
    pairs = [(one, other) for i, one in enumerate(bodies) for other in bodies[i + 1 :]]
    pull = sum(a.mass * b.mass / sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2) for a, b in pairs)
    return sum(0.5 * body.mass * (body.vx**2 + body.vy**2) for body in bodies) - pull


def initial(n: int, seed: int) -> dict[str, Any]:
    """Place a sun and four planets on circles around it."""
    bodies = [Body(0.0, 0.0, 0.0, 0.0, 1.0)]
    for number in range(1, 5):
        radius = number + 0.01 * (seed % 10)
        bodies.append(Body(radius, 0.0, 0.0, sqrt(1.0 / radius), 0.0001 * number))
    return {"bodies": bodies, "time": 0.0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """See that energy and momentum have stayed, and that the bodies have moved."""
    before, after = start["bodies"], end["bodies"]
    moved = all(one.y != other.y for one, other in zip(before, after, strict=True))
    drift = sum(one.mass * (other.vx - one.vx) for one, other in zip(before, after, strict=True))
    return moved and abs(drift) < 1e-9 and abs(energy(after) / energy(before) - 1) < 1e-3
