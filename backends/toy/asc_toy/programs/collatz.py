"""Collatz sweeps: which start of a range takes the most iterations to reach 1, and how many they all take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc_toy.program import Program
from asc_toy.programs.info import Parts

BATCH = 8  # starts a step
BLOCKS = 64  # ranges of n starts, of which the seed picks one


def iterations(x: int) -> int:
    """Count the iterations of x → x/2 (x even) or 3x+1 (x odd) from x to 1; x is positive."""
    count = 0
    while x != 1:
        x = 3 * x + 1 if x & 1 else x >> 1
        count += 1
    return count


def sweep(state: Any) -> None:
    """Try a batch of starts. `best` has the most iterations in its upper bits, and their start in the lower 64."""
    start = state.start
    stop = min(start + BATCH, state.last + 1)
    state.maximum("best", max((iterations(x) << 64 | x for x in range(start, stop)), default=0))
    state.start = stop


def count(state: Any) -> None:
    """Do the same, and keep a running total: it changes in every step, and no step reads it."""
    start = state.start
    stop = min(start + BATCH, state.last + 1)
    counts = [iterations(x) for x in range(start, stop)]
    state.add("total", sum(counts))
    state.maximum("best", max((c << 64 | x for x, c in enumerate(counts, start)), default=0))
    state.start = stop


def initial(n: int, seed: int) -> dict[str, Any]:
    """Start at 1 for seed 0, at n + 1 for seed 1, and so on."""
    first = 1 + n * (seed % BLOCKS)
    return {"start": first, "last": first + n - 1, "best": 0}


def build_sweep(n: int, seed: int) -> Program:
    """Sweep n starts."""
    return Program("collatz", sweep, initial(n, seed), -(-n // BATCH))


def build_count(n: int, seed: int) -> Program:
    """Sweep n starts, with a running total."""
    return Program("collatz-count", count, {**initial(n, seed), "total": 0}, -(-n // BATCH))


def count_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Sweep and count in one loop nest."""
    first = 1 + n * (seed % BLOCKS)
    most = total = where = 0
    for start in range(first, first + n):
        x, c = start, 0
        while x != 1:
            x = 3 * x + 1 if x & 1 else x >> 1
            c += 1
        total += c
        if c >= most:
            most, where = c, start
    return {"start": first + n, "last": first + n - 1, "best": most << 64 | where, "total": total}


def sweep_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Sweep in one loop nest."""
    result = count_by_hand(n, seed)
    del result["total"]
    return result


def lengths(starts: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the iteration counts; follows all trajectories at once, and drops those that have ended."""
    counts = np.zeros(len(starts), np.int64)
    live = np.flatnonzero(starts != 1)
    x = starts[live]
    while live.size:
        x = np.where(x & np.uint64(1), np.uint64(3) * x + np.uint64(1), x >> np.uint64(1))
        counts[live] += 1
        running = x != 1
        live, x = live[running], x[running]
    return counts


def count_by_numpy(n: int, seed: int) -> dict[str, Any]:
    """Sweep with arrays of 64-bit integers, which no trajectory from a start below 2^32 exceeds."""
    first = 1 + n * (seed % BLOCKS)
    if first + n > 1 << 32:
        raise AscError(f"Starts up to {first + n - 1} can overflow 64 bits; the numpy form takes starts below 2^32.")
    best = total = 0
    for low in range(first, first + n, 1 << 16):
        counts = lengths(np.arange(low, min(low + (1 << 16), first + n), dtype=np.uint64))
        total += int(counts.sum())
        longest = int(counts.max())
        where = low + int(np.flatnonzero(counts == longest)[-1])
        best = max(best, longest << 64 | where)
    return {"start": first + n, "last": first + n - 1, "best": best, "total": total}


def sweep_by_numpy(n: int, seed: int) -> dict[str, Any]:
    """Sweep with arrays of 64-bit integers."""
    result = count_by_numpy(n, seed)
    del result["total"]
    return result


SWEEP = Parts(build_sweep, sweep_by_hand, sweep_by_numpy)
COUNT = Parts(build_count, count_by_hand, count_by_numpy)
