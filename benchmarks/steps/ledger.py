"""Interest and fees on many accounts, rounded to cents in floats: each step is a day."""

from __future__ import annotations

from random import Random
from typing import Any

ACCOUNTS = 40
FEE = 0.35


def step(state: Any) -> None:
    """Book a day's interest everywhere, and at the end of a month the fee."""
    for i, balance in enumerate(state.balances):
        after = round(balance * (1 + state.rate / 365), 2)
        if state.day % 30 == 29:
            after = round(after - FEE, 2)
        state.interest = round(state.interest + after - balance, 2)
        state.balances[i] = after
    state.day += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Open the accounts."""
    draw = Random(seed)
    balances = [round(draw.uniform(100, 10_000), 2) for _ in range(ACCOUNTS)]
    return {"balances": balances, "rate": 0.02, "interest": 0.0, "day": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """See that all that the accounts gained was booked."""
    gained = sum(end["balances"]) - sum(start["balances"])
    return abs(gained - end["interest"]) < 0.005 * ACCOUNTS and end["day"] == n
