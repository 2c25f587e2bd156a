"""A module that programs import, and whose global is set at run time."""

from __future__ import annotations

FEE = 1
CALLS: list[int] = []


def charge(amount: int) -> int:
    """Return an amount with the fee."""
    return amount * FEE
