"""System calls: output, input, memory, and the start of a program, the same in every run."""

from __future__ import annotations

import errno
import gc
import struct

import pytest
from assembler import CODE, DATA, ECALL, addi, program

from asc.errors import AscError
from asc_riscv import Process, StopReason

MEMORY_BYTES = 1 << 20


class Caller:
    """A process that makes the calls it is asked to."""

    def __init__(self, **settings: object) -> None:
        self.process = Process(program([ECALL, addi(0, 0, 0)] * 64), memory_bytes=MEMORY_BYTES, **settings)  # type: ignore[arg-type]
        self.machine, self.system = self.process.machine, self.process.system

    def __call__(self, number: int, *arguments: int) -> int:
        """Make a call and return its answer, negative where it failed."""
        registers = self.machine.registers
        registers[10:17] = [value % (1 << 64) for value in (*arguments, *[0] * (7 - len(arguments)))]
        registers[17] = number
        assert self.machine.run(1).reason is StopReason.ECALL
        self.system.answer()
        return int(registers[10].astype("int64"))


def text(call: Caller, content: bytes) -> int:
    """Place a text in the program's data."""
    call.machine.write(DATA, content + b"\0")
    return DATA


def test_output_is_kept_in_its_order() -> None:
    call = Caller()
    assert call(64, 1, text(call, b"one "), 4) == 4
    assert call(64, 2, text(call, b"warning"), 7) == 7
    vectors = struct.pack("<4Q", DATA + 64, 2, DATA + 66, 1)
    call.machine.write(DATA + 32, vectors)
    call.machine.write(DATA + 64, b"two")
    assert call(66, 1, DATA + 32, 2) == 3
    assert call.system.output == [(1, b"one "), (2, b"warning"), (1, b"tw"), (1, b"o")]
    assert call.system.written() == b"one two"
    assert call(64, 5, DATA, 1) == -errno.EBADF
    assert call(64, 1, 0, 1) == -errno.EFAULT
    assert call(64, 1, DATA, -1) == -errno.EFAULT


def test_input_and_files_are_those_that_were_given() -> None:
    call = Caller(standard_input=b"hello", files={"data.txt": b"0123456789"})
    assert call(63, 0, DATA, 4) == 4
    assert call.machine.read(DATA, 4) == b"hell"
    assert [call(63, 0, DATA, 4), call(63, 0, DATA, 4)] == [1, 0]
    assert call(56, -100, text(call, b"other.txt")) == -errno.ENOENT
    assert call(56, -100, text(call, b"data.txt"), 1) == -errno.EROFS
    descriptor = call(56, -100, text(call, b"data.txt"))
    assert descriptor == 3
    assert call(62, descriptor, 6, 0) == 6
    assert call(63, descriptor, DATA, 100) == 4
    assert call.machine.read(DATA, 4) == b"6789"
    assert call(80, descriptor, DATA) == 0
    assert struct.unpack("<q", call.machine.read(DATA + 48, 8)) == (10,)
    assert [call(57, descriptor), call(57, descriptor)] == [0, -errno.EBADF]
    assert call(63, 0, CODE, 4) == 0  # nothing is left to read, so nothing is written
    assert Caller(standard_input=b"code")(63, 0, CODE, 4) == -errno.EFAULT


def test_memory_comes_from_the_one_memory_and_is_zero() -> None:
    call = Caller()
    start = call(214, 0)
    assert call(214, start + 8192) == start + 8192
    assert call(214, start + MEMORY_BYTES) == start + 8192
    mapped = call(222, 0, 10_000, 3, 0x22, -1, 0)
    assert mapped % 4096 == 0
    assert mapped > start
    call.machine.write(mapped, b"x" * 10_000)
    assert call(215, mapped, 10_000) == 0
    assert call(222, 0, 10_000, 3, 0x22, -1, 0) == mapped
    assert call.machine.read(mapped, 10_000) == bytes(10_000)
    assert call(222, 0, MEMORY_BYTES, 3, 0x22, -1, 0) == -errno.ENOMEM
    assert call(222, 0, 4096, 3, 0x02, 3, 0) == -errno.ENODEV
    assert call(222, 0, 0, 3, 0x22, -1, 0) == -errno.EINVAL


def test_what_depends_on_the_time_or_on_chance_is_the_same_in_every_run() -> None:
    answers = []
    for _ in range(2):
        call = Caller()
        assert call(113, 0, DATA) == call(169, DATA + 16) == 0
        assert call(278, DATA + 32, 16) == 16
        assert call(278, DATA + 48, 16) == 16
        assert call(160, DATA + 64) == 0
        answers.append(call.machine.read(DATA, 1024))
    assert answers[0] == answers[1]
    assert answers[0][:32] == bytes(32)
    assert answers[0][32:48] != answers[0][48:64]


def test_a_call_that_is_not_offered_is_refused_by_name_and_place() -> None:
    call = Caller()
    with pytest.raises(AscError, match=r"test makes the system call clone \(number 220, pc 0x10000\), which this"):
        call(220)
    with pytest.raises(AscError, match=r"the system call unknown \(number 5000, pc 0x10000\)"):
        call(5000)


def test_a_program_finds_its_arguments_and_environment() -> None:
    process = Process(program([ECALL]), ["first", "näch"], environment={"HOME": "/"}, memory_bytes=MEMORY_BYTES)
    machine = process.machine
    top = int(machine.registers[2])
    assert top % 16 == 0

    def word(place: int) -> int:
        return int(struct.unpack("<Q", machine.read(top + 8 * place, 8))[0])

    def string(place: int) -> str:
        return machine.read(word(place), 16).partition(b"\0")[0].decode()

    assert word(0) == 3
    assert [string(place) for place in (1, 2, 3)] == ["test", "first", "näch"]
    assert [word(4), string(5), word(6)] == [0, "HOME=/", 0]
    auxiliary = {word(place): word(place + 1) for place in range(7, 7 + 2 * 13, 2)}
    assert auxiliary[6] == 4096
    assert auxiliary[9] == CODE
    assert machine.read(auxiliary[25], 16) == bytes(range(1, 17))


def test_registers_outlive_their_machine() -> None:
    registers = Process(program([ECALL]), memory_bytes=MEMORY_BYTES).machine.registers
    gc.collect()
    assert int(registers[2]) % 16 == 0


def test_a_run_goes_on_over_calls_and_ends_at_exit() -> None:
    # while (true) write(1, DATA, 1)
    loop = [addi(10, 0, 1), 0x20 << 12 | 11 << 7 | 0x37, addi(12, 0, 1), addi(17, 0, 64), ECALL]
    process = Process(program([*loop, 0xFEDFF06F]), memory_bytes=MEMORY_BYTES)
    stop = process.run(60)
    assert stop.reason is StopReason.BUDGET
    assert len(process.system.written()) == 10
    assert process.machine.instructions == 60
    with pytest.raises(AscError, match=r"test has used up its budget of instructions \(at pc 0x10014\)"):
        process.finish(10)
    ended = Process(program([addi(17, 0, 94), addi(10, 0, 300), ECALL]), memory_bytes=MEMORY_BYTES)
    assert ended.finish() == 300 % 256
    assert ended.is_finished
