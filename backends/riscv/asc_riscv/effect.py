"""Effects: what a tracked stretch of a run read and wrote."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_riscv.registers import names_in

_HEAD = 13  # words of 8 bytes in `struct effect`


class Effect:
    """What a stretch read, with the values, and what it wrote, with the values.

    The bytes are those of `struct effect` (native/machine.h), so an effect can be kept or sent as bytes and used from
    C. Registers are numbered 0 to 63 in masks (f0 is 32; bit 0 is fcsr). Word k of the memory is its 8 bytes from 8 k.

    `added` and `xored` are registers that the stretch only ever added to, or combined by exclusive or. They count as
    neither read nor written: the effect has the difference between end and start. `words_added` are words of the memory
    that were only ever added to. A register of `registers_copied` ends as the value of such a word plus a distance.
    """

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._bytes = bytes(content)
        self._all: NDArray[np.uint64] = np.frombuffer(self._bytes, dtype=np.uint64)
        head = [int(value) for value in self._all[:_HEAD]]
        self.start_pc, self.end_pc, self.instructions = head[1:4]
        self.registers_read, self.registers_written, self.registers_added, self.registers_xored = head[4:8]
        self.registers_copied = head[8]
        self.raised = head[9]
        """Exception flags of floating point that the stretch raised."""
        sizes = [mask.bit_count() for mask in head[4:9]] + head[10:13]
        ends = np.cumsum([_HEAD, *sizes]).tolist()
        self._parts = [self._all[start:end] for start, end in pairwise(ends)]
        words = self._all[ends[-1] :].view(np.uint32)
        ends = np.cumsum([0, self.registers_copied.bit_count(), *head[10:13]]).tolist()
        numbers = [words[start:end] for start, end in pairwise(ends)]
        self.copied_words: NDArray[np.uint32]
        """Numbers of the words that the registers of `registers_copied` take their value from, by ascending number."""
        self.words_read: NDArray[np.uint32]
        """Numbers of the memory words that were read before they were written."""
        self.words_written: NDArray[np.uint32]
        """Numbers of the memory words that were written."""
        self.words_added: NDArray[np.uint32]
        """Numbers of the memory words that were only ever added to; they count as neither read nor written."""
        self.copied_words, self.words_read, self.words_written, self.words_added = numbers

    def __bytes__(self) -> bytes:
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Effect) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __repr__(self) -> str:
        return (
            f"Effect({self.start_pc:#x} to {self.end_pc:#x}, {self.instructions} instructions, read "
            f"{names_in(self.registers_read)} and {len(self.words_read)} words, wrote "
            f"{names_in(self.registers_written | self.registers_copied)} and {len(self.words_written)} words, added to "
            f"{names_in(self.registers_added | self.registers_xored)} and {len(self.words_added)} words)"
        )

    @property
    def read_registers(self) -> NDArray[np.uint64]:
        """Values that the registers of `registers_read` had at the start, by ascending number."""
        return self._parts[0]

    @property
    def written_registers(self) -> NDArray[np.uint64]:
        """Values that the registers of `registers_written` had at the end, by ascending number."""
        return self._parts[1]

    @property
    def added(self) -> NDArray[np.uint64]:
        """Increments modulo 2 to the power of 64 of the registers of `registers_added`, by ascending number."""
        return self._parts[2]

    @property
    def xored(self) -> NDArray[np.uint64]:
        """What the registers of `registers_xored` were combined with, by ascending number."""
        return self._parts[3]

    @property
    def distances(self) -> NDArray[np.uint64]:
        """What the registers of `registers_copied` end at, beyond the value of `copied_words`, by ascending number."""
        return self._parts[4]

    @property
    def read_values(self) -> NDArray[np.uint64]:
        """Values of `words_read` at the start."""
        return self._parts[5]

    @property
    def written_values(self) -> NDArray[np.uint64]:
        """Values of `words_written` at the end."""
        return self._parts[6]

    @property
    def increments(self) -> NDArray[np.uint64]:
        """Increments modulo 2 to the power of 64 of `words_added`."""
        return self._parts[7]

    def pointer(self, ffi: Any) -> Any:
        """Return the effect as C takes it; valid as long as this object."""
        return ffi.cast("const struct effect *", ffi.from_buffer(self._bytes))
