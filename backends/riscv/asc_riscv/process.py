"""A program with its arguments and its input, run to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asc.errors import AscError
from asc_riscv.elf import Program
from asc_riscv.machine import NO_LIMIT, Machine
from asc_riscv.memo import Memo
from asc_riscv.start import prepare
from asc_riscv.stop import Stop, StopReason
from asc_riscv.system import System


class Process:
    """A program in a machine, at its beginning, with the system that answers its calls.

    Args:
        program: what runs.
        arguments: its arguments, without its name.
        standard_input: what it can read from descriptor 0.
        files: files that it can open for reading, by path.
        environment: its environment variables; none by default.
        memory: as for `Machine`.
        memory_bytes: as for `Machine`.

    Raises AscError as `Machine` and `prepare` do.
    """

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str] = (),
        *,
        standard_input: bytes = b"",
        files: Mapping[str, bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        memory: Any = None,
        memory_bytes: int | None = None,
    ) -> None:
        self.machine = Machine(program, memory, memory_bytes=memory_bytes)
        self.system = System(self.machine, prepare(self.machine, arguments, environment or {}), standard_input, files)

    @property
    def is_finished(self) -> bool:
        """Whether the program has ended."""
        return self.system.exit_status is not None

    def run(self, budget: int = NO_LIMIT, arrivals: int = NO_LIMIT, memo: Memo | None = None) -> Stop:
        """Run plainly, and answer system calls, until the program ends or something else stops it.

        The stop's reason is ECALL where the program has ended. `budget`, `arrivals` and `memo` are as for
        `Machine.run`.

        Raises AscError where the program makes a call that is refused.
        """
        machine = self.machine
        end = machine.instructions + budget
        stop = machine.run(budget, arrivals, memo)
        while stop.reason is StopReason.ECALL:
            self.system.answer()
            if self.is_finished:
                break
            stop = machine.run(max(end - machine.instructions, 0), stop.arrivals_left, memo)
        return stop

    def finish(self, budget: int = NO_LIMIT) -> int:
        """Run to the end and return the exit status.

        Raises AscError where the program does not come to its end: a fault, a call that is refused, or the budget.
        """
        stop = self.run(budget)
        if self.system.exit_status is None:
            raise AscError(f"{self.machine.program.name} {stop.sentence()}")
        return self.system.exit_status
