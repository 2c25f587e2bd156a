"""Makes instructions and small programs without a compiler."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from asc_riscv.elf import Program, Segment

CODE, DATA, DATA_BYTES = 0x10000, 0x20000, 4096
"""Where code and data of these programs are."""

BASE = 9
"""The register that points to the middle of the data, and that no drawn instruction changes."""

MIDDLE = DATA + DATA_BYTES // 2

EBREAK, ECALL, NOP = 0x00100073, 0x00000073, 0x00000013


def r_type(opcode: int, funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> int:
    """Return an instruction of three registers."""
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def i_type(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    """Return an instruction of two registers and a constant of 12 bits."""
    return (immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def s_type(opcode: int, funct3: int, rs1: int, rs2: int, immediate: int) -> int:
    """Return a store."""
    return (immediate >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (immediate & 31) << 7 | opcode


def b_type(funct3: int, rs1: int, rs2: int, distance: int) -> int:
    """Return a branch."""
    high = (distance >> 12 & 1) << 31 | (distance >> 5 & 63) << 25
    low = (distance >> 1 & 15) << 8 | (distance >> 11 & 1) << 7
    return high | rs2 << 20 | rs1 << 15 | funct3 << 12 | low | 0x63


def jal(rd: int, distance: int) -> int:
    """Return a jump."""
    high = (distance >> 20 & 1) << 31 | (distance >> 1 & 0x3FF) << 21 | (distance >> 11 & 1) << 20
    return high | (distance >> 12 & 0xFF) << 12 | rd << 7 | 0x6F


def addi(rd: int, rs1: int, immediate: int) -> int:
    """Return rd = rs1 + immediate."""
    return i_type(0x13, 0, rd, rs1, immediate)


def add(rd: int, rs1: int, rs2: int) -> int:
    """Return rd = rs1 + rs2."""
    return r_type(0x33, 0, 0, rd, rs1, rs2)


def ld(rd: int, offset: int, rs1: int) -> int:
    """Return rd = the 8 bytes at rs1 + offset."""
    return i_type(0x03, 3, rd, rs1, offset)


def sd(rs2: int, offset: int, rs1: int) -> int:
    """Return a store of 8 bytes at rs1 + offset."""
    return s_type(0x23, 3, rs1, rs2, offset)


def encoded(instructions: Iterable[int]) -> bytes:
    """Return the bytes of instructions; those of 2 bytes have other than 3 in their lowest bits."""
    return b"".join(struct.pack("<I" if word & 3 == 3 else "<H", word) for word in instructions)


def program(instructions: Iterable[int] | bytes) -> Program:
    """Return a program of these instructions, with data behind them."""
    code = instructions if isinstance(instructions, bytes) else encoded(instructions)
    code += bytes(len(code) % 2)
    segments = (Segment(CODE, code, len(code), True, False), Segment(DATA, b"", DATA_BYTES, False, True))
    return Program("test", CODE, segments, range(CODE, CODE + len(code)), DATA, {}, (0, 0, 0))


Encoder = Callable[[int, int, int, int], int]
"""Makes an instruction of rd, rs1, rs2 and a constant of 12 bits."""


def _registers(opcode: int, funct3: int, funct7: int) -> Encoder:
    return lambda rd, rs1, rs2, _: r_type(opcode, funct3, funct7, rd, rs1, rs2)


def _fixed_second(opcode: int, funct3: int, funct7: int, second: int) -> Encoder:
    return lambda rd, rs1, _rs2, _: r_type(opcode, funct3, funct7, rd, rs1, second)


def _constant(opcode: int, funct3: int) -> Encoder:
    return lambda rd, rs1, _, constant: i_type(opcode, funct3, rd, rs1, constant)


def _shift(opcode: int, funct3: int, upper: int, mask: int) -> Encoder:
    return lambda rd, rs1, _, constant: i_type(opcode, funct3, rd, rs1, constant & mask | upper << 5)


def _load(opcode: int, funct3: int) -> Encoder:
    return lambda rd, _rs1, _rs2, constant: i_type(opcode, funct3, rd, BASE, constant)


def _store(opcode: int, funct3: int) -> Encoder:
    return lambda _, _rs1, rs2, constant: s_type(opcode, funct3, BASE, rs2, constant)


def _fused(opcode: int, form: int) -> Encoder:
    return lambda rd, rs1, rs2, constant: r_type(opcode, 7, (constant & 31) << 2 | form, rd, rs1, rs2)


INTEGER: dict[str, Encoder] = {
    **{f"immediate {k}": _constant(0x13, k) for k in (0, 2, 3, 4, 6, 7)},
    "slli": _shift(0x13, 1, 0, 63),
    "srli": _shift(0x13, 5, 0, 63),
    "srai": _shift(0x13, 5, 0x20, 63),
    "addiw": _constant(0x1B, 0),
    "slliw": _shift(0x1B, 1, 0, 31),
    "srliw": _shift(0x1B, 5, 0, 31),
    "sraiw": _shift(0x1B, 5, 0x20, 31),
    **{f"base {k}": _registers(0x33, k, 0) for k in range(8)},
    **{f"multiply {k}": _registers(0x33, k, 1) for k in range(8)},
    "sub": _registers(0x33, 0, 0x20),
    "sra": _registers(0x33, 5, 0x20),
    **{f"base w {k}": _registers(0x3B, k, 0) for k in (0, 1, 5)},
    **{f"multiply w {k}": _registers(0x3B, k, 1) for k in (0, 4, 5, 6, 7)},
    "subw": _registers(0x3B, 0, 0x20),
    "sraw": _registers(0x3B, 5, 0x20),
    "lui": lambda rd, _rs1, _rs2, constant: (constant & 0xFFF) << 20 | rd << 7 | 0x37,
    "auipc": lambda rd, _rs1, _rs2, constant: (constant & 0xFFF) << 20 | rd << 7 | 0x17,
}
"""Instructions on integer registers."""

MEMORY: dict[str, Encoder] = {
    **{f"load {k}": _load(0x03, k) for k in range(7)},
    **{f"store {k}": _store(0x23, k) for k in range(4)},
    "flw": _load(0x07, 2),
    "fld": _load(0x07, 3),
    "fsw": _store(0x27, 2),
    "fsd": _store(0x27, 3),
    # Atomic operations at the address in BASE itself, which is aligned.
    **{
        f"atomic {operation} {width}": (
            lambda rd, _rs1, rs2, _constant, operation=operation, width=width: r_type(  # type: ignore[misc]
                0x2F, width, operation << 2, rd, BASE, rs2
            )
        )
        for operation in (0, 1, 4, 8, 12, 16, 20, 24, 28)
        for width in (2, 3)
    },
}
"""Loads, stores and atomic operations, all relative to BASE."""


def _floating(form: int) -> dict[str, Encoder]:
    return {
        **{f"arithmetic {k}": _registers(0x53, 7, k << 2 | form) for k in range(4)},
        "sqrt": _fixed_second(0x53, 7, 0x2C | form, 0),
        **{f"fused {k}": _fused(0x43 | k << 2, form) for k in range(4)},
        **{f"sign {k}": _registers(0x53, k, 0x10 | form) for k in range(3)},
        **{f"extreme {k}": _registers(0x53, k, 0x14 | form) for k in range(2)},
        **{f"compare {k}": _registers(0x53, k, 0x50 | form) for k in range(3)},
        **{
            f"to integer {kind} {mode}": _fixed_second(0x53, mode, 0x60 | form, kind)
            for kind in range(4)
            for mode in range(5)
        },
        **{f"from integer {kind}": _fixed_second(0x53, 0, 0x68 | form, kind) for kind in range(4)},
        "class": _fixed_second(0x53, 1, 0x70 | form, 0),
        "to bits": _fixed_second(0x53, 0, 0x70 | form, 0),
        "from bits": _fixed_second(0x53, 0, 0x78 | form, 0),
    }


SINGLE, DOUBLE = _floating(0), _floating(1)
"""Instructions on floating-point numbers of 4 and 8 bytes."""
