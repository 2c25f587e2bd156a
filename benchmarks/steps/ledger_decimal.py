"""Interest on many accounts in decimal numbers, rounded half to even: each step is a month."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

ACCOUNTS = 40
CENT = Decimal("0.01")


def step(state: Any) -> None:
    """Book a month's interest; who has more than the limit pays a fee of a hundredth of what is above it."""
    for owner, balance in state.balances.items():
        interest = (balance * state.rate / 12).quantize(CENT, rounding=ROUND_HALF_EVEN)
        above = max(Decimal(0), balance - state.limit)
        fee = (above / 100).quantize(CENT, rounding=ROUND_HALF_EVEN)
        state.balances[owner] = balance + interest - fee
        state.booked += interest - fee
    state.month += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Open the accounts."""
    draw = Random(seed)
    balances = {f"owner {number}": Decimal(draw.randrange(1_000_000)) / 100 for number in range(ACCOUNTS)}
    return {
        "balances": balances, "rate": Decimal("0.0175"), "limit": Decimal(8_000), "booked": Decimal(0), "month": 0
    }  # fmt: skip


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Compute in whole cents."""
    cents = [int(100 * balance) for balance in start["balances"].values()]
    booked = -sum(cents)
    for _ in range(n):
        for i, balance in enumerate(cents):
            interest = _half_even(balance * 175, 120_000)
            cents[i] = balance + interest - _half_even(max(0, balance - 800_000), 100)
    booked += sum(cents)
    return [int(100 * balance) for balance in end["balances"].values()] == cents and end["booked"] * 100 == booked


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
