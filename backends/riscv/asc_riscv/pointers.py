"""Pointers in a machine's memory, as it is now."""

from __future__ import annotations

from asc_riscv.machine import Machine
from asc_riscv.native import extension


class Pointers:
    """Follows chains of pointers, each some bytes behind the address before, as in the nodes of a list."""

    __slots__ = ("_machine",)

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def is_possible(self, address: int) -> bool:
        """Whether an address lies in the memory and is one that a pointer may be at."""
        return address % 8 == 0 and 0 <= address - self._machine.base < self._machine.memory.nbytes

    def follow(self, address: int, offset: int, hops: int) -> int:
        """Return the last pointer of a chain with so many, each `offset` bytes behind the one before.

        It is 0 where one of them leaves the memory.
        """
        return int(extension().lib.machine_follow(self._machine.handle, address, offset, hops))

    def hops(self, begin: int, end: int, offset: int, most: int) -> int:
        """Return after how many such pointers the chain comes from one address to another; 0 if not after `most`."""
        return int(extension().lib.machine_hops(self._machine.handle, begin, end, offset, most))
