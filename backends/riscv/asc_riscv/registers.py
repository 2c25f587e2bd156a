"""Names of registers, as numbers 0 to 63 and in masks of 64 bits."""

from __future__ import annotations

REGISTER_COUNT = 64
FCSR_BIT = 0
"""Bit of a mask that stands for fcsr. Register x0 is always zero and needs none."""

STACK_POINTER = 2
ARGUMENTS = tuple(range(10, 18))
"""a0 to a7: what a system call is given; a7 is its number, and a0 takes the answer."""

_INTEGER = "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
_FLOATING = (
    "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 "
    "fs10 fs11 ft8 ft9 ft10 ft11"
)
NAMES = (*_INTEGER.split(), *_FLOATING.split())
NUMBERS = {name: number for number, name in enumerate(NAMES)}


def numbers_in(mask: int) -> list[int]:
    """Return the numbers of the bits that are set in a mask, ascending."""
    return [number for number in range(REGISTER_COUNT) if mask >> number & 1]


def names_in(mask: int) -> list[str]:
    """Return the names of the registers in a mask; bit 0 is fcsr."""
    return ["fcsr" if number == FCSR_BIT else NAMES[number] for number in numbers_in(mask)]
