"""Student's t distribution at whole degrees of freedom."""

from __future__ import annotations

import math


def lower_tail(t: float, freedom: int) -> float:
    """Return P(T <= t) for Student's t with a whole number of degrees of freedom, exact up to rounding.

    The finite trigonometric series of Abramowitz and Stegun, 26.7.3 (odd) and 26.7.4 (even): no approximation to the
    normal distribution, whose tail is far too thin for the few sequences of a first look.
    """
    angle = math.atan2(abs(t), math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    tail = max(0.0, 1 - inside) / 2
    return tail if t <= 0 else 1 - tail
