"""What a worker does: run a machine of its own on from a predicted state, and return what that read and wrote."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc.types import Transition
from asc_riscv.effect import Effect
from asc_riscv.elf import Program
from asc_riscv.machine import Machine
from asc_riscv.registers import NUMBERS
from asc_riscv.stop import StopReason

_SLICE = 20_000_000  # instructions after which a worker looks at the time


class LocalMemory(NamedTuple):
    """The memory of a machine in this process, and the parts (from and to which byte) that a worker copies.

    The machine may run on meanwhile. What a worker reads is compared on arrival, so it does not matter when it copied.
    """

    memory: NDArray[np.uint8]
    used: tuple[tuple[int, int], ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole memory."""
        return self.memory.nbytes

    def parts(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield each part, and at which byte it begins."""
        return ((start, self.memory[start:end]) for start, end in self.used)

    def sent(self) -> SentMemory:
        """Return a copy for another process."""
        return SentMemory(self.nbytes, tuple((start, part.tobytes()) for start, part in self.parts()))


class SentMemory(NamedTuple):
    """The parts of a machine's memory in another process."""

    nbytes: int
    content: tuple[tuple[int, bytes], ...]

    def parts(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield each part, and at which byte it begins."""
        return ((start, np.frombuffer(part, dtype=np.uint8)) for start, part in self.content)


class Task(NamedTuple):
    """A predicted state, and how far to run on from it: a part of so many steps for each of `lengths`.

    A wrong state may never come back to the loop's head, so a task ends after `budget` instructions.
    `words` are the predicted ones. All others are as they were when the task was made: nothing is known to read them.
    """

    memory: LocalMemory | SentMemory
    head: int
    registers: NDArray[np.uint64]
    fcsr: int
    words: Mapping[str, int]
    start: int
    lengths: tuple[int, ...]
    budget: int
    seconds: float | None


AsTransition = Callable[[Effect, int, int], Transition]
"""Makes a transition of an effect, the position where it starts, and its steps."""


@dataclass(frozen=True)
class Job:
    """A task of a program, and how its effects become transitions: what a worker of this process calls."""

    program: Program
    task: Task
    transition: AsTransition

    def __call__(self) -> Iterator[Transition]:
        """Run the task."""
        return run_task(self.program, self.task, self.transition)


class StoppedError(BaseException):
    """A worker's run stopped before the end of its superstep. The message is the end of a sentence that says why."""


_own = threading.local()


def run_task(program: Program, task: Task, transition: AsTransition) -> Iterator[Transition]:
    """Yield a transition for each part of a task. Raises StoppedError where the run does not come to a part's end."""
    machine, start = _machine(program, task), task.start
    end = machine.instructions + task.budget
    deadline = None if task.seconds is None else time.monotonic() + task.seconds
    for steps in task.lengths:
        machine.begin_stretch()
        left = steps
        while left:
            stop = machine.run_tracked(_SLICE, left)
            left = stop.arrivals_left
            if stop.reason not in (StopReason.BREAKPOINT, StopReason.BUDGET):
                raise StoppedError(f"the program {stop.reason.value}")
            if machine.instructions > end or (deadline is not None and time.monotonic() > deadline):
                raise StoppedError("the superstep took too long")
        effect = machine.effect()
        if effect is None:
            raise StoppedError("what the superstep read is not known")
        yield transition(effect, start, steps)
        start += steps


def _machine(program: Program, task: Task) -> Machine:
    """Return this thread's machine, in the predicted state."""
    known: Machine | None = getattr(_own, "machine", None)
    if known is None or known.program is not program or known.memory.nbytes != task.memory.nbytes:
        known = _own.machine = Machine(program, memory_bytes=task.memory.nbytes)
        _own.head = None
    if _own.head != task.head:
        known.set_breakpoints((task.head,))
        _own.head = task.head
    for start, part in task.memory.parts():
        known.memory[start : start + part.nbytes] = part
    known.pc, known.fcsr, known.registers[:] = task.head, task.fcsr, task.registers
    for name, value in task.words.items():
        if name[0] == "[":
            known.words[int(name[1:-1])] = value
        elif name == "fcsr":
            known.fcsr = value
        else:
            known.registers[NUMBERS[name]] = value
    return known
