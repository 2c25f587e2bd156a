"""Why a run of the machine stopped."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class StopReason(Enum):
    """Why a run stopped, in the order of `enum stop` in native/machine.h; each value is the end of a sentence."""

    ECALL = "calls the system"
    BREAKPOINT = "arrives at a breakpoint"
    BUDGET = "has used up its budget of instructions"
    EBREAK = "executes ebreak, an instruction for debuggers"
    BAD_ACCESS = "reads or writes outside its memory"
    READ_ONLY = "writes to memory that is read-only"
    STORE_INTO_CODE = "writes into its own code, which this machine refuses"
    BAD_INSTRUCTION = "comes to bytes that are no RV64IMAFDC instruction"
    UNSUPPORTED_INSTRUCTION = (
        "comes to an instruction that this machine refuses: a rounding mode other than to nearest, a counter, or a "
        "control register"
    )
    JUMP_OUTSIDE_CODE = "jumps outside its code"
    MISALIGNED_JUMP = "jumps to an odd address"

    @property
    def is_fault(self) -> bool:
        """Whether the program cannot go on from here."""
        return self not in (StopReason.ECALL, StopReason.BREAKPOINT, StopReason.BUDGET)


STOP_REASONS = tuple(StopReason)
_WITH_ADDRESS = (StopReason.BAD_ACCESS, StopReason.READ_ONLY, StopReason.STORE_INTO_CODE)


class Stop(NamedTuple):
    """How a run stopped.

    `pc` is the address of the instruction that would come next, or that could not be executed. `address` is the one
    that a bad access went to, and 0 otherwise. `arrivals_left` is how many of the arrivals at breakpoints that were
    asked for did not happen.
    """

    reason: StopReason
    pc: int
    address: int
    arrivals_left: int

    def sentence(self) -> str:
        """Return why the run stopped, as the end of a sentence about the program."""
        where = f"at pc {self.pc:#x}"
        if self.reason in _WITH_ADDRESS:
            where += f", address {self.address:#x}"
        return f"{self.reason.value} ({where})"
