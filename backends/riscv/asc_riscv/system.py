"""The system calls that a program may make: output, input, memory, and what a C library asks at its start.

Every answer is the same in every run: there is no clock, no other process and no file but those given at the start.
What is not listed in `_CALLS` is refused by name.
"""

from __future__ import annotations

import errno
import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from asc.errors import AscError
from asc_riscv.call_names import CALL_NAMES
from asc_riscv.elf import PAGE
from asc_riscv.machine import Machine
from asc_riscv.registers import ARGUMENTS

if TYPE_CHECKING:
    from asc_riscv.start import Layout

_OUTPUTS = (1, 2)
_FIRST_FILE = 3
_LARGEST_WRITE = 1 << 30
_MAP_FIXED, _MAP_ANONYMOUS = 0x10, 0x20
_CURRENT_DIRECTORY = -100
_REGULAR, _CHARACTERS = 0o100444, 0o020620  # kinds of files, as fstat says them


class System:
    """The state of the system as one program sees it, and the answers to its calls.

    Args:
        machine: the machine whose calls are answered.
        layout: where heap and mappings are.
        standard_input: what can be read from descriptor 0.
        files: what can be opened for reading, by path.

    `output` is what was written to descriptors 1 and 2, in order. `exit_status` is None until the program has ended.
    """

    def __init__(
        self, machine: Machine, layout: Layout, standard_input: bytes = b"", files: Mapping[str, bytes] | None = None
    ) -> None:
        self._machine = machine
        self._files = dict(files or {})
        self._open: dict[int, tuple[bytes, int]] = {0: (standard_input, 0)}
        self._heap_start = self._break = layout.heap_start
        self._mappings_end = self._lowest_mapping = layout.mappings_end
        self._random_given = 0
        self.output: list[tuple[int, bytes]] = []
        self.exit_status: int | None = None

    def state(self) -> dict[str, Any]:
        """Return everything that changes while the program runs, in values that JSON can hold."""
        return {
            "open": {str(number): [content.hex(), position] for number, (content, position) in self._open.items()},
            "break": self._break,
            "lowest_mapping": self._lowest_mapping,
            "random_given": self._random_given,
            "output": [[descriptor, content.hex()] for descriptor, content in self.output],
            "exit_status": self.exit_status,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._open = {
            int(number): (bytes.fromhex(content), position) for number, (content, position) in state["open"].items()
        }
        self._break, self._lowest_mapping = state["break"], state["lowest_mapping"]
        self._random_given, self.exit_status = state["random_given"], state["exit_status"]
        self.output = [(descriptor, bytes.fromhex(content)) for descriptor, content in state["output"]]

    def used(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges of addresses that the program can have written to, but for its stack."""
        writable = self._machine.program.writable_start
        return (writable, self._break), (self._lowest_mapping, self._mappings_end)

    def written(self, descriptor: int = 1) -> bytes:
        """Return all that was written to a descriptor: 1 is standard output, 2 standard error."""
        return b"".join(content for to, content in self.output if to == descriptor)

    def answer(self) -> None:
        """Answer the system call that the machine is at, and go past it. At `exit`, set `exit_status` and stay.

        Raises AscError where the call is refused.
        """
        machine = self._machine
        registers = machine.registers
        number = int(registers[ARGUMENTS[7]])
        call = _CALLS.get(number)
        if call is None:
            name = CALL_NAMES.get(number, "unknown")
            raise AscError(
                f"{machine.program.name} makes the system call {name} (number {number}, pc {machine.pc:#x}), which "
                "this machine refuses: a program may read its input, write its output, and ask for memory"
            )
        arguments = [_signed(int(registers[which])) for which in ARGUMENTS[:6]]
        try:
            result = call(self, *arguments)
        except _CallError as failure:
            result = -failure.number
        if self.exit_status is None:
            registers[ARGUMENTS[0]] = result % (1 << 64)
            machine.go_past_call()

    def _place(self, address: int, size: int, *, writes: bool = False) -> None:
        machine = self._machine
        lowest = machine.program.writable_start if writes else machine.base
        if size < 0 or address < lowest or address + size > machine.base + machine.memory.nbytes - 8:
            raise _CallError(errno.EFAULT)

    def _put(self, address: int, content: bytes) -> None:
        if content:
            self._place(address, len(content), writes=True)
            self._machine.write(address, content)

    def _get(self, address: int, size: int) -> bytes:
        self._place(address, size)
        return self._machine.read(address, size)

    def _text(self, address: int) -> str:
        """Return a text that ends with a zero byte."""
        self._place(address, 1)
        start = address - self._machine.base
        content = self._machine.memory[start : start + PAGE].tobytes()
        return content.partition(b"\0")[0].decode("utf-8", "replace")

    def _exit(self, status: int, *_: int) -> int:
        self.exit_status = status & 0xFF
        return 0

    def _write(self, descriptor: int, address: int, size: int, *_: int) -> int:
        if descriptor not in _OUTPUTS:
            raise _CallError(errno.EBADF)
        content = self._get(address, min(size, _LARGEST_WRITE))
        if content:
            self.output.append((descriptor, content))
        return len(content)

    def _read(self, descriptor: int, address: int, size: int, *_: int) -> int:
        if descriptor not in self._open:
            raise _CallError(errno.EBADF)
        content, position = self._open[descriptor]
        part = content[position : position + max(size, 0)]
        self._put(address, part)
        self._open[descriptor] = content, position + len(part)
        return len(part)

    def _vectors(self, address: int, count: int) -> list[tuple[int, int]]:
        if not 0 <= count <= 1024:
            raise _CallError(errno.EINVAL)
        return list(struct.iter_unpack("<Qq", self._get(address, 16 * count)))

    def _writev(self, descriptor: int, address: int, count: int, *_: int) -> int:
        return sum(self._write(descriptor, start, size) for start, size in self._vectors(address, count))

    def _readv(self, descriptor: int, address: int, count: int, *_: int) -> int:
        total = 0
        for start, size in self._vectors(address, count):
            got = self._read(descriptor, start, size)
            total += got
            if got < size:
                break
        return total

    def _openat(self, directory: int, address: int, flags: int, *_: int) -> int:
        path = self._text(address)
        if path not in self._files:
            raise _CallError(errno.ENOENT)
        if flags & 3:
            raise _CallError(errno.EROFS)
        descriptor = next(number for number in range(_FIRST_FILE, 1 << 20) if number not in self._open)
        self._open[descriptor] = self._files[path], 0
        return descriptor

    def _close(self, descriptor: int, *_: int) -> int:
        if descriptor in self._open:
            del self._open[descriptor]
        elif descriptor not in _OUTPUTS:
            raise _CallError(errno.EBADF)
        return 0

    def _lseek(self, descriptor: int, offset: int, whence: int, *_: int) -> int:
        if descriptor < _FIRST_FILE:
            raise _CallError(errno.ESPIPE)
        if descriptor not in self._open:
            raise _CallError(errno.EBADF)
        content, position = self._open[descriptor]
        origins = {0: 0, 1: position, 2: len(content)}
        if whence not in origins or origins[whence] + offset < 0:
            raise _CallError(errno.EINVAL)
        self._open[descriptor] = content, origins[whence] + offset
        return origins[whence] + offset

    def _fstat(self, descriptor: int, address: int, *_: int) -> int:
        if descriptor not in self._open and descriptor not in _OUTPUTS:
            raise _CallError(errno.EBADF)
        is_file = descriptor >= _FIRST_FILE
        size = len(self._open[descriptor][0]) if is_file else 0
        mode = _REGULAR if is_file else _CHARACTERS
        head = struct.pack("<QQIIIIQQqiiq", 0, 0, mode, 1, 0, 0, 0, 0, size, PAGE, 0, -(-size // 512))
        self._put(address, head.ljust(128, b"\0"))
        return 0

    def _newfstatat(self, directory: int, path: int, address: int, *_: int) -> int:
        if self._text(path) == "" and directory >= 0:
            return self._fstat(directory, address)
        raise _CallError(errno.ENOENT)

    def _ioctl(self, *_: int) -> int:
        raise _CallError(errno.ENOTTY)

    def _readlinkat(self, *_: int) -> int:
        raise _CallError(errno.ENOENT)

    def _zero(self, *_: int) -> int:
        return 0

    def _one(self, *_: int) -> int:
        return 1

    def _not_offered(self, *_: int) -> int:
        raise _CallError(errno.ENOSYS)

    def _clock(self, _clock: int, address: int, *_: int) -> int:
        self._put(address, bytes(16))
        return 0

    def _time_of_day(self, address: int, *_: int) -> int:
        self._put(address, bytes(16))
        return 0

    def _getrandom(self, address: int, size: int, *_: int) -> int:
        size = min(max(size, 0), 1 << 20)
        stream = hashlib.shake_128(b"asc").digest(self._random_given + size)
        self._put(address, stream[self._random_given :])
        self._random_given += size
        return size

    def _uname(self, address: int, *_: int) -> int:
        fields = (b"Linux", b"asc", b"6.1.0", b"asc", b"riscv64", b"")
        self._put(address, b"".join(field.ljust(65, b"\0") for field in fields))
        return 0

    def _limits(self, *arguments: int) -> int:
        # prlimit64(process, resource, new, old): no limit but those of the memory
        if arguments[2]:
            raise _CallError(errno.EPERM)
        if arguments[3]:
            self._put(arguments[3], b"\xff" * 16)
        return 0

    def _affinity(self, _process: int, size: int, address: int, *_: int) -> int:
        # one processor
        if size < 8:
            raise _CallError(errno.EINVAL)
        self._put(address, (1).to_bytes(8, "little"))
        return 8

    def _brk(self, address: int, *_: int) -> int:
        if self._heap_start <= address <= self._lowest_mapping:
            self._break = address
        return self._break

    def _mmap(self, address: int, size: int, protection: int, flags: int, *_: int) -> int:
        if not flags & _MAP_ANONYMOUS:
            raise _CallError(errno.ENODEV)
        if size <= 0:
            raise _CallError(errno.EINVAL)
        size = -(-size // PAGE) * PAGE
        if flags & _MAP_FIXED:
            if address % PAGE or not self._lowest_mapping <= address <= self._mappings_end - size:
                raise _CallError(errno.EINVAL)
            self._put(address, bytes(size))
            return address
        start = self._lowest_mapping - size
        if start < -(-self._break // PAGE) * PAGE:
            raise _CallError(errno.ENOMEM)
        self._lowest_mapping = start
        self._put(start, bytes(size))
        return start

    def _munmap(self, address: int, size: int, *_: int) -> int:
        # The lowest mapping's memory is used again; other memory stays as it is.
        if address % PAGE or size <= 0:
            raise _CallError(errno.EINVAL)
        if address == self._lowest_mapping and address + size <= self._mappings_end:
            self._lowest_mapping = address + -(-size // PAGE) * PAGE
        return 0


class _CallError(Exception):
    """A call fails with a number that the program is told."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_CALLS: Final[Mapping[int, Callable[..., int]]] = {
    29: System._ioctl,
    48: System._readlinkat,  # faccessat: no such file
    56: System._openat,
    57: System._close,
    62: System._lseek,
    63: System._read,
    64: System._write,
    65: System._readv,
    66: System._writev,
    78: System._readlinkat,
    79: System._newfstatat,
    80: System._fstat,
    93: System._exit,
    94: System._exit,
    96: System._one,  # set_tid_address
    99: System._zero,  # set_robust_list
    113: System._clock,
    123: System._affinity,
    124: System._zero,  # sched_yield
    132: System._zero,  # sigaltstack
    134: System._zero,  # rt_sigaction: no signal ever comes
    135: System._zero,  # rt_sigprocmask
    160: System._uname,
    169: System._time_of_day,
    172: System._one,  # getpid
    173: System._zero,  # getppid
    174: System._zero,  # getuid, geteuid, getgid, getegid
    175: System._zero,
    176: System._zero,
    177: System._zero,
    178: System._one,  # gettid
    214: System._brk,
    215: System._munmap,
    216: System._not_offered,  # mremap: C libraries then copy
    222: System._mmap,
    226: System._zero,  # mprotect
    233: System._zero,  # madvise
    258: System._not_offered,  # riscv_hwprobe
    261: System._limits,
    278: System._getrandom,
}
