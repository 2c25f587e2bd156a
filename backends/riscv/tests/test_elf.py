"""Files that are no program for this machine are refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from assembler import CODE, DATA, ECALL, addi, encoded
from elf_file import DYNAMIC, EXECUTE, INTERPRETER, READ, WRITE, Part, elf_file
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc_riscv import Process, load_program

EXIT_7 = encoded([addi(10, 0, 7), addi(17, 0, 93), ECALL])
CODE_PART = Part(CODE, EXIT_7, len(EXIT_7), READ | EXECUTE)
DATA_PART = Part(DATA, b"data", 64, READ | WRITE)
GOOD = elf_file([CODE_PART, DATA_PART], CODE)


def test_a_program_is_read_and_runs() -> None:
    program = load_program(GOOD)
    assert program.code == range(CODE, CODE + len(EXIT_7))
    assert (program.base, program.entry, program.writable_start) == (CODE, CODE, DATA)
    process = Process(program)
    assert process.machine.read(DATA, 6) == b"data\0\0"
    assert process.finish() == 7


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an ELF file"),
        (b"#!/bin/sh\n", "is not an ELF file: expected a compiled program"),
        (elf_file([CODE_PART], CODE, elf_class=1), "is a 32-bit program"),
        (elf_file([CODE_PART], CODE, order=2), "is a big-endian program"),
        (elf_file([CODE_PART], CODE, machine=62), r"another machine \(X86_64\): expected RISC-V"),
        (elf_file([CODE_PART], CODE, kind=1), "is an object file"),
        (elf_file([CODE_PART], CODE, kind=3), "is dynamically linked: expected a static program; link with -static"),
        (elf_file([CODE_PART, Part(0, b"", 0, READ, INTERPRETER)], CODE), "is dynamically linked"),
        (elf_file([CODE_PART, Part(0, b"", 0, READ, DYNAMIC)], CODE), "is dynamically linked"),
        (elf_file([], CODE), "has nothing to load"),
        (elf_file([DATA_PART], DATA), "has no code"),
        (elf_file([CODE_PART, CODE_PART], CODE), "has segments that overlap at address 0x10000"),
        (elf_file([CODE_PART], CODE + 64), "begins at 0x10040, where it has no code"),
        (elf_file([CODE_PART], CODE + 1), "begins at 0x10001"),
        (GOOD[:-6], "is truncated: a segment of 12 bytes"),
        (GOOD[:80], "is damaged"),
        (elf_file([CODE_PART._replace(size=1)], CODE), "is truncated"),
        (elf_file([CODE_PART._replace(address=2**64 - 4096)], CODE), "has a segment that does not fit"),
        (elf_file([DATA_PART._replace(address=CODE - 4096), CODE_PART], CODE), "writable memory below its code"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        load_program(content, "wrong.elf")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AscError, match=r"cannot read the program .*missing.elf: No such file"):
        load_program(tmp_path / "missing.elf")


@settings(max_examples=100)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD)))
def test_a_damaged_file_is_refused_or_runs(place: int, value: int, end: int) -> None:
    content = bytearray(GOOD)
    content[place] = value
    for damaged in (bytes(content), GOOD[:end]):
        try:
            program = load_program(damaged)
            Process(program, memory_bytes=1 << 20).run(1000)
        except AscError:
            pass


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"memory_bytes": 4096}, r"4,096 bytes of memory are too small for test, which takes 65,600 bytes"),
        ({"memory_bytes": 100_001}, "expected a multiple of 8"),
        ({"memory": bytearray(80_000), "arguments": ["x" * 20_000]}, "the arguments and environment variables of test"),
    ],
)
def test_too_little_memory_is_said(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        Process(load_program(GOOD, "test"), **settings)


def test_addresses_outside_the_memory_and_breakpoints_outside_the_code() -> None:
    machine = Process(load_program(GOOD, "test")).machine
    with pytest.raises(AscError, match="4 bytes at 0xffff are not in the memory of test, which goes from 0x10000"):
        machine.read(CODE - 1, 4)
    with pytest.raises(AscError, match="no breakpoint is possible at 0x20000: expected an even address in the code"):
        machine.set_breakpoints([DATA])
    with pytest.raises(AscError, match="no breakpoint is possible at 0x10001"):
        machine.set_breakpoints([CODE + 1])
