"""Programs in C that come with the backend, and the compilers that make RISC-V programs of them.

Each is one file of this folder without a C library. It takes its size from its first argument and prints its result.
"""

from __future__ import annotations

from asc_riscv.programs.compilers import Compiler, find_compiler
from asc_riscv.programs.sources import PROGRAMS, compiled, compiled_source

__all__ = ["PROGRAMS", "Compiler", "compiled", "compiled_source", "find_compiler"]
