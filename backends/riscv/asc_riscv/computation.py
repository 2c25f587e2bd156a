"""The computation of a compiled program: arrivals at a loop's head are its steps."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc.cache import TrajectoryCache
from asc.computation import Executable
from asc.errors import AscError
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc.words import combine
from asc_riscv.effect import Effect
from asc_riscv.loops import PROFILE, choose_loop
from asc_riscv.machine import Machine
from asc_riscv.memo import MemoCounts
from asc_riscv.memoising import Memoising
from asc_riscv.pointers import Pointers
from asc_riscv.process import Process
from asc_riscv.registers import FCSR_BIT, NAMES, NUMBERS, REGISTER_COUNT, STACK_POINTER, names_in, numbers_in
from asc_riscv.stop import Stop, StopReason
from asc_riscv.worker import Job, LocalMemory, Task

_SLICE = 100_000_000  # instructions after which a run looks at whether it is to stop
_LOST = 50_000_000  # instructions without an arrival, after which another loop is looked for
_RARELY = 25  # times as long as all choices of a loop so far have taken, a run goes on before the next one
_LEFT = "The program has left its loop, and it is too early to look for another one."
_PATIENCE = 4  # times as many instructions as recent steps have had, after which a worker gives up
_RED_ZONE = 4096  # bytes below the stack pointer that a worker gets
_WORD_BYTES = 64  # approximate bytes of a word in a dictionary
_MOST = 4096  # memory words that predictors see
_BLOCK = 32768  # memory words
_MODULUS = 2**64


class SavedState(NamedTuple):
    """A full snapshot."""

    registers: NDArray[np.uint64]
    pc: int
    fcsr: int
    instructions: int
    memory: NDArray[np.uint8]
    system: Mapping[str, Any]
    head: int | None  # of the loop


class RiscvComputation(Executable):
    """A program in a machine, executed exactly: a leap applies where everything that its steps read has the same bits.

    A step is the way from one arrival at the head of a loop to the next. A profile chooses the loop at the beginning,
    and again where the program no longer comes by; the program runs on meanwhile, up to an arrival, and that counts as
    one step. The end of the program counts as an arrival.
    """

    provides = frozenset({"words", "pointers"})

    def __init__(
        self,
        process: Process,
        round_trip_s: float = 0.0,
        head: int | None = None,
        profile: int = PROFILE,
        memoise: TrajectoryCache.Config | None = None,
    ) -> None:
        """Make it at the program's beginning.

        `round_trip_s` is what a task costs there and back, in seconds. `head` is the address of the loop's head, and
        `profile` the instructions in which one is looked for otherwise; 0 for a plain run, which has no breakpoints.
        `memoise` are the bounds of what is remembered of loops within a step; without them nothing is.
        """
        self.process, self._round_trip_s = process, round_trip_s
        self._machine = process.machine
        self._head, self._profile, self._position = head, profile, 0
        self._seconds, self._steps, self._instructions = 0.0, 0.0, 0.0  # of recent plain runs
        self._stopped = False
        self._has_no_loop = False  # as far as the latest profile tells
        self._began, self._choosing_s = time.perf_counter(), 0.0  # the start, and seconds in which loops were chosen
        self.memoising = None if memoise is None else Memoising(process, memoise)
        """Remembers what loops within a step do; None where nothing is remembered."""
        self._gained = 0.0  # steps that are saved and not yet reported
        words = self._machine.words.size
        self._read = np.zeros(words, dtype=bool)  # memory words that supersteps have read
        self._values = np.zeros(words, dtype=np.uint64)  # that they have read last
        self._varies = np.zeros(words, dtype=bool)  # words that they have read with different values
        self._changing: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the numbers of these
        self._learnt: Effect | None = None  # the latest
        self._registers_read = 0
        self._registers: NDArray[np.intp] = np.arange(1, REGISTER_COUNT)  # numbers; all while none is known to be read
        self._names: tuple[str, ...] = ("fcsr", *NAMES[1:])  # of what predictors see
        self.hindrance = ""
        if head is not None:
            self._machine.set_breakpoints((head,))

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def finished(self) -> bool:
        """Whether the program has ended."""
        return self.process.is_finished

    def begin(self) -> None:
        """Choose the loop, unless that is done, and the loops within that may be remembered: that takes a step."""
        if not self.may_leap:
            self.memoising = None
        if self._is_unprofiled():
            self._choose()
        elif self._head is not None and self.memoising is not None and not self.finished():
            self._position += 1
            self._look_within()

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Run to the arrival after so many; with `record`, track the run and return it as a transition.

        Raises AscError where the program does what the machine refuses.
        """
        self._stopped = False
        if self.finished() or not max_steps:
            return Advanced(0)
        if record and not self.hindrance and self._head is not None and not self._is_memoised():
            recorded = self._advance_tracked(max_steps)
            if recorded is not None:
                return Advanced(recorded.steps, recorded=recorded)
        began, before, end = time.perf_counter(), self._position, self._position + max_steps
        executed, has_searched, looked_up = self._machine.instructions, False, self._looked_up()
        while self._position < end and not self._stopped and not self.finished():
            if self._is_unprofiled():
                self._choose()
                has_searched = True
                continue
            left = end - self._position
            stop = self._run(_SLICE if self._head is None else _LOST, left)
            arrived = left - stop.arrivals_left
            self._position += arrived
            if self.finished() or self._head is None:  # without a loop, a slice of the run counts as a step
                self._position += 1
            elif not arrived and stop.reason is StopReason.BUDGET:
                self._head, self.hindrance = None, _LEFT
                self._machine.set_breakpoints(())
                if self.memoising is not None:
                    self.memoising.end()
        steps = self._position - before
        if steps and not has_searched:
            self._seconds = 0.9 * self._seconds + time.perf_counter() - began
            self._steps = 0.9 * self._steps + steps
            self._instructions = 0.9 * self._instructions + self._machine.instructions - executed
        if self.memoising is None:
            return Advanced(steps, usual=not has_searched)
        hits, misses = (now - then for now, then in zip(self._looked_up(), looked_up, strict=True))
        self._gained += steps * self.memoising.take_share()
        saved = max(0, min(steps, int(self._gained)))
        self._gained -= saved
        return Advanced(steps, hits, misses, saved, usual=not has_searched)

    def observe(self) -> Snapshot:
        """Take the registers that supersteps read, and the memory words that they read with different values."""
        return Snapshot(self._position, 0, self._words(), _WORD_BYTES * len(self._names))

    def snapshot(self) -> Snapshot:
        """Take registers, memory and what the system knows."""
        machine = self._machine
        memory = _copied(machine.words)
        state = SavedState(
            machine.registers.copy(),
            machine.pc,
            machine.fcsr,
            machine.instructions,
            memory,
            self.process.system.state(),
            self._head,
        )
        return Snapshot(self._position, 0, state, memory.nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot."""
        self.load(snapshot.position, snapshot.state)

    def load(self, position: int, state: SavedState) -> None:
        """Go to a state."""
        machine = self._machine
        machine.memory[:] = state.memory
        machine.registers[:] = state.registers
        machine.pc, machine.fcsr, machine.instructions = state.pc, state.fcsr, state.instructions
        machine.begin_stretch()
        self.process.system.restore(state.system)
        self._position = position
        if self._head != state.head:
            self._head = state.head
            if self.memoising is not None:
                self.memoising.end()
            machine.set_breakpoints(() if state.head is None else (state.head,))

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Return the words of each snapshot, integers from 0 to 2 to the power of 64; or the pointers in the memory."""
        if need == "pointers":
            return Pointers(self._machine)
        if need != "words":
            raise AscError(f'The RISC-V backend provides "words" and "pointers", and was asked for "{need}".')
        return [snapshot.state for snapshot in snapshots]

    def gram(self, snapshots: Sequence[Snapshot]) -> NDArray[np.float64]:
        """Inner products of the differences of the words to the newest snapshot."""
        names = [name for name in snapshots[-1].state if all(name in snapshot.state for snapshot in snapshots)]
        rows = np.array([[float(snapshot.state[name]) for name in names] for snapshot in snapshots], dtype=np.float64)
        differences: NDArray[np.float64] = rows[:-1] - rows[-1]
        return np.asarray(differences @ differences.T)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make words of a prediction, modulo 2 to the power of 64; one without a value keeps its newest."""
        newest = history[-1]
        words: dict[str, int] = dict(newest.state)
        if isinstance(prediction, Combination):
            past = prediction.of(history)
            for name, value in words.items():
                values = [snapshot.state.get(name, value) for snapshot in past]
                if any(other != value for other in values):
                    combined = combine(prediction.coefficients, values)
                    words[name] = value if combined is None else int(combined) % _MODULUS
        else:
            for name, value in prediction.state.items():
                if name in words:
                    if type(value) is not int:
                        return None
                    words[name] = value % _MODULUS
        return Candidate(newest.position, plan.horizon, words, newest.nbytes, plan.predictor)

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Return a call that runs on from the candidate in a thread of this process, in parts of so many steps.

        A cluster sends its task to another process instead.
        """
        assert self._head is not None, "a task begins at a loop's head, which `begin` has chosen"
        task = Task(
            LocalMemory(self._machine.memory, self.used()),
            self._head,
            self._machine.registers.copy(),
            self._machine.fcsr,
            candidate.state,
            candidate.start + candidate.horizon,
            tuple(lengths),
            _LOST + round(_PATIENCE * sum(lengths) * self._instructions / max(1.0, self._steps)),
            seconds,
        )
        return Job(self._machine.program, task, self._as_transition)

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate has the present bits of every changing word that some superstep has read.

        Of a word that none had read when the candidate was made, nothing was predicted.
        """
        state = candidate.state
        return all(state.get(name, value) == value for name, value in self._words().items())

    def agrees(self, transition: Transition) -> bool:
        """Whether all that the transition read has the same bits now."""
        self._learn(transition.effect)
        return not self.finished() and self._machine.matches(transition.effect)

    def disagreement(self, transition: Transition) -> str:
        """Return the name of a word that the transition read with other bits than it has now; empty where unknown."""
        return next((name for name, value in transition.causal.items() if self.key((name,))[0] != value), "")

    def apply(self, transition: Transition) -> None:
        """Leap: set what the steps wrote, and add what they accumulated."""
        self._machine.apply(transition.effect)
        self._position += transition.steps

    def is_end_of(self, leap: Transition, before: Snapshot) -> bool:
        """Whether the leap leads from the full snapshot `before` to the present state."""
        machine, state = self._machine, before.state
        other = Machine(machine.program, state.memory, is_loaded=True)
        other.registers[:] = state.registers
        other.pc, other.fcsr, other.instructions = state.pc, state.fcsr, state.instructions
        other.apply(leap.effect)
        return (
            (other.pc, other.fcsr, other.instructions) == (machine.pc, machine.fcsr, machine.instructions)
            and np.array_equal(other.registers[1:], machine.registers[1:])
            and np.array_equal(other.words, machine.words)
            and state.system == self.process.system.state()
        )

    def key(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the words' values."""
        machine = self._machine
        return tuple(
            int(machine.words[int(name[1:-1])])
            if name[0] == "["
            else machine.fcsr
            if name == "fcsr"
            else int(machine.registers[NUMBERS[name]])
            for name in names
        )

    def price(self, work: str) -> float:
        """Return the price of a task there and back, in plain steps, before it can be timed."""
        return self._round_trip_s * self._steps / self._seconds if work == "dispatch" and self._seconds else 0.0

    def digest(self) -> str:
        """SHA-256 of registers, memory, output, and all else that the program or the system knows."""
        machine = self._machine
        sha = hashlib.sha256(np.ascontiguousarray(machine.registers[1:]).tobytes())
        sha.update(f"{machine.pc} {machine.fcsr} {machine.instructions}".encode())
        sha.update(machine.memory.data)
        sha.update(json.dumps(self.process.system.state(), sort_keys=True).encode())
        return sha.hexdigest()

    def measures(self) -> Mapping[str, float]:
        """Return the instructions so far, leapt over ones included."""
        return {"instructions": float(self._machine.instructions)}

    def stop(self) -> None:
        """Make `advance` return after some hundred million instructions at most."""
        self._stopped = True

    def _run(self, budget: int, arrivals: int) -> Stop:
        stop = (self.process if self.memoising is None else self.memoising).run(budget, arrivals)
        if stop.reason.is_fault:
            raise AscError(f"{self._machine.program.name} {stop.sentence()}.")
        return stop

    def _is_unprofiled(self) -> bool:
        """Whether a loop is to be chosen now: at the beginning, and later where that is a small part of the run."""
        if self._head is not None or not self._profile or self._has_no_loop or self.finished():
            return False
        return time.perf_counter() - self._began >= _RARELY * self._choosing_s

    def _choose(self) -> None:
        """Choose the loop, and run up to an arrival: all of that is a step."""
        began = time.perf_counter()
        loop = choose_loop(self.process, self._profile)
        self._choosing_s += time.perf_counter() - began
        for effect in loop.effects if loop is not None else ():
            self._learn(effect)
        self._position += 1
        self._seconds = self._steps = self._instructions = 0.0
        self._head, self.hindrance = None if loop is None else loop.address, ""
        if self.finished():
            return
        self._has_no_loop = loop is None
        if loop is None:
            self.hindrance = "The program comes to no loop often enough to be predicted."
        elif self.memoising is None:
            self._run(_LOST, 1)
        else:
            self._look_within()

    def _look_within(self) -> None:
        """Find the loops within a step that may be remembered, and run up to an arrival."""
        assert self.memoising is not None
        assert self._head is not None
        self.memoising.begin(self._head, self._profile)
        if not self.finished():
            self._run(_LOST, 1)

    def _is_memoised(self) -> bool:
        return self.memoising is not None and self.memoising.head is not None

    def _looked_up(self) -> tuple[int, int]:
        """Return hits and misses so far."""
        counts = MemoCounts() if self.memoising is None else self.memoising.counts()
        return counts.hits, counts.misses

    def _advance_tracked(self, steps: int) -> Transition | None:
        """Run tracked; None, with the machine as it was, where the stretch cannot be recorded."""
        machine = self._machine
        machine.begin_stretch()
        stop = machine.run_tracked(_LOST, steps)
        effect = machine.effect() if stop.reason is StopReason.BREAKPOINT else None
        if effect is None:
            machine.undo_stretch()
            return None
        transition = self._as_transition(effect, self._position, steps)
        self._learn(effect)
        self._position += steps
        return transition

    def _as_transition(self, effect: Effect, start: int, steps: int) -> Transition:
        """Make a transition of an effect. Workers call this as well."""
        causal: dict[str, int] = dict(zip(names_in(effect.registers_read), effect.read_registers.tolist(), strict=True))
        changing = self._varies[effect.words_read]
        words, values = effect.words_read[changing].tolist(), effect.read_values[changing].tolist()
        causal.update((f"[{word}]", value) for word, value in zip(words[:_MOST], values[:_MOST], strict=True))
        return Transition(start, steps, effect, len(bytes(effect)) + _WORD_BYTES * len(causal), "", causal)

    def _learn(self, effect: Effect) -> None:
        """Note which registers supersteps read, and which words they read with different values."""
        if effect is self._learnt:
            return
        self._learnt = effect
        registers, other = (
            effect.registers_read & ~self._registers_read,
            self._values[effect.words_read] != effect.read_values,
        )
        words = effect.words_read[other]  # few where the same words are read again, of which there may be many
        self._values[words] = effect.read_values[other]
        new = words[self._read[words] & ~self._varies[words]]
        self._read[words] = True
        if not registers and not len(new):
            return
        self._registers_read |= registers
        self._varies[new] = True
        self._changing = np.union1d(self._changing, new.astype(np.intp))[:_MOST]
        self._registers = np.array(
            [number for number in numbers_in(self._registers_read) if number != FCSR_BIT], np.intp
        )
        words = (f"[{word}]" for word in self._changing.tolist())
        self._names = ("fcsr", *(NAMES[number] for number in self._registers), *words)

    def _words(self) -> dict[str, int]:
        """Return the registers that are read, and the memory words that are read and change, by name."""
        machine = self._machine
        registers, words = machine.registers[self._registers].tolist(), machine.words[self._changing].tolist()
        return dict(zip(self._names, (machine.fcsr, *registers, *words), strict=True))

    def used(self) -> tuple[tuple[int, int], ...]:
        """Return the parts of the memory, from and to which byte, that a worker must have as they are now."""
        base, end = self._machine.base, self._machine.memory.nbytes
        stack = min(max(int(self._machine.registers[STACK_POINTER]) - base - _RED_ZONE, 0), end)
        parts = [(start - base, stop - base) for start, stop in self.process.system.used()]
        return (*parts, (stack, end))


def _copied(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return a copy, in which blocks of zeros take neither memory nor time: most of a memory is never used."""
    copy = np.zeros(len(words), dtype=np.uint64)
    for block in np.flatnonzero(np.bitwise_or.reduceat(words, np.arange(0, len(words), _BLOCK))).tolist():
        part = slice(block * _BLOCK, (block + 1) * _BLOCK)
        copy[part] = words[part]
    return copy.view(np.uint8)
