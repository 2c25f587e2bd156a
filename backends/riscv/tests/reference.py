"""Another implementation of RISC-V, QEMU's by the package unicorn, to compare with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from assembler import CODE, DATA, DATA_BYTES
from numpy.typing import NDArray

unicorn = pytest.importorskip("unicorn")
names = unicorn.riscv_const

_INTEGER = [names.UC_RISCV_REG_X0 + k for k in range(32)]
_FLOATING = [names.UC_RISCV_REG_F0 + k for k in range(32)]
_FLOATING_POINT_ON = 0x6000


class Outcome(NamedTuple):
    """Where a run has led."""

    registers: NDArray[np.uint64]
    pc: int
    flags: int
    data: bytes
    is_fault: bool


class Reference:
    """The other machine. It is made once, since that takes longer than a run."""

    def __init__(self) -> None:
        self._uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self._uc.mem_map(CODE, DATA - CODE)
        self._uc.mem_map(DATA, 2 * DATA_BYTES)
        self._uc.reg_write(names.UC_RISCV_REG_MSTATUS, _FLOATING_POINT_ON)

    def run(self, code: bytes, registers: NDArray[np.uint64], data: bytes, until: int, limit: int = 10_000) -> Outcome:
        """Run code from its beginning up to an address."""
        uc = self._uc
        uc.ctl_remove_cache(CODE, CODE + 4096)
        uc.mem_write(CODE, code)
        uc.mem_write(DATA, data + bytes(8))
        for k in range(1, 32):
            uc.reg_write(_INTEGER[k], int(registers[k]))
        for k in range(32):
            uc.reg_write(_FLOATING[k], int(registers[32 + k]))
        uc.reg_write(names.UC_RISCV_REG_FCSR, 0)
        is_fault = False
        try:
            uc.emu_start(CODE, until, 0, limit)
        except unicorn.UcError:
            is_fault = True
        values = [uc.reg_read(number) for number in (*_INTEGER, *_FLOATING)]
        return Outcome(
            np.array(values, dtype=np.uint64),
            uc.reg_read(names.UC_RISCV_REG_PC),
            uc.reg_read(names.UC_RISCV_REG_FCSR),
            bytes(uc.mem_read(DATA, DATA_BYTES)),
            is_fault,
        )
