"""Where loops begin: the addresses at which a program comes by again and again, and how predictable it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc_riscv.effect import Effect
from asc_riscv.machine import Machine
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
_CANDIDATES = 12  # loops that are looked at
_ALIKE = 1.2  # loops whose distances differ by less are one loop, or one inside the other that turns once


class Loop(NamedTuple):
    """A loop's head, and how many instructions lie between two arrivals there, on average."""

    address: int
    distance: float
    predictable: float
    """Share of the values that a stretch reads, and that change, which lie on a line. 1 without such values."""


def backward_targets(machine: Machine) -> set[int]:
    """Return where branches and jumps of the program lead back to.

    What lies between functions may look like instructions, and then give addresses at which nothing ever happens.
    """
    code = machine.program.code
    halves = np.frombuffer(machine.read(code.start, len(code) & ~1), dtype="<u2").tolist()
    found, at = set[int](), 0
    while at < len(halves):
        low = halves[at]
        if low & 3 == 3:
            word = low | (halves[at + 1] if at + 1 < len(halves) else 0) << 16
            offset = _offset(word)
        else:
            offset = _short_offset(low)
        if offset < 0 and (target := code.start + 2 * at + offset) in code:
            found.add(target)
        at += 2 if low & 3 == 3 else 1
    return found


def choose_loop(process: Process, profile: int = PROFILE) -> Loop | None:
    """Return the loop whose turns can be predicted best, of equal ones the longest; None where there is none.

    Where little of each can be predicted, that is the longest: arrivals cost time.

    The program runs on meanwhile, by a few times `profile` instructions at most. It is profiled at all scales at once:
    loops that are known by a few arrivals no longer stop the machine, so that those around them show.
    """
    distances = _distances(process, profile)
    best: Loop | None = None
    for address, distance in sorted(distances.items(), key=lambda item: item[1])[:_CANDIDATES]:
        if process.is_finished:
            break
        share = _predictable(process, address, max(1, round(_STRETCH * profile / distance)), profile)
        if share is not None and (best is None or _promise(share) >= _promise(best.predictable)):
            best = Loop(address, distance, share)
    process.machine.set_breakpoints(() if best is None else (best.address,))
    return best


def _promise(share: float) -> float:
    return share if share >= _LITTLE else 0.0


def _distances(process: Process, profile: int) -> dict[int, float]:
    """Return the instructions from one arrival to the next, by loop head; of loops alike, those of the first."""
    machine = process.machine
    active, seen = backward_targets(machine), dict[int, list[int]]()
    end = machine.instructions + profile
    machine.set_breakpoints(active)
    while active and not process.is_finished and machine.instructions < end:
        stop = process.run(end - machine.instructions, 1)
        if stop.reason is not StopReason.BREAKPOINT:
            break
        times = seen.setdefault(stop.pc, [])
        times.append(machine.instructions)
        if len(times) == _LOOKS:
            active.remove(stop.pc)
            machine.set_breakpoints(active)
    found = dict[int, float]()
    for address, times in seen.items():
        distance = (times[-1] - times[0]) / max(1, len(times) - 1)
        if len(times) >= _FEWEST and 0 < distance <= _LONGEST * profile:
            alike = (known for known in found.values() if 1 / _ALIKE < known / distance < _ALIKE)
            if next(alike, None) is None:
                found[address] = distance
    return found


def _predictable(process: Process, address: int, turns: int, budget: int) -> float | None:
    """Return the share of changing values, read by stretches of so many turns, that are on a line with the two before.

    None where the program does not come by as often without a system call.
    """
    machine = process.machine
    machine.set_breakpoints((address,))
    if process.run(budget, 1).reason is not StopReason.BREAKPOINT:
        return None
    effects, registers = list[Effect](), list[NDArray[np.uint64]]()
    for _ in range(_STRETCHES):
        registers.append(machine.registers.copy())
        machine.begin_stretch()
        stop = machine.run_tracked(budget, turns)
        effect = machine.effect() if stop.reason is StopReason.BREAKPOINT else None
        if effect is None:
            return None
        effects.append(effect)
    right = judged = 0
    written = np.unique(np.concatenate([effect.words_written for effect in effects]))
    for at in range(3, _STRETCHES):
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


def _offset(word: int) -> int:
    """Return how far a branch (B-type) or `jal` leads, in bytes; 0 for other instructions."""
    if word & 0x7F == 0x63:
        return _signed(
            (word >> 31 & 1) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1, 13
        )
    if word & 0x7F == 0x6F:
        return _signed(
            (word >> 31 & 1) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1, 21
        )
    return 0


def _short_offset(half: int) -> int:
    """Return how far `c.j`, `c.beqz` or `c.bnez` leads, in bytes; 0 for other compressed instructions."""
    kind = half & 3, half >> 13
    if kind == (1, 5):
        return _signed(sum((half >> bit & 1) << place for bit, place in _JUMP.items()), 12)
    if kind in ((1, 6), (1, 7)):
        return _signed(sum((half >> bit & 1) << place for bit, place in _BRANCH.items()), 9)
    return 0


_JUMP = {12: 11, 11: 4, 10: 9, 9: 8, 8: 10, 7: 6, 6: 7, 5: 3, 4: 2, 3: 1, 2: 5}
_BRANCH = {12: 8, 11: 4, 10: 3, 6: 7, 5: 6, 4: 2, 3: 1, 2: 5}
"""Places of an offset's bits, by the bits of a compressed instruction that have them."""


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
