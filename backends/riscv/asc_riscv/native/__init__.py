"""The machine in C. `machine.h` is its interface, for Python and for other code in C."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from asc.errors import AscError


def extension() -> Any:
    """Return the compiled extension, whose `lib` and `ffi` offer what native/machine.h declares.

    Raises AscError where it was not compiled when the package was installed.
    """
    try:
        return import_module("asc_riscv._machine")
    except ImportError as error:
        raise AscError(
            f"the RISC-V machine is not compiled ({error}): asc-riscv was installed without a C compiler. Install gcc "
            "or clang and Python's C headers (on Debian: apt-get install gcc python3-dev), then type: pip install "
            "--force-reinstall --no-deps --no-cache-dir --no-binary asc-riscv asc-riscv"
        ) from error
