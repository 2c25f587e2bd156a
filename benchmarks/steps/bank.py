"""A bank: accounts are objects in a dictionary, and each step carries some transfers out."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

ACCOUNTS = 50
TRANSFERS = 10  # a step
LAST = 5  # transfers that an account remembers


@dataclass
class Account:
    """A balance in cents, and the latest amounts."""

    owner: str
    balance: int
    refused: int = 0
    latest: list[int] = field(default_factory=list)

    def book(self, amount: int) -> None:
        """Add an amount, and remember it."""
        self.balance += amount
        self.latest.append(amount)
        del self.latest[:-LAST]


def step(state: Any) -> None:
    """Carry the next transfers out, where there is enough money."""
    for number in range(state.next, state.next + TRANSFERS):
        source, target, amount = state.transfers[number % len(state.transfers)]
        if state.accounts[source].balance < amount:
            state.accounts[source].refused += 1
        else:
            state.accounts[source].book(-amount)
            state.accounts[target].book(amount)
    state.next += TRANSFERS


def initial(n: int, seed: int) -> dict[str, Any]:
    """Open accounts, and list transfers between them."""
    draw = Random(seed)
    owners = [f"owner {number}" for number in range(ACCOUNTS)]
    accounts = {owner: Account(owner, draw.randrange(100_000)) for owner in owners}
    transfers = [(*draw.sample(owners, 2), draw.randrange(1, 50_000)) for _ in range(5_000)]
    return {"accounts": accounts, "transfers": transfers, "next": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep balances only."""
    balances = {owner: account.balance for owner, account in start["accounts"].items()}
    for number in range(n * TRANSFERS):
        source, target, amount = end["transfers"][number % len(end["transfers"])]
        if balances[source] >= amount:
            balances[source] -= amount
            balances[target] += amount
    return balances == {owner: account.balance for owner, account in end["accounts"].items()}
