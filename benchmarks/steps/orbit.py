"""An orbit by the method of Runge and Kutta: four floats of the state, and nothing else, change in a step."""

from __future__ import annotations

from math import sqrt
from typing import Any


def acceleration(x: float, y: float) -> tuple[float, float]:
    """Return the pull of the centre."""
    cube = sqrt(x * x + y * y) ** 3
    return -x / cube, -y / cube


def step(state: Any) -> None:
    """Advance by h."""
    h = state.h
    a, b = acceleration(state.x, state.y)
    u, v = state.vx + h / 2 * a, state.vy + h / 2 * b
    c, d = acceleration(state.x + h / 2 * state.vx, state.y + h / 2 * state.vy)
    p, q = state.vx + h / 2 * c, state.vy + h / 2 * d
    e, f = acceleration(state.x + h / 2 * u, state.y + h / 2 * v)
    r, s = state.vx + h * e, state.vy + h * f
    g, k = acceleration(state.x + h * p, state.y + h * q)
    state.x += h / 6 * (state.vx + 2 * u + 2 * p + r)
    state.y += h / 6 * (state.vy + 2 * v + 2 * q + s)
    state.vx += h / 6 * (a + 2 * c + 2 * e + g)
    state.vy += h / 6 * (b + 2 * d + 2 * f + k)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at the nearest point of an ellipse."""
    return {"x": 1.0, "y": 0.0, "vx": 0.0, "vy": 1.1 + 0.01 * (seed % 10), "h": 0.001}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """See that energy and angular momentum have stayed."""
    energies = [(w["vx"] ** 2 + w["vy"] ** 2) / 2 - 1 / sqrt(w["x"] ** 2 + w["y"] ** 2) for w in (start, end)]
    momenta = [w["x"] * w["vy"] - w["y"] * w["vx"] for w in (start, end)]
    return abs(energies[0] - energies[1]) < 1e-9 and abs(momenta[0] - momenta[1]) < 1e-9 and end["y"] != 0.0
