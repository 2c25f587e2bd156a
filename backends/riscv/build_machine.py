"""Describes the extension `asc_riscv._machine` to cffi: what is compiled, and what Python may call."""

from pathlib import Path

from cffi import FFI

NATIVE = "asc_riscv/native"
FOLDER = Path(__file__).parent / NATIVE
HEADERS = ("machine.h", "memo.h")
DECLARATIONS = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in HEADERS)

builder = FFI()
builder.cdef("\n".join(line for line in DECLARATIONS.splitlines() if not line.startswith("#")))
builder.set_source(
    "asc_riscv._machine",
    "\n".join(f'#include "{name}"' for name in HEADERS),
    include_dirs=[NATIVE],
    sources=sorted(f"{NATIVE}/{path.name}" for path in FOLDER.glob("*.c")),
    depends=sorted(f"{NATIVE}/{path.name}" for path in FOLDER.glob("*.h")),
    # Without cross-jumping, each handler keeps its own jump to the next one, which processors predict better.
    extra_compile_args=[
        *("-std=c11", "-O2", "-fno-crossjumping", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden"),
    ],
    libraries=["m"],
    optional=True,  # without a compiler the package installs, and says what is missing where the machine is needed
)
