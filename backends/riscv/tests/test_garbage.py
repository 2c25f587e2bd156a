"""A machine returns from any state: workers begin from states that nobody has seen."""

from __future__ import annotations

import numpy as np
from assembler import CODE, DATA, EBREAK, addi, i_type, jal, ld, program, s_type, sd
from drawn import machine, state
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_riscv import Machine, Process, StopReason, compiled

BUDGET = 20_000
NUMBERS = st.integers(0, 2**64 - 1)


@settings(max_examples=150)
@given(st.binary(min_size=2, max_size=400), st.lists(NUMBERS, min_size=64, max_size=64), st.integers(-9, 500), NUMBERS)
def test_any_code_from_any_state_returns_and_both_ways_agree(
    code: bytes, registers: list[int], start: int, data: int
) -> None:
    runs = []
    for run in (Machine.run, Machine.run_tracked):
        ran = Machine(program(code), memory_bytes=1 << 18)
        ran.registers[:] = np.array(registers, dtype=np.uint64)
        ran.words[DATA // 8 - CODE // 8 :] = data
        ran.begin_stretch()
        ran.pc = CODE + start
        runs.append((run(ran, BUDGET), ran.instructions, ran.registers[1:].tolist(), ran.fcsr, ran.words.tobytes()))
    assert runs[0] == runs[1]
    assert runs[0][1] <= BUDGET + len(code)


def stop_of(*instructions: int, x10: int = 0) -> tuple[StopReason, int]:
    """Return why a program stops, and at which address."""
    reasons = set()
    for run in (Machine.run, Machine.run_tracked):
        ran = machine(list(instructions), state(1))
        ran.registers[10] = x10
        stop = run(ran, BUDGET)
        reasons.add((stop.reason, stop.address or stop.pc))
    assert len(reasons) == 1
    return reasons.pop()


def test_every_reason_to_stop_is_told() -> None:
    end = CODE + (1 << 16) + 8192 - 8
    assert stop_of(ld(11, 0, 10), x10=CODE - 1) == (StopReason.BAD_ACCESS, CODE - 1)
    assert stop_of(ld(11, 0, 10), x10=end) == (StopReason.BAD_ACCESS, end)
    assert stop_of(ld(11, 0, 10), x10=end - 1) == (StopReason.EBREAK, CODE + 4)
    assert stop_of(sd(11, 0, 10), x10=2**64 - 8) == (StopReason.BAD_ACCESS, 2**64 - 8)
    assert stop_of(s_type(0x23, 0, 10, 11, 0), x10=end) == (StopReason.BAD_ACCESS, end)
    assert stop_of(sd(11, 0, 10), x10=CODE) == (StopReason.STORE_INTO_CODE, CODE)
    assert stop_of(sd(11, 0, 10), x10=CODE + 64) == (StopReason.READ_ONLY, CODE + 64)
    assert stop_of(0) == (StopReason.BAD_INSTRUCTION, CODE)
    assert stop_of(0xC0002573) == (StopReason.UNSUPPORTED_INSTRUCTION, CODE)  # rdcycle
    assert stop_of(0x00B61553, 0x00C5B553) == (StopReason.UNSUPPORTED_INSTRUCTION, CODE)  # rounding up and down
    assert stop_of(0x00215073) == (StopReason.UNSUPPORTED_INSTRUCTION, CODE)  # fsrmi 2
    assert stop_of(EBREAK) == (StopReason.EBREAK, CODE)
    assert stop_of(0x73) == (StopReason.ECALL, CODE)
    assert stop_of(jal(0, -8)) == (StopReason.JUMP_OUTSIDE_CODE, CODE - 8)
    assert stop_of(i_type(0x67, 0, 0, 10, 3), x10=0x30000) == (StopReason.JUMP_OUTSIDE_CODE, 0x30002)
    assert stop_of(jal(0, 0)) == (StopReason.BUDGET, CODE)


def test_an_odd_pc_and_code_without_an_end_stop() -> None:
    ran = Machine(program([addi(10, 10, 1)]), memory_bytes=1 << 18)
    assert ran.run().reason is StopReason.JUMP_OUTSIDE_CODE
    assert ran.pc == CODE + 4
    ran.pc = CODE + 1
    assert ran.run().reason is StopReason.MISALIGNED_JUMP
    assert ran.run_tracked().reason is StopReason.MISALIGNED_JUMP


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_a_real_program_returns_from_any_pc(cache: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ran = Process(compiled("lexer", cache=cache), ["100"]).machine  # type: ignore[arg-type]
    ran.run(int(rng.integers(1, 5000)))
    ran.registers[1:] = rng.integers(0, 2**63, 63, dtype=np.uint64)
    ran.registers[2] = ran.base + ran.memory.nbytes - 4096
    ran.pc = ran.program.code.start + 2 * int(rng.integers(0, len(ran.program.code) // 2))
    ran.begin_stretch()
    assert ran.run_tracked(BUDGET).reason in StopReason
