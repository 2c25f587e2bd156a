"""Draws registers, memory and streams of instructions."""

from __future__ import annotations

import operator
import random
import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from assembler import (
    BASE,
    DATA_BYTES,
    DOUBLE,
    EBREAK,
    INTEGER,
    MEMORY,
    MIDDLE,
    SINGLE,
    Encoder,
    add,
    addi,
    b_type,
    jal,
    ld,
    program,
    r_type,
    sd,
)
from hypothesis import strategies as st
from numpy.typing import NDArray

from asc_riscv.machine import Machine

EVERYTHING: Mapping[str, Encoder] = {
    **INTEGER,
    **MEMORY,
    **{f"single {name}": encoder for name, encoder in SINGLE.items()},
    **{f"double {name}": encoder for name, encoder in DOUBLE.items()},
}

_FEW = ("immediate 0", "base 0", "base 4", "sub", "load 2", "load 3", "store 2", "store 3")
ADDING: Mapping[str, Encoder] = {name: EVERYTHING[name] for name in _FEW}
"""The few instructions that decide what counts as an increment."""

_EDGES = [0, 1, 2, 63, 64, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
_DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.5, 2.5, 5e-324, 1e308, 2.0**31, -(2.0**31) - 0.5, 2.0**63, 2.0**64]
_DOUBLE_BITS = [0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000, 0x7FF0000000000001]
_SINGLES = [0.0, -0.0, 1.0, -1.5, 0.5, 2.5, 1e-45, 3e38, 2.0**31, 2.0**63]
_SINGLE_BITS = [0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001]


class State(NamedTuple):
    """Registers and data to begin with."""

    registers: NDArray[np.uint64]
    data: bytes


def _double(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(_DOUBLE_BITS)
    number = rng.choice(_DOUBLES) if kind < 0.5 else rng.uniform(-1, 1) * 10.0 ** rng.randint(-20, 22)
    return int(struct.unpack("<Q", struct.pack("<d", number))[0])


def _single(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.2:
        bits = rng.choice(_SINGLE_BITS)
    else:
        number = rng.choice(_SINGLES) if kind < 0.5 else rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 12)
        bits = struct.unpack("<I", struct.pack("<f", number))[0]
    return 0xFFFFFFFF00000000 | int(bits)


def state(seed: int, *, singles: bool = False) -> State:
    """Return registers and data drawn from a seed; floating-point registers hold singles or doubles."""
    rng = random.Random(seed)
    integers = [rng.choice(_EDGES) if rng.random() < 0.5 else rng.getrandbits(64) for _ in range(32)]
    integers[0], integers[BASE] = 0, MIDDLE
    floats = [_single(rng) if singles else _double(rng) for _ in range(32)]
    return State(np.array([*integers, *floats], dtype=np.uint64), rng.randbytes(DATA_BYTES))


def instruction(operations: Mapping[str, Encoder]) -> st.SearchStrategy[int]:
    """Return a strategy for instructions. BASE is never changed."""
    few = st.sampled_from([0, 1, 5, 8, 10, 11, 12, 31])
    destination = few | st.sampled_from([2, 3, 13, 14, 30])
    constant = st.integers(-2048, 2047) | st.sampled_from([0, 8, 16, -8, 4, 1])
    return st.builds(
        lambda name, rd, rs1, rs2, value: operations[name](rd, rs1, rs2, value),
        st.sampled_from(sorted(operations)),
        destination,
        few | st.just(BASE),
        few,
        constant,
    )


def stream(operations: Mapping[str, Encoder], longest: int = 24) -> st.SearchStrategy[list[int]]:
    """Return a strategy for instructions that are executed in their order."""
    return st.lists(instruction(operations), min_size=1, max_size=longest)


def memory_sum() -> st.SearchStrategy[list[int]]:
    """Return a strategy for the three instructions that add to a word of the memory."""

    def made(register: int, offset: int, kind: int, other: int, constant: int) -> list[int]:
        additions = [addi(register, register, constant), add(register, register, other), add(register, other, register)]
        additions.append(r_type(0x33, 0, 0x20, register, register, other))
        return [ld(register, offset, BASE), additions[kind], sd(register, offset, BASE)]

    few = st.sampled_from([10, 11, 12])
    return st.builds(made, few, st.sampled_from([0, 8]), st.integers(0, 3), few | st.just(0), st.integers(-9, 9))


_BLOCK = tuple[list[int], int, int, int, int]


def _with_branches(blocks: list[_BLOCK], laps: int) -> list[int]:
    """Return blocks, each followed by a branch forwards over the next instructions, in a loop of some laps."""
    body: list[int] = []
    for instructions, funct3, rs1, rs2, over in blocks:
        body += [*instructions, b_type(funct3, rs1, rs2, 4 * (over + 1)), *[0x00000013 | 10 << 7] * over]
    counter = 27
    count_down = 0xFFF << 20 | counter << 15 | counter << 7 | 0x13
    back = -4 * (len(body) + 1)
    return [laps << 20 | counter << 7 | 0x13, *body, count_down, b_type(1, counter, 0, back), jal(0, 4)]


def looping(
    operations: Mapping[str, Encoder] = EVERYTHING, laps: tuple[int, int] = (1, 4)
) -> st.SearchStrategy[list[int]]:
    """Return a strategy for small programs with branches and a loop; they end at `ebreak`, which is not included."""
    few = st.sampled_from([0, 1, 5, 8, 10, 11])
    instructions = st.builds(operator.add, stream(operations, 5) | memory_sum(), st.just([]) | memory_sum())
    block = st.tuples(instructions, st.sampled_from([0, 1, 4, 5, 6, 7]), few, few, st.integers(0, 2))
    return st.builds(_with_branches, st.lists(block, min_size=1, max_size=4), st.integers(*laps))


def machine(instructions: list[int], begin: State) -> Machine:
    """Return a machine with a program that ends at `ebreak`, in a state."""
    made = Machine(program([*instructions, EBREAK]), memory_bytes=0x10000 + 2 * DATA_BYTES)
    set_state(made, begin)
    return made


def set_state(made: Machine, begin: State) -> None:
    """Set registers and data."""
    made.registers[:] = begin.registers
    made.write(MIDDLE - DATA_BYTES // 2, begin.data)


def same(one: Machine, other: Machine) -> bool:
    """Return whether two machines are in the same state."""
    return (
        one.pc == other.pc
        and one.fcsr == other.fcsr
        and bool((one.registers[1:] == other.registers[1:]).all())
        and bool((one.memory == other.memory).all())
    )
