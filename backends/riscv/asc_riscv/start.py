"""The stack that a program finds when it begins, as Linux lays it out: argc, argv, environment, auxiliary vector."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from asc.errors import AscError
from asc_riscv.elf import PAGE
from asc_riscv.machine import Machine
from asc_riscv.registers import STACK_POINTER

_PHDR, _PHENT, _PHNUM, _PAGESZ, _ENTRY, _UID, _EUID, _GID, _EGID, _HWCAP, _SECURE, _RANDOM = (
    3,
    4,
    5,
    6,
    9,
    11,
    12,
    13,
    14,
    16,
    23,
    25,
)
_FEATURES = sum(1 << ord(letter) - ord("a") for letter in "imafdc")
_RANDOM_BYTES = bytes(range(1, 17))  # the same in every run, so that runs can be repeated

_LARGEST_STACK = 8 << 20


class Layout(NamedTuple):
    """Where the parts of the memory lie that the program does not bring: heap, mappings, stack.

    The heap grows upwards from `heap_start`, mappings go downwards from `mappings_end`, and the stack begins there.
    """

    heap_start: int
    mappings_end: int


def prepare(machine: Machine, arguments: Sequence[str], environment: Mapping[str, str]) -> Layout:
    """Write the stack, and set registers and pc to where the program begins.

    Args:
        machine: a machine whose program has not begun.
        arguments: argv without the program's name, which is argv[0].
        environment: its environment variables.

    Raises AscError where the arguments and the environment do not fit the memory.
    """
    program = machine.program
    end = machine.base + machine.memory.nbytes - PAGE // 2  # nothing is accessed at the very end
    heap_start = -(-program.end // PAGE) * PAGE
    stack = min(_LARGEST_STACK, (end - heap_start) // 4)
    mappings_end = (end - stack) // PAGE * PAGE

    strings = [program.name, *arguments, *(f"{name}={value}" for name, value in environment.items())]
    encoded = [text.encode("utf-8", "surrogateescape") + b"\0" for text in strings]
    place = end - len(_RANDOM_BYTES)
    random_place = place
    machine.write(place, _RANDOM_BYTES)
    needed = sum(map(len, encoded)) + 8 * (len(encoded) + 40)
    if needed > stack - PAGE // 2:
        raise AscError(
            f"the arguments and environment variables of {program.name} take {needed:,} bytes, and its stack has "
            f"{max(stack, 0):,}; give it more memory"
        )
    pointers = []
    for text in encoded:
        place -= len(text)
        machine.write(place, text)
        pointers.append(place)
    argument_count = 1 + len(arguments)
    headers, header_size, header_count = program.headers
    auxiliary = [
        (_PHDR, headers),
        (_PHENT, header_size),
        (_PHNUM, header_count if headers else 0),
        (_PAGESZ, PAGE),
        (_ENTRY, program.entry),
        *((which, 0) for which in (_UID, _EUID, _GID, _EGID, _SECURE)),
        (_HWCAP, _FEATURES),
        (_RANDOM, random_place),
        (0, 0),
    ]
    words = [argument_count, *pointers[:argument_count], 0, *pointers[argument_count:], 0]
    words += [word for pair in auxiliary for word in pair]
    top = (place - 8 * len(words)) // 16 * 16
    machine.write(top, struct.pack(f"<{len(words)}Q", *words))
    machine.registers[:] = 0
    machine.registers[STACK_POINTER] = top
    machine.pc = program.entry
    return Layout(heap_start, mappings_end)
