"""The CRC-32 of a file by a table of 256 entries, a block of the file in each step."""

from __future__ import annotations

import zlib
from random import Random
from typing import Any

BLOCK = 4096


def table_entry(byte: int) -> int:
    """Divide one byte by the polynomial."""
    for _ in range(8):
        byte = byte >> 1 ^ (0xEDB88320 if byte & 1 else 0)
    return byte


def step(state: Any) -> None:
    """Take in the next block."""
    table, crc = state.table, state.crc
    for byte in state.data[state.offset : state.offset + BLOCK]:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    state.crc = crc
    state.offset += BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make up a file of n blocks."""
    data = Random(seed).randbytes(n * BLOCK)
    return {"data": data, "offset": 0, "crc": 0xFFFFFFFF, "table": [table_entry(byte) for byte in range(256)]}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Ask zlib."""
    return bool(end["crc"] ^ 0xFFFFFFFF == zlib.crc32(end["data"]))
