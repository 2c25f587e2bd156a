"""Decides whether a run with a memo is quicker than a plain one, at which loop, by the processor's time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from asc.cache import TrajectoryCache
from asc_riscv.effect import Effect
from asc_riscv.loops import inner_loops
from asc_riscv.machine import NO_LIMIT
from asc_riscv.memo import Memo, MemoCounts
from asc_riscv.process import Process
from asc_riscv.stop import Stop, StopReason

_PROFILE = 1 / 4  # of the profile that chooses the head: instructions in which the loops within are looked for
_LOOPS = 3  # that are tried, of those within
_SAMPLES = 8  # stretches that say which values distinguish states
_SAMPLE_TURNS = 64  # of a sample at most
_WORDS = 256  # that are looked at, of those that a sample reads
_REACH = 200_000  # instructions in which a loop that is worth a trial comes by
_STRIDE = 32  # instructions from one look-up to the next, about
_STRETCH = 20_000  # instructions of a stretch at most, about

_FIRST_LEG = 250_000  # instructions
_LAST_LEG = 16_000_000  # of a trial
_PLAIN_LEG = 500_000  # that shows now and then what plain steps cost
_MEMOISED_LEG = 64_000_000
_TICK_S = 1e-9  # that a leg takes at least, where the clock is too coarse for it
_FREE_S = 5e-3  # seconds that trials may lose from the start on,
_SHARE = 0.01  # and this share of the time so far
_LITTLE = 0.02  # share of the instructions, below which hits promise nothing
_EARLY = 1_000_000  # instructions of a leg that is long enough to show hits
_CLEAR = 0.8  # of the plain price: a memo so good needs no comparison with others
_DRIFT = 1.02  # by which the plain price may rise from one plain leg to the next, where they are short
_WORTH = 0.95  # of the plain price, below which a memo is used


class _Loop(NamedTuple):
    """A loop that a memo may serve."""

    head: int
    exits: frozenset[int]
    registers: int
    words: tuple[int, ...]
    stride: int
    turns: int


class _Tried(NamedTuple):
    loop: _Loop
    memo: Memo
    price: float


@dataclass
class _Leg:
    """A part of the run, all of it plain or all of it with the memo."""

    is_memoised: bool
    left: int
    instructions: int = 0
    seconds: float = 0.0

    @property
    def price(self) -> float:
        """Seconds of processor time for an instruction."""
        return max(self.seconds, _TICK_S) / max(1, self.instructions)


class Memoising:
    """Runs a process in legs: plain ones and, where they are quicker, ones with a memo.

    A trial compares both at a few loops that lie within the loop of the run's steps. It may lose a small share of the
    time. Where it finds no loop whose states come back often enough, the rest of the run is plain.
    """

    def __init__(self, process: Process, config: TrajectoryCache.Config) -> None:
        self._process, self._config = process, config
        self._waiting = list[_Loop]()  # to be tried
        self._loop: _Loop | None = None
        self._memo: Memo | None = None
        self._best: _Tried | None = None
        self._is_adopted = self._is_costly = False  # the latter: whether the latest part took longer than a plain one
        self._leg = _Leg(False, 0)
        self._next = 0  # instructions of the next leg with the memo
        self._plain = 0.0  # price of a plain instruction
        self._gone = MemoCounts()  # of memos that are used no more
        self._skipped = 0  # instructions that the memo had leapt over before the leg
        self._lost = self._seconds = 0.0  # by trials, and in all
        self._saved = self._spent = 0.0  # seconds since `take_share`, and those of the run since then

    @property
    def head(self) -> int | None:
        """Address of the loop that the memo is used at; None where none is."""
        return self._loop.head if self._loop is not None and self._is_adopted else None

    def counts(self) -> MemoCounts:
        """Return what the memo holds, and what became of look-ups in the whole run."""
        return self._gone if self._memo is None else self._gone + self._memo.counts()

    def take_share(self) -> float:
        """Return what share of the plain price of the latest steps was saved; negative where the memo has lost time."""
        plain = self._spent + self._saved
        share = self._saved / plain if plain > 0 else 0.0
        self._saved = self._spent = 0.0
        return share

    def begin(self, head: int, profile: int) -> None:
        """Find loops to try, now that the run's steps begin at a head. The program runs on meanwhile.

        The machine has one breakpoint afterwards, which is the head.
        """
        self._drop()
        self._best, self._is_adopted, self._waiting = None, False, []
        process, machine = self._process, self._process.machine
        for inner, distance in inner_loops(process, head, round(_PROFILE * profile)):
            if len(self._waiting) == _LOOPS or process.is_finished:
                break
            exits = machine.exits(inner, head)
            machine.set_breakpoints({head, inner, *exits})
            effects = _samples(process, inner)
            if effects:
                stride = max(1, round(_STRIDE / distance))
                turns = max(16, min(4096, round(_STRETCH / distance)))
                self._waiting.append(_Loop(inner, frozenset(exits), *_distinctive(effects), stride, turns))
        machine.set_breakpoints((head,))
        self._try_next()

    def end(self) -> None:
        """Use no memo any more."""
        self._drop()
        self._waiting = []

    def run(self, budget: int = NO_LIMIT, arrivals: int = NO_LIMIT) -> Stop:
        """Run like `Process.run`."""
        process, machine = self._process, self._process.machine
        end = machine.instructions + budget
        while self._memo is not None:
            leg, before, began = self._leg, machine.instructions, time.thread_time()
            part = min(leg.left, end - before)
            stop = process.run(part, arrivals, self._memo if leg.is_memoised else None)
            self._note(machine.instructions - before, time.thread_time() - began)
            if leg.left <= 0:
                self._next_leg(leg)
            if stop.reason is not StopReason.BUDGET or process.is_finished or machine.instructions >= end:
                return stop
            arrivals = stop.arrivals_left
        return process.run(end - machine.instructions, arrivals)

    def _note(self, instructions: int, seconds: float) -> None:
        leg = self._leg
        leg.left -= instructions
        leg.instructions += instructions
        leg.seconds += seconds
        self._seconds += seconds
        self._spent += seconds
        if leg.is_memoised:
            self._saved += instructions * self._plain - seconds

    def _next_leg(self, leg: _Leg) -> None:
        """Judge the leg that is over, and begin another one."""
        if not leg.is_memoised:
            # Short legs begin with cold caches, so that they may seem to take longer than plain steps do.
            self._plain = min(leg.price, _DRIFT * self._plain) if self._is_adopted else leg.price
            self._begin_leg(_Leg(True, self._next))
        elif self._is_adopted:
            was_costly, self._is_costly = self._is_costly, leg.price > self._plain
            if was_costly and self._is_costly:
                self.end()
            else:
                self._next = min(_MEMOISED_LEG, 2 * self._next)
                self._begin_leg(_Leg(False, _PLAIN_LEG))
        else:
            self._judge_trial(leg)

    def _judge_trial(self, leg: _Leg) -> None:
        assert self._memo is not None
        assert self._loop is not None
        self._lost += max(0.0, leg.seconds - leg.instructions * self._plain)
        counts = self._memo.counts()
        promises = counts.skipped - self._skipped >= _LITTLE * leg.instructions
        if leg.price < _CLEAR * self._plain and leg.instructions >= _EARLY:
            self._adopt(_Tried(self._loop, self._memo, 0.0))
        elif not counts.entries or leg.instructions >= (_LAST_LEG if promises else _EARLY):
            price = leg.price / self._plain
            if promises and price < (_WORTH if self._best is None else self._best.price):
                self._best = _Tried(self._loop, self._memo, price)
            self._try_next()
        else:
            self._next = 2 * leg.instructions
            loss = self._lost + 2 * max(0.0, leg.seconds - leg.instructions * self._plain) - _FREE_S
            due = max(0.0, loss / _SHARE - self._seconds)  # seconds until another leg like this one may be lost
            self._begin_leg(_Leg(False, max(self._next, round(due / self._plain))))

    def _try_next(self) -> None:
        """Try the next loop; after the last one, use the best memo, if there is one."""
        if self._waiting:
            loop = self._waiting.pop(0)
            self._drop()
            self._watch(loop)
            self._memo = Memo(
                self._process.machine,
                loop.registers,
                loop.words,
                max_entries=self._config.max_entries,
                max_bytes=self._config.max_bytes,
                stride=loop.stride,
                turns=loop.turns,
            )
            self._next = _FIRST_LEG
            self._begin_leg(_Leg(False, _FIRST_LEG))
        elif self._best is not None:
            self._adopt(self._best)
        else:
            self._drop()

    def _adopt(self, tried: _Tried) -> None:
        if tried.memo is not self._memo:
            self._drop()
            self._watch(tried.loop)
            known = tried.memo.counts()._replace(entries=0, bytes=0)
            self._gone = MemoCounts(*(gone - count for gone, count in zip(self._gone, known, strict=True)))
            self._memo = tried.memo
        self._best, self._is_adopted, self._waiting = None, True, []
        self._is_costly, self._next = False, _LAST_LEG
        self._begin_leg(_Leg(True, _LAST_LEG))

    def _watch(self, loop: _Loop) -> None:
        self._process.machine.watch(loop.head, loop.exits)
        self._loop = loop

    def _drop(self) -> None:
        """Put the memo aside. Its entries count only while it is used."""
        if self._memo is not None:
            self._gone += self._memo.counts()._replace(entries=0, bytes=0)
        self._memo = self._loop = None

    def _begin_leg(self, leg: _Leg) -> None:
        self._leg = leg
        if self._memo is not None:
            self._skipped = self._memo.counts().skipped


def _samples(process: Process, head: int) -> list[Effect]:
    """Return effects of a few stretches from a loop's head to an exit, or a number of turns later."""
    machine, effects = process.machine, list[Effect]()
    for number in range(_SAMPLES):
        end = machine.instructions + _REACH
        stop = process.run(end - machine.instructions, 1 + number % 5)
        while stop.reason is StopReason.BREAKPOINT and stop.pc != head:
            stop = process.run(end - machine.instructions, 1)
        if stop.pc != head or process.is_finished:
            return []
        machine.begin_stretch()
        turns, last = 0, machine.instructions + _STRETCH
        while stop.reason is StopReason.BREAKPOINT and stop.pc == head and turns < _SAMPLE_TURNS:
            stop = machine.run_tracked(last - machine.instructions, 1)
            turns += 1
        effect = machine.effect()
        if effect is not None:
            effects.append(effect)
    return effects


def _distinctive(effects: Sequence[Effect]) -> tuple[int, tuple[int, ...]]:
    """Return the registers, as a mask, and the words that most of the effects read, and whose values differ.

    Where an effect reads many words, only the first ones are looked at.
    """
    registers = 0
    for number in range(1, 64):
        reading = [effect for effect in effects if effect.registers_read >> number & 1]
        place = (1 << number) - 1
        values = {int(effect.read_registers[(effect.registers_read & place).bit_count()]) for effect in reading}
        if 2 * len(reading) > len(effects) and len(values) > 1:
            registers |= 1 << number
    values_of = dict[int, list[int]]()
    for effect in effects:
        for word, value in zip(effect.words_read[:_WORDS].tolist(), effect.read_values[:_WORDS].tolist(), strict=True):
            values_of.setdefault(word, []).append(value)
    often = [word for word, values in values_of.items() if 2 * len(values) > len(effects) and len(set(values)) > 1]
    return registers, tuple(often[:8])
