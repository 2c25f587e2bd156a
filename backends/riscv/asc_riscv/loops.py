"""Where loops begin: the addresses at which a program comes by again and again, and how predictable it is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc_riscv.effect import Effect
from asc_riscv.process import Process
from asc_riscv.stop import StopReason

PROFILE = 4_000_000
"""Instructions in which loops are looked for."""

_LOOKS = 16  # arrivals after which the distance of a loop is known
_FEWEST = 4  # arrivals that tell a distance
_STRETCH = 1 / 500  # instructions at least of a stretch whose start is predicted, as a share of the profile
_LONGEST = 1 / 4  # instructions of one turn of a loop at most, as a share of the profile
_STRETCHES = 6  # that are looked at, at each loop
_LITTLE = 0.3  # share of values on a line, below which a loop promises nothing
_ENOUGH = 0.9  # the same, from which on no other heads are looked at
_CANDIDATES = 12  # loops that are looked at
_TARGETS = 48  # branch targets that are looked at where no loop promises enough, those with the longest distances
_ALIKE = 1.2  # loops whose distances differ by less are one loop, or one inside the other that turns once


class Loop(NamedTuple):
    """A loop's head, and how many instructions lie between two arrivals there, on average."""

    address: int
    distance: float
    predictable: float
    """Share of the values that a stretch reads, and that change, which lie on a line. 1 without such values."""
    effects: tuple[Effect, ...]
    """Of the stretches that were looked at."""


def choose_loop(process: Process, profile: int = PROFILE) -> Loop | None:
    """Return the loop whose turns can be predicted best, of equal ones the longest; None where there is none.

    Where little of each can be predicted, that is the longest: arrivals cost time.

    The program runs on meanwhile, by a few times `profile` instructions at most. It is profiled at all scales at once:
    loops that are known by a few arrivals no longer stop the machine, so that those around them show.

    An interpreter has one loop for all that its program does. So where no loop can be predicted well, all targets of
    branches count as heads: some belong to one loop of the program.
    """
    loops = _distances(process, process.machine.jump_targets(backward=True), profile, _ALIKE)
    best = _best(process, loops[:_CANDIDATES], profile)
    if best is None or best.predictable < _ENOUGH:
        others = _distances(process, process.machine.jump_targets(), profile, alike=1.0)
        best = max(best, _best(process, others[-_TARGETS:], profile), key=_rank)
    process.machine.set_breakpoints(() if best is None else (best.address,))
    return best


def _best(process: Process, heads: Sequence[tuple[int, float]], profile: int) -> Loop | None:
    """Return the best of these heads and their distances; None where the program comes by at none of them."""
    best: Loop | None = None
    for address, distance in heads:
        if process.is_finished:
            break
        effects, registers = _stretches(process, address, max(1, round(_STRETCH * profile / distance)), profile)
        if len(effects) == _STRETCHES:
            share = _predictable(effects, registers)
            best = max(best, Loop(address, distance, share, tuple(effects)), key=_rank)
    return best


def _rank(loop: Loop | None) -> tuple[float, float]:
    return (-1.0, 0.0) if loop is None else (_promise(loop.predictable), loop.distance)


def _promise(share: float) -> float:
    return share if share >= _LITTLE else 0.0


def _distances(process: Process, heads: Collection[int], profile: int, alike: float) -> list[tuple[int, float]]:
    """Return heads with the instructions from one arrival to the next, by ascending distance.

    Of heads whose distances differ by less than the factor `alike`, the first that was seen is taken.
    """
    found = dict[int, float]()
    for address, times in _arrivals(process, heads, profile).items():
        distance = _distance(times)
        is_loop = len(times) >= _FEWEST and 0 < distance <= _LONGEST * profile
        if is_loop and not any(1 / alike < known / distance < alike for known in found.values()):
            found[address] = distance
    return sorted(found.items(), key=lambda item: item[1])


def inner_loops(process: Process, head: int, profile: int) -> list[tuple[int, float]]:
    """Return the loops to whose heads the program comes more often than to `head`, with their distances; longest first.

    The program runs on meanwhile, by `profile` instructions at most.
    """
    seen = _arrivals(process, process.machine.jump_targets(backward=True) | {head}, profile)
    distances = {address: _distance(times) for address, times in seen.items() if len(times) >= _FEWEST}
    longest = distances.pop(head, float("inf"))
    inner = [(address, distance) for address, distance in distances.items() if 0 < distance < longest]
    return sorted(inner, key=lambda loop: -loop[1])


def _distance(times: Sequence[int]) -> float:
    return (times[-1] - times[0]) / max(1, len(times) - 1)


def _arrivals(process: Process, heads: Collection[int], profile: int) -> dict[int, list[int]]:
    """Return at how many instructions the program comes to each head, for the first few times."""
    machine = process.machine
    seen = dict[int, list[int]]()
    end = machine.instructions + profile
    machine.set_breakpoints(heads)
    while not process.is_finished and machine.instructions < end:
        stop = process.run(end - machine.instructions, 1)
        if stop.reason is not StopReason.BREAKPOINT:
            break
        times = seen.setdefault(stop.pc, [])
        times.append(machine.instructions)
        if len(times) == _LOOKS:
            machine.remove_breakpoint(stop.pc)
    return seen


def _stretches(
    process: Process, address: int, turns: int, budget: int
) -> tuple[list[Effect], list[NDArray[np.uint64]]]:
    """Return the effects of stretches of so many turns, and the registers at their starts.

    There are fewer than `_STRETCHES` where the program does not come by as often without a system call.
    """
    machine = process.machine
    machine.set_breakpoints((address,))
    effects, registers = list[Effect](), list[NDArray[np.uint64]]()
    if process.run(budget, 1).reason is not StopReason.BREAKPOINT:
        return effects, registers
    for _ in range(_STRETCHES):
        registers.append(machine.registers.copy())
        machine.begin_stretch()
        stop = machine.run_tracked(budget, turns)
        effect = machine.effect() if stop.reason is StopReason.BREAKPOINT else None
        if effect is None:
            break
        effects.append(effect)
    return effects, registers


def _predictable(effects: Sequence[Effect], registers: Sequence[NDArray[np.uint64]]) -> float:
    """Return the share of changing values, read by a stretch, that are on a line with the two stretches before."""
    right = judged = 0
    written = np.unique(np.concatenate([effect.words_written for effect in effects]))
    for at in range(3, len(effects)):
        for number in range(64):
            if effects[at].registers_read >> number & 1:
                one, two, three = (int(registers[which][number]) for which in (at - 2, at - 1, at))
                if number and not one == two == three:
                    judged += 1
                    right += three == (2 * two - one) % 2**64
        lined, changing = _lined(effects[at - 2 : at + 1], written)
        right, judged = right + lined, judged + changing
    return right / judged if judged else 1.0


def _lined(effects: Sequence[Effect], written: NDArray[np.uint32]) -> tuple[int, int]:
    """Return how many of the words that the last effect reads, and that change, are on a line; and how many change."""
    last = effects[-1]
    changing = np.isin(last.words_read, written)
    words, values = last.words_read[changing], last.read_values[changing]
    before = [dict(zip(each.words_read.tolist(), each.read_values.tolist(), strict=True)) for each in effects[:-1]]
    right = 0
    for word, value in zip(words.tolist(), values.tolist(), strict=True):
        one, two = (known.get(word) for known in before)
        right += one is not None and two is not None and value == (2 * two - one) % 2**64
    return right, len(words)
