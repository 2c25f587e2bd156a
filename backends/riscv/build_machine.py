"""Describes the extension `asc_riscv._machine` to cffi: what is compiled, and what Python may call."""

from pathlib import Path

from cffi import FFI

NATIVE = "asc_riscv/native"
HEADER = (Path(__file__).parent / NATIVE / "machine.h").read_text(encoding="utf-8")

builder = FFI()
builder.cdef("\n".join(line for line in HEADER.splitlines() if not line.startswith("#")))
builder.set_source(
    "asc_riscv._machine",
    '#include "machine.h"',
    include_dirs=[NATIVE],
    sources=[f"{NATIVE}/{name}.c" for name in ("decode", "effect", "machine", "pointers")],
    depends=[f"{NATIVE}/{name}.h" for name in ("machine", "decoded", "operations", "handlers", "floats")],
    # Without cross-jumping, each handler keeps its own jump to the next one, which processors predict better.
    extra_compile_args=[
        *("-std=c11", "-O2", "-fno-crossjumping", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden"),
    ],
    libraries=["m"],
    optional=True,  # without a compiler the package installs, and says what is missing where the machine is needed
)
