"""Compiles programs when they are first used, and keeps them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from asc.errors import AscError
from asc.nearest import suggestion
from asc_riscv.elf import Program, load_program
from asc_riscv.programs.compilers import find_compiler

_FOLDER = Path(__file__).parent

PROGRAMS = tuple(sorted(path.stem for path in _FOLDER.glob("*.c")))
"""Names of the programs that come with the backend."""


def compiled(program: str, *, options: Sequence[str] = ("-O1",), cache: Path | None = None) -> Program:
    """Return a program that comes with the backend, compiled for RISC-V.

    Args:
        program: its name, one of `PROGRAMS`.
        options: what the compiler is told, such as ("-O2", "-DSIZE=1000").
        cache: folder that keeps compiled programs; the user's cache folder if not given.

    Raises AscError where there is no such program, or no compiler and it was not compiled before.
    """
    if program not in PROGRAMS:
        known = ", ".join(PROGRAMS)
        raise AscError(f"there is no program {program!r}; expected one of {known}{suggestion(program, PROGRAMS)}")
    return compiled_source(_FOLDER / f"{program}.c", options=options, cache=cache)


def compiled_source(source: Path, *, options: Sequence[str] = ("-O1",), cache: Path | None = None) -> Program:
    """Return a C file without a C library, compiled for RISC-V; `start.h` is found. Otherwise like `compiled`."""
    cache = cache if cache is not None else user_cache_path("asc") / "riscv"
    digest = hashlib.sha256("\0".join(options).encode())
    for path in [source, *sorted(_FOLDER.glob("*.h"))]:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise AscError(f"cannot read {path}: {error.strerror or error}") from error
    kept = cache / f"{source.stem}-{digest.hexdigest()[:16]}.elf"
    if not kept.exists():
        compiler = find_compiler()
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=cache) as folder:
                made = Path(folder) / kept.name
                compiler.compile([source], made, [f"-I{_FOLDER}", *options])
                os.replace(made, kept)
        except OSError as error:
            raise AscError(f"cannot keep a compiled program in {cache}: {error.strerror or error}") from error
    return load_program(kept, source.stem)
