"""Compilers for RISC-V on this computer."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asc.errors import AscError

_CROSS_COMPILERS = ("riscv64-linux-gnu-gcc", "riscv64-unknown-elf-gcc", "riscv64-elf-gcc")
_LIMIT_S = 600  # ziglang compiles its C library at first use


_WITHOUT_LIBRARY = ("-static", "-nostdlib", "-fno-stack-protector", "-fno-builtin")


class Compiler(NamedTuple):
    """A compiler: what it is called, and the command with what every program is compiled with."""

    name: str
    command: tuple[str, ...]

    def compile(self, sources: Sequence[Path], target: Path, options: Sequence[str] = ("-O1",)) -> None:
        """Compile C files to one program.

        Raises AscError, with the compiler's own words, where it does not compile.
        """
        command = [*self.command, *options, "-o", str(target), *map(str, sources)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AscError(f"{self.name} did not compile {sources[0].name}: {error}") from error
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip()
            raise AscError(f"{self.name} did not compile {sources[0].name}: {words}")


def find_compiler() -> Compiler:
    """Return a compiler for RISC-V: ziglang, if it is installed, or else a cross compiler on the PATH.

    Raises AscError where there is none.
    """
    if importlib.util.find_spec("ziglang") is not None:
        target = ("-target", "riscv64-freestanding", "-mcpu=baseline_rv64", "-fno-sanitize=all")
        return Compiler("ziglang", (sys.executable, "-m", "ziglang", "cc", *target, *_WITHOUT_LIBRARY))
    for name in _CROSS_COMPILERS:
        path = shutil.which(name)
        if path is not None:
            return Compiler(name, (path, "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany", *_WITHOUT_LIBRARY))
    raise AscError(
        "no compiler for RISC-V was found: expected the package ziglang, or riscv64-linux-gnu-gcc on the PATH. Type: "
        "pip install 'asc-riscv[compiler]'"
    )
