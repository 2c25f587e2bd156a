"""A machine that a program is loaded into, and that runs it up to the next system call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc_riscv.effect import Effect
from asc_riscv.elf import PAGE, Program
from asc_riscv.native import extension
from asc_riscv.registers import REGISTER_COUNT
from asc_riscv.stop import STOP_REASONS, Stop, StopReason

if TYPE_CHECKING:
    from asc_riscv.memo import Memo

NO_LIMIT = 1 << 62
"""A budget, or a number of arrivals, that no run reaches."""

SPARE_BYTES = 16 << 20
"""Memory for heap and stack beside what the program itself takes."""

_MOST_EXITS = 64  # of a loop


class Machine:
    """A RISC-V machine in user mode (RV64IMAFDC) with one program in one piece of memory.

    The memory holds everything: code, constants, variables, heap and stack. The program never gets more. Each access is
    checked, so a machine may run from any registers, any pc and any memory: it always returns. Instructions are decoded
    once, from the memory as it is when the machine is made; a store into the code is refused.

    Three things differ from a real processor: floating point always rounds to nearest and refuses other modes, `sc`
    always succeeds, and the counters of cycles and time are refused.

    Args:
        program: what is loaded, unless `is_loaded`.
        memory: the memory, a writable buffer whose size is a multiple of 8 (a `bytearray`, shared memory, …); one of
            `memory_bytes` is made if it is not given.
        memory_bytes: size of the memory; the program's own size and 16 MiB if not given.
        is_loaded: whether `memory` already holds the program, such as the memory of another machine, copied.

    Raises AscError where the memory is too small, or where the machine is not compiled.
    """

    def __init__(
        self,
        program: Program,
        memory: Any = None,
        *,
        memory_bytes: int | None = None,
        is_loaded: bool = False,
    ) -> None:
        native = extension()
        self._ffi, self._lib = native.ffi, native.lib
        self.program = program
        needed = program.end - program.base
        if memory is None:
            size = memory_bytes if memory_bytes is not None else -(-needed // PAGE) * PAGE + SPARE_BYTES
            _check_size(program, size, needed)
            memory = np.zeros(size, dtype=np.uint8)  # pages that the system gives when they are used
        self.memory: NDArray[np.uint8] = np.frombuffer(memory, dtype=np.uint8)
        """The memory; byte k is the program's address `base` + k."""
        _check_size(program, self.memory.nbytes, needed)
        if not is_loaded:
            for segment in program.segments:
                self.write(segment.address, segment.content)
        self.words: NDArray[np.uint64] = self.memory.view(np.uint64)
        """The memory as words of 8 bytes, as effects number them."""
        self.handle = self._ffi.gc(
            self._lib.machine_new(
                self._ffi.from_buffer("uint8_t[]", memory, require_writable=True),
                program.base,
                self.memory.nbytes,
                program.code.start,
                len(program.code),
                program.writable_start,
            ),
            self._lib.machine_free,
        )
        """The `struct machine *`, for code in C."""
        if self.handle == self._ffi.NULL:
            raise AscError(
                f"cannot make a machine for {program.name} with {self.memory.nbytes:,} bytes of memory: there is not "
                "enough memory on this computer, or the size is no multiple of 8"
            )
        # The registers are the struct's first field. The array keeps the handle, and so the machine, alive.
        first = self._ffi.buffer(self.handle, 8 * REGISTER_COUNT)
        self.registers: NDArray[np.uint64] = np.frombuffer(first, dtype=np.uint64)
        """x0 to x31 and f0 to f31, to read and to set. x0 is set to zero when a run begins."""
        self.pc = program.entry
        self._breakpoints: set[int] = set()
        self._watched: tuple[int, frozenset[int]] | None = None  # head of the watched loop, and the breakpoints

    @property
    def base(self) -> int:
        """The program's address of `memory[0]`."""
        return self.program.base

    @property
    def pc(self) -> int:
        """Address of the next instruction."""
        return int(self.handle.pc)

    @pc.setter
    def pc(self, address: int) -> None:
        self.handle.pc = address

    @property
    def fcsr(self) -> int:
        """Control register of floating point: the exception flags, as the rounding mode is always to nearest."""
        return int(self.handle.fcsr)

    @fcsr.setter
    def fcsr(self, value: int) -> None:
        self.handle.fcsr = value & 0x1F

    @property
    def instructions(self) -> int:
        """Instructions executed since the machine was made; those of applied effects count."""
        return int(self.handle.instructions)

    @instructions.setter
    def instructions(self, count: int) -> None:
        self.handle.instructions = count

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes from a program's address; raises AscError where they are not in the memory."""
        start = self._offset(address, size)
        return self.memory[start : start + size].tobytes()

    def write(self, address: int, content: bytes) -> None:
        """Set bytes from a program's address on; raises AscError where they are not in the memory.

        Code is decoded when the machine is made, so a write into it has no effect on what is executed.
        """
        start = self._offset(address, len(content))
        self.memory[start : start + len(content)] = np.frombuffer(content, dtype=np.uint8)

    def _offset(self, address: int, size: int) -> int:
        start = address - self.base
        if start < 0 or size < 0 or start + size > self.memory.nbytes:
            raise AscError(
                f"{size:,} bytes at {address:#x} are not in the memory of {self.program.name}, which goes from "
                f"{self.base:#x} to {self.base + self.memory.nbytes:#x}"
            )
        return start

    def set_breakpoints(self, addresses: Iterable[int]) -> None:
        """Replace all breakpoints, and watch no loop. They cost a plain run nothing elsewhere. A new stretch begins.

        Raises AscError where an address is not an even one in the code.
        """
        wanted, code = set(addresses), self.program.code
        for address in wanted:
            if address not in code or address % 2:
                raise AscError(
                    f"no breakpoint is possible at {address:#x}: expected an even address in the code of "
                    f"{self.program.name}, {code.start:#x} to {code.stop:#x}"
                )
        self._breakpoints, self._watched = wanted, None
        if not self._lib.machine_set_breakpoints(self.handle, list(wanted), len(wanted)):
            raise _no_memory()

    def remove_breakpoint(self, address: int) -> None:
        """Remove one breakpoint, if it is there, and watch no loop then. A new stretch begins."""
        if address in self._breakpoints:
            self._breakpoints.remove(address)
            self._watched = None
            self._lib.machine_remove_breakpoint(self.handle, address)

    def jump_targets(self, *, backward: bool = False) -> set[int]:
        """Return where branches and jumps lead to, but for those by a register; or only where they lead back.

        What lies between functions may look like instructions, and then give addresses at which nothing ever happens.
        """
        found = self._ffi.new("uint64_t[]", len(self.program.code) // 2)
        count = self._lib.machine_jump_targets(self.handle, backward, found)
        return set(self._ffi.unpack(found, count))

    def exits(self, head: int, outer: int) -> set[int]:
        """Return the addresses to which the loop at a head is left, as far as branches and jumps tell.

        `outer` is the head of the loop around it. There are none where it is no loop.
        """
        found = self._ffi.new("uint64_t[]", _MOST_EXITS)
        count = self._lib.machine_exits(self.handle, head, outer, found, _MOST_EXITS)
        return set(self._ffi.unpack(found, count))

    def watch(self, head: int, exits: Iterable[int] = ()) -> None:
        """Watch a loop, for runs with a memo: where it begins, and where it is left. A new stretch begins.

        Raises AscError where an address is not an even one in the code, or where the head is a breakpoint.
        """
        addresses = [head, *sorted(set(exits) - {head})]
        self._watched = None
        if not self._lib.machine_watch(self.handle, addresses, len(addresses)):
            raise AscError(
                f"no loop at {head:#x} can be watched in {self.program.name}: expected even addresses in its code, and "
                "no breakpoint at the head"
            )
        self._watched = head, frozenset(self._breakpoints)

    def run(self, budget: int = NO_LIMIT, arrivals: int = NO_LIMIT, memo: Memo | None = None) -> Stop:
        """Run until something stops the machine.

        Args:
            budget: instructions to execute. It is looked at where a jump or a branch is taken, so the run can exceed it
                by the instructions up to there.
            arrivals: the run stops when it has come this many times to a breakpoint, before the instruction there. The
                instruction at which the run starts is not counted.
            memo: leaps over what it knows of the watched loop, and learns of it. What is leapt over counts as executed.

        Raises AscError where there is a memo and no loop is watched, or where the memo is another machine's, or has
        learnt of another loop, or with other breakpoints.
        """
        budget, arrivals = min(budget, NO_LIMIT), min(arrivals, NO_LIMIT)
        if memo is None:
            return self._stop(self._lib.machine_run(self.handle, budget, arrivals), budget)
        if memo.machine is not self or self._watched is None:
            raise AscError("a run with a memo needs a memo of the same machine, and a loop: call watch first")
        memo.watched = memo.watched or self._watched
        if memo.watched != self._watched:  # its effects begin at another place, or lead past a breakpoint
            raise AscError(
                "this memo has learnt of another loop, or with other breakpoints: make a new Memo for the loop that is "
                "watched now"
            )
        return self._stop(self._lib.machine_run_memoised(self.handle, memo.handle, budget, arrivals), budget)

    def run_tracked(self, budget: int = NO_LIMIT, arrivals: int = NO_LIMIT) -> Stop:
        """Run like `run`, and note what is read and written. The same stretch continues until the next one begins."""
        budget, arrivals = min(budget, NO_LIMIT), min(arrivals, NO_LIMIT)
        reason = self._lib.machine_run_tracked(self.handle, budget, arrivals)
        if reason < 0:
            raise _no_memory()
        return self._stop(reason, budget)

    def _stop(self, reason: int, budget: int) -> Stop:
        handle, stopped = self.handle, STOP_REASONS[reason]
        pc, left = int(handle.pc), int(handle.arrivals_left)
        has_come = budget > 0 and pc in self._breakpoints  # without a budget, the run is where it started
        if stopped is StopReason.BUDGET and has_come:  # the next run does not count where it starts
            left -= 1
            stopped = stopped if left else StopReason.BREAKPOINT
        return Stop(stopped, pc, int(handle.stop_address), left)

    def go_past_call(self) -> None:
        """Go to the instruction after the system call that the machine is at, once it is answered."""
        self.handle.pc += 4
        self.handle.instructions += 1

    def begin_stretch(self) -> None:
        """Forget what was read and written. Change registers, pc or memory from outside only before this."""
        if not self._lib.machine_begin_stretch(self.handle):
            raise _no_memory()

    def effect(self) -> Effect | None:
        """Return what the stretch has read and written until now.

        None where that is not known: after a bad access, or where anything but tracked runs changed the machine.
        """
        size = self._lib.machine_effect_bytes(self.handle)
        if size == 0:
            return None
        content = bytearray(size)
        place = self._ffi.cast("struct effect *", self._ffi.from_buffer(content))
        self._lib.machine_take_effect(self.handle, place)
        return Effect(content)

    def undo_stretch(self) -> None:
        """Bring registers, pc and memory back to where the stretch began, and begin a new one.

        Raises AscError where no stretch began, or where a plain run or an applied effect came since.
        """
        if not self._lib.machine_undo_stretch(self.handle):
            raise AscError(
                "this stretch cannot be undone: it was never begun, or a plain run or an applied effect came since, "
                "which keeps nothing of what it overwrites. Call begin_stretch before the tracked run"
            )

    def matches(self, effect: Effect) -> bool:
        """Return whether the machine is where the effect starts, and agrees with all that was read."""
        return bool(self._lib.effect_matches(effect.pointer(self._ffi), self.handle))

    def apply(self, effect: Effect) -> None:
        """Bring the machine to the end of a stretch that `matches`."""
        self._lib.effect_apply(effect.pointer(self._ffi), self.handle)

    def accepts(self, content: bytes) -> bool:
        """Return whether bytes from outside are a well-formed effect for this memory, which `Effect` may be made of."""
        if len(content) % 8 or not content:
            return False
        effect = bytes(content)  # aligned, as C expects it
        place = self._ffi.cast("const struct effect *", self._ffi.from_buffer(effect))
        return bool(self._lib.effect_is_sound(place, len(effect), self.handle))


def _check_size(program: Program, size: int, needed: int) -> None:
    if size % 8:
        raise AscError(f"the memory has {size:,} bytes: expected a multiple of 8")
    if size < needed + PAGE:
        raise AscError(
            f"{size:,} bytes of memory are too small for {program.name}, which takes {needed:,} bytes before its heap "
            f"and stack; give it at least {-(-needed // PAGE) * PAGE + PAGE:,}"
        )


def _no_memory() -> AscError:
    return AscError("there is not enough memory on this computer to track what the program reads and writes")
