"""The lowest energy in a circular linked list of small Ising rings, which is traversed several times."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from asc_toy.program import Program
from asc_toy.programs.info import Parts

STEPS = 64  # a lap: a power of two, so that supersteps fit into laps
LAPS = 32
FULL = (1 << 32) - 1  # a node holds 32 spins


def step(state: Any) -> None:
    """Visit a 64th of the nodes. `best` has the lowest energy in its upper bits, and its node in the lower 32."""
    following, spins, p = state.following, state.spins, state.p
    best = 1 << 62
    for _ in range(len(spins) // STEPS):
        s = int(spins[p])
        walls = (s ^ (s >> 1 | (s & 1) << 31)).bit_count()
        energy = 2 * walls - s.bit_count()
        packed = energy << 32 | p
        best = packed if packed < best else best
        p = int(following[p])
    state.minimum("best", best)
    state.p = p


def initial(shuffled: bool, n: int, seed: int) -> dict[str, Any]:
    """Lay out 64 n nodes. The list runs through memory in order or at random; the content is the same."""
    nodes = STEPS * n
    rng = np.random.default_rng(seed)
    spins = rng.integers(0, FULL, nodes, dtype=np.int64, endpoint=True)
    order = rng.permutation(nodes) if shuffled else np.arange(nodes)
    following = np.empty(nodes, np.int64)
    following[order] = np.roll(order, -1)
    return {"following": following, "spins": spins, "p": 0, "best": 1 << 62}


def build(name: str, shuffled: bool, n: int, seed: int) -> Program:
    """Traverse the list LAPS times."""
    return Program(name, step, initial(shuffled, n, seed), STEPS * LAPS)


def by_hand(shuffled: bool, n: int, seed: int) -> dict[str, Any]:
    """Traverse the same memory in one loop; lists of Python integers would be slower once they exceed the caches."""
    state = initial(shuffled, n, seed)
    following, spins = memoryview(state["following"]), memoryview(state["spins"])
    p, best = 0, 1 << 62
    for _ in range(LAPS * len(spins)):
        s = spins[p]
        energy = 2 * (s ^ (s >> 1 | (s & 1) << 31)).bit_count() - s.bit_count()
        packed = energy << 32 | p
        best = packed if packed < best else best
        p = following[p]
    return {**state, "p": p, "best": best}


def by_numpy(shuffled: bool, n: int, seed: int) -> dict[str, Any]:
    """Look at every node once, in the order of memory: a minimum needs no list order."""
    state = initial(shuffled, n, seed)
    spins = state["spins"].astype(np.uint32)
    turned = spins >> np.uint32(1) | spins << np.uint32(31)
    walls, up = (np.unpackbits(bits.view(np.uint8)).reshape(-1, 32).sum(axis=1) for bits in (spins ^ turned, spins))
    energies = 2 * walls.astype(np.int64) - up.astype(np.int64)
    node = int(energies.argmin())
    return {**state, "p": 0, "best": int(energies[node]) << 32 | node}


ORDERED = Parts(partial(build, "list-ordered", False), partial(by_hand, False), partial(by_numpy, False))
SHUFFLED = Parts(partial(build, "list-shuffled", True), partial(by_hand, True), partial(by_numpy, True))
