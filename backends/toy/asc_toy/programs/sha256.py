"""A chain of SHA-256 hashes, each of the hash before: nothing can shorten it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from asc_toy.program import Program
from asc_toy.programs.info import Parts

LINKS = 256  # a step


def step(state: Any) -> None:
    """Hash LINKS times."""
    link = state.link
    for _ in range(LINKS):
        link = sha256(link).digest()
    state.link = link


def build(n: int, seed: int) -> Program:
    """Start from the hash of the seed."""
    return Program("sha256-chain", step, {"link": sha256(str(seed).encode()).digest()}, n)


def by_hand(n: int, seed: int) -> dict[str, Any]:
    """Hash in one loop."""
    link = sha256(str(seed).encode()).digest()
    for _ in range(n * LINKS):
        link = sha256(link).digest()
    return {"link": link}


PARTS = Parts(build, by_hand)
