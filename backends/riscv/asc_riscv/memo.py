"""A table of effects in C: what a loop did from some state on, found again where that state comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from asc.errors import AscError
from asc_riscv.native import extension

if TYPE_CHECKING:
    from asc_riscv.machine import Machine

_MOST = 1 << 62


class MemoCounts(NamedTuple):
    """What a memo holds, and what became of it."""

    entries: int = 0
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    skipped: int = 0
    """Instructions that hits leapt over."""

    def __add__(self, other: object) -> MemoCounts:
        if not isinstance(other, MemoCounts):
            return NotImplemented
        return MemoCounts(*(one + two for one, two in zip(self, other, strict=True)))


class Memo:
    """Effects of stretches that begin at the head of the loop that a machine watches (`Machine.watch`).

    `Machine.run` with a memo looks up at the head, applies what matches, and records some of the stretches that do not.
    All that a stretch read is compared, so a memo changes how long a run takes, and nothing else.

    Args:
        machine: the machine whose runs it serves.
        registers: mask of the registers, and
        words: numbers of the memory words, that distinguish states; 8 of both at most are used. Others are compared as
            well, but two states that differ in these alone share a place.
        max_entries: effects kept at most.
        max_bytes: bytes of them at most.
        stride: arrivals at the head from one look-up to the next, after a look-up that found nothing.
        turns: arrivals at the head after which a stretch ends; it also ends at an exit of the loop.
        least: instructions of a stretch that is kept; to apply a shorter one takes as long as to run it.

    Raises AscError where there is not enough memory, or where the memory has no such word.
    """

    def __init__(
        self,
        machine: Machine,
        registers: int,
        words: Sequence[int] = (),
        *,
        max_entries: int = 65_536,
        max_bytes: int = 256 * 2**20,
        stride: int = 1,
        turns: int = 1024,
        least: int = 64,
    ) -> None:
        native = extension()
        self.machine = machine
        self.watched: tuple[int, frozenset[int]] | None = None
        """Head of the loop, and the breakpoints, that it serves: those of its first run."""
        bounds = min(max_entries, _MOST), min(max_bytes, _MOST)
        self.handle = native.ffi.gc(
            native.lib.memo_new(machine.handle, registers, list(words), len(words), *bounds, stride, turns, least),
            native.lib.memo_free,
        )
        """The `struct memo *`, for code in C."""
        if self.handle == native.ffi.NULL:
            raise AscError(
                f"cannot make a memo of {max_entries:,} entries for {machine.program.name}: there is not enough memory "
                "on this computer, or a word of its index is not in the program's memory"
            )

    def counts(self) -> MemoCounts:
        """Return what it holds now, and what became of look-ups so far."""
        handle = self.handle
        return MemoCounts(*(int(getattr(handle, name)) for name in MemoCounts._fields))
