"""The backend of asc for compiled programs: a RISC-V machine that knows what every stretch of a run reads and writes.

from asc_riscv import Process, load_program

process = Process(load_program("collatz.elf"), ["100000"])
process.finish()
print(process.system.written().decode())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asc_riscv.effect import Effect
    from asc_riscv.elf import Program, load_program
    from asc_riscv.machine import NO_LIMIT, Machine
    from asc_riscv.memo import Memo
    from asc_riscv.process import Process
    from asc_riscv.programs import compiled
    from asc_riscv.stop import Stop, StopReason
    from asc_riscv.system import System

__all__ = [
    "NO_LIMIT",
    "Effect",
    "Machine",
    "Memo",
    "Process",
    "Program",
    "Stop",
    "StopReason",
    "System",
    "compiled",
    "load_program",
]

_HOMES = {
    "NO_LIMIT": "machine",
    "Effect": "effect",
    "Machine": "machine",
    "Memo": "memo",
    "Process": "process",
    "Program": "elf",
    "Stop": "stop",
    "StopReason": "stop",
    "System": "system",
    "compiled": "programs",
    "load_program": "elf",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'asc_riscv' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- needed only where a name is used

    return getattr(import_module(f"asc_riscv.{_HOMES[name]}"), name)
