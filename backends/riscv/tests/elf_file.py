"""Writes ELF files, good and bad ones."""

from __future__ import annotations

import struct
from typing import NamedTuple

HEAD = 64
ENTRY_BYTES = 56
READ, WRITE, EXECUTE = 4, 2, 1
LOAD, DYNAMIC, INTERPRETER = 1, 2, 3


class Part(NamedTuple):
    """A segment to write: its address, bytes, size in memory, permissions and kind."""

    address: int
    content: bytes
    size: int
    flags: int
    kind: int = LOAD


def elf_file(
    parts: list[Part],
    entry: int,
    *,
    elf_class: int = 2,
    order: int = 1,
    machine: int = 243,
    kind: int = 2,
) -> bytes:
    """Return a file of these segments, without sections."""
    place = HEAD + ENTRY_BYTES * len(parts)
    headers, contents = b"", b""
    for part in parts:
        sizes = (len(part.content), part.size)
        offset = place + len(contents)
        headers += struct.pack("<IIQQQQQQ", part.kind, part.flags, offset, part.address, part.address, *sizes, 8)
        contents += part.content
    ident = b"\x7fELF" + bytes([elf_class, order, 1]) + bytes(9)
    sizes_and_counts = (HEAD, ENTRY_BYTES, len(parts), 64, 0, 0)
    head = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, HEAD, 0, 0, *sizes_and_counts)
    return head + headers + contents
