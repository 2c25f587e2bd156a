"""A run with a memo ends as a plain run, whatever the memo holds; and a memo is used where that is quicker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assembler import BASE, CODE, EBREAK, MIDDLE, add, addi, b_type, i_type, jal, ld, program, r_type
from drawn import ADDING, looping, machine, same, set_state, state
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asc.cache import TrajectoryCache
from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc_riscv import Machine, Process, StopReason, compiled
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.computation import RiscvComputation
from asc_riscv.loops import choose_loop, inner_loops
from asc_riscv.memo import Memo
from asc_riscv.memoising import Memoising
from asc_riscv.stop import Stop

ENOUGH = 100_000
WORDS = [(MIDDLE - CODE) // 8 + k for k in range(2)]
"""The words that drawn programs read and write most."""
SMALL: dict[str, Any] = {"profile": 20_000, "memory": 2, "executor": "none"}


def finished(ran: Machine, arrivals: int, budget: int = ENOUGH, memo: Memo | None = None) -> Stop:
    """Run to the end, or to so many arrivals, in parts of a budget."""
    stop = ran.run(budget, arrivals, memo)
    while stop.reason is StopReason.BUDGET:
        stop = ran.run(budget, stop.arrivals_left, memo)
    return stop


@settings(max_examples=150)
@given(
    looping(laps=(40, 200)) | looping(ADDING, (40, 200)),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-1, 2)), min_size=6, max_size=24),
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)),
    st.integers(1, 4) | st.just(ENOUGH),
    st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(5, 400)),
    st.integers(0, 2**64 - 1) | st.just(0),
    st.sampled_from([7, 100, ENOUGH, ENOUGH]),
)
def test_a_run_with_a_memo_ends_as_a_plain_one(
    instructions: list[int],
    states: list[tuple[int, int]],
    places: tuple[int, int, int],
    arrivals: int,
    sizes: tuple[int, int, int],
    index: int,
    budget: int,
) -> None:
    """The same few states come back again and again, some with another word in the memory.

    A memo may have one entry, and an index that says nothing.
    """
    entries, stride, turns = sizes
    plain, memoised = (machine(instructions, state(0)) for _ in range(2))
    start = plain.program.code.start
    head, left, breakpoint_ = (start + 4 * (place % (len(instructions) + 1)) for place in places)
    assume(head != breakpoint_)
    for each in (plain, memoised):
        each.set_breakpoints([breakpoint_])
    memoised.watch(head, [left])
    memo = Memo(memoised, index, WORDS, max_entries=entries, stride=stride, turns=turns, least=0)
    for seed, word in states:
        for each in (plain, memoised):
            set_state(each, state(seed))
            if word >= 0:
                each.words[WORDS[0] + word] ^= np.uint64(1 << 5)
            each.pc, each.fcsr = start, 0
        stop = finished(plain, arrivals)
        assert finished(memoised, arrivals, budget, memo) == stop
        assert same(plain, memoised)
        assert plain.instructions == memoised.instructions
    counts = memo.counts()
    assert counts.entries <= entries
    assert (counts.bytes > 0) == (counts.entries > 0)


COUNT, TURN, TOTAL = 10, 11, 12
SWEEP = [
    addi(13, 0, 500),  # 500 times:
    addi(TURN, 0, 40),
    addi(TURN, TURN, -1),  # the head: 40 turns,
    addi(TOTAL, TOTAL, 3),  # with a running total,
    b_type(1, TURN, 0, -8),
    addi(13, 13, -1),
    b_type(1, 13, 0, -20),
]


def sweep(**given: Any) -> tuple[Machine, Memo]:
    """Return a machine that has run the same loop many times over, and its memo."""
    ran = Machine(program([*SWEEP, EBREAK]), memory_bytes=1 << 18)
    start = ran.program.entry
    ran.watch(start + 8, [start + 20])
    memo = Memo(ran, 1 << TURN, **given)
    assert ran.run(memo=memo).reason is StopReason.EBREAK
    assert int(ran.registers[TOTAL]) == 500 * 40 * 3
    assert ran.instructions == 1 + 500 * (1 + 40 * 3 + 2)
    return ran, memo


def test_what_comes_back_is_leapt_over_to_the_exit_of_the_loop() -> None:
    _, memo = sweep()
    counts = memo.counts()
    assert counts.hits > 400
    assert counts.skipped > 400 * 40


@pytest.mark.parametrize("entries", [1, 2, 3, 5])
def test_a_memo_keeps_its_bounds(entries: int) -> None:
    _, memo = sweep(max_entries=entries)
    assert 1 <= memo.counts().entries <= entries
    one = memo.counts().bytes // memo.counts().entries
    _, memo = sweep(max_bytes=2 * one)
    assert 1 <= memo.counts().entries <= 2
    assert memo.counts().bytes <= 2 * one
    assert sweep(max_entries=2**70, max_bytes=2**20)[1].counts().hits > 400
    assert sweep(max_bytes=one - 1)[1].counts().entries == sweep(max_entries=0)[1].counts().entries == 0


def test_entries_that_nothing_uses_leave_first() -> None:
    """The stretch has another start in each turn, so that what was kept before is of no use."""
    counter = [addi(COUNT, 0, 300), addi(TURN, COUNT, 400), addi(TURN, TURN, -1), b_type(1, TURN, COUNT, -4)]
    back = [addi(COUNT, COUNT, -1), b_type(1, COUNT, 0, -16)]
    ran = Machine(program([*counter, *back, EBREAK]), memory_bytes=1 << 18)
    start = ran.program.entry
    ran.watch(start + 8, [start + 16])
    memo = Memo(ran, 1 << TURN | 1 << COUNT, max_entries=1)
    assert ran.run(memo=memo).reason is StopReason.EBREAK
    assert memo.counts().evictions > 0
    assert memo.counts().hits == 0


DIVIDE, NOTHING = r_type(0x53, 0, 0x0D, 10, 11, 12), addi(14, 14, 1)
INEXACT = 1


@pytest.mark.parametrize(("before", "within"), [([NOTHING], [DIVIDE]), ([DIVIDE], [NOTHING])])
def test_a_leap_raises_the_flags_that_its_stretch_raised(before: list[int], within: list[int]) -> None:
    """And not those that were raised before it."""
    ran = Machine(program([*before, *within, *[NOTHING] * 20, EBREAK]), memory_bytes=1 << 18)
    start = ran.program.entry
    ran.watch(start + 4, [start + 88])
    memo = Memo(ran, 0, least=0)
    for lap in range(20):
        divisor = 3.0 if lap % 8 < 6 else 4.0
        ran.registers[32 + 11 : 32 + 13] = np.array([1.0, divisor]).view(np.uint64)
        ran.pc, ran.fcsr = start, 0
        ran.run(memo=memo)
        assert ran.fcsr == (INEXACT if divisor == 3.0 else 0)
    assert memo.counts().hits > 10


def test_a_leap_needs_the_words_that_its_stretch_read() -> None:
    ran = Machine(program([NOTHING, ld(10, 0, BASE), *[NOTHING] * 20, EBREAK]), memory_bytes=1 << 18)
    start = ran.program.entry
    ran.registers[BASE] = MIDDLE
    ran.watch(start + 4, [start + 88])
    memo = Memo(ran, 0, least=0)
    for lap in range(40):
        ran.words[WORDS[0]] = lap % 3
        ran.pc = start
        ran.run(memo=memo)
        assert ran.registers[10] == lap % 3
        assert ran.registers[14] == 21 * (lap + 1)
    assert memo.counts().hits > 10


def test_a_tracked_run_does_not_stop_at_a_watched_loop() -> None:
    for watched in (False, True):
        ran = Machine(program([*SWEEP, EBREAK]), memory_bytes=1 << 18)
        if watched:
            ran.watch(ran.program.entry + 8, [ran.program.entry + 20])
        ran.begin_stretch()
        assert ran.run_tracked().reason is StopReason.EBREAK
        effect = ran.effect()
        assert effect is not None
        assert (effect.registers_added, int(effect.added[0])) == (1 << TOTAL, 60_000)
        assert effect.registers_read == 0


def test_wrong_use_is_refused_in_a_sentence() -> None:
    ran, other = (Machine(program([*SWEEP, EBREAK]), memory_bytes=1 << 18) for _ in range(2))
    start = ran.program.entry
    memo = Memo(ran, 0)
    with pytest.raises(AscError, match="call watch first"):
        ran.run(memo=memo)
    other.watch(start)
    with pytest.raises(AscError, match="a memo of the same machine"):
        other.run(memo=memo)
    ran.set_breakpoints([start])
    with pytest.raises(AscError, match="no breakpoint at the head"):
        ran.watch(start)
    with pytest.raises(AscError, match="expected even addresses in its code"):
        ran.watch(start + 1)
    with pytest.raises(AscError, match="a word of its index is not in the program's memory"):
        Memo(ran, 0, [2**31])


def test_a_memo_serves_one_loop_and_the_same_breakpoints() -> None:
    """Its effects begin at the loop's head, and lead past every place that was no breakpoint."""
    ran, memo = sweep()
    start = ran.program.entry
    ran.watch(start + 4)
    with pytest.raises(AscError, match="learnt of another loop, or with other breakpoints: make a new Memo"):
        ran.run(memo=memo)
    ran.set_breakpoints([start + 12])
    ran.watch(start + 8, [start + 20])
    with pytest.raises(AscError, match="with other breakpoints"):
        ran.run(memo=memo)
    ran.remove_breakpoint(start + 12)
    with pytest.raises(AscError, match="call watch first"):
        ran.run(memo=memo)
    ran.watch(start + 8, [start + 20])
    ran.pc = start
    assert ran.run(memo=memo).reason is StopReason.EBREAK
    assert int(ran.registers[TOTAL]) == 2 * 500 * 40 * 3


def test_a_loop_is_left_where_its_jumps_lead_out() -> None:
    """Of two loops that overlap, and of which neither lies in the other, both are the loop."""
    code = [
        addi(10, 0, 9),
        addi(11, 0, 9),  # the outer loop
        add(12, 11, 11),  # the first head
        addi(11, 11, -1),  # the second head
        b_type(1, 11, 12, -8),
        b_type(0, 11, 0, 12),
        b_type(1, 11, 10, -12),
        i_type(0x13, 0, 0, 0, 0),
        addi(10, 10, -1),
        b_type(1, 10, 0, -32),
        jal(0, 4),
    ]
    made = Machine(program([*code, EBREAK]), memory_bytes=1 << 18)
    start = made.program.entry
    assert made.exits(start + 8, start + 4) == made.exits(start + 12, start + 4) == {start + 28, start + 32}
    assert made.exits(start, start + 4) == set()


def test_loops_within_are_those_that_come_by_more_often(cache: Path) -> None:
    process = Process(compiled("collatz", cache=cache), ["100000"])
    loop = choose_loop(process, 200_000)
    assert loop is not None
    within = inner_loops(process, loop.address, 200_000)
    distances = [distance for _, distance in within]
    assert len(distances) == 2  # the turn of an odd number, and every turn
    assert distances == sorted(distances, reverse=True)
    assert inner_loops(process, within[-1][0], 200_000) == []


def test_of_memos_that_gain_little_the_best_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(compiled("collatz", cache=cache), ["150000"])
    memoising = Memoising(process, TrajectoryCache.Config())

    def now() -> float:
        counts = memoising.counts()
        return 1e-9 * (process.machine.instructions - 0.1 * counts.skipped)

    monkeypatch.setattr("asc_riscv.memoising.time.thread_time", now)
    monkeypatch.setattr("asc_riscv.memoising._LAST_LEG", 1_000_000)
    loop = choose_loop(process, 200_000)
    assert loop is not None
    memoising.begin(loop.address, 200_000)
    while not process.is_finished and memoising.head is None:
        memoising.run(100_000)
    most, _ = max(inner_loops(process, loop.address, 200_000), key=lambda inner: inner[1])
    assert memoising.head == most  # where nothing else differs, that leaps over the most
    counts = memoising.counts()
    assert counts.entries > 0
    assert counts.bytes > 0


def test_a_memo_that_serves_no_more_is_given_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that makes every hit costly, once the trial is over."""
    process = Process(compiled("collatz", cache=cache), ["400000"])
    memoising = Memoising(process, TrajectoryCache.Config())

    def now() -> float:
        counts = memoising.counts()
        price = 20 if memoising.head is None else 10_000
        return 1e-9 * (process.machine.instructions - counts.skipped + price * counts.hits)

    monkeypatch.setattr("asc_riscv.memoising.time.thread_time", now)
    loop = choose_loop(process, 200_000)
    assert loop is not None
    memoising.begin(loop.address, 200_000)
    served = False
    while not process.is_finished:
        memoising.run(1_000_000)
        served |= memoising.head is not None
    assert served
    assert memoising.head is None
    assert memoising.counts().entries == 0
    assert memoising.counts().hits > 0


@pytest.mark.parametrize(("program", "argument", "serves"), [("collatz", "200000", True), ("pi", "300000", False)])
def test_a_memo_is_used_where_it_is_quicker(
    program: str, argument: str, serves: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that counts the instructions that are executed, and charges for tracked ones and look-ups."""
    process, plain = (Process(compiled(program, cache=cache), [argument]) for _ in range(2))
    memoising = Memoising(process, TrajectoryCache.Config())

    def now() -> float:
        counts = memoising.counts()
        return 1e-9 * (process.machine.instructions - counts.skipped + 20 * counts.hits + 5 * counts.misses)

    monkeypatch.setattr("asc_riscv.memoising.time.thread_time", now)
    loop = choose_loop(process, 200_000)
    assert loop is not None
    memoising.begin(loop.address, 200_000)
    served = False
    while not process.is_finished:
        memoising.run(500_000)
        served |= memoising.head is not None
    plain.finish()
    assert served == serves
    assert RiscvComputation(process, profile=0).digest() == RiscvComputation(plain, profile=0).digest()
    assert serves == (memoising.counts().skipped > process.machine.instructions // 2)


def test_a_clock_that_stands_still_changes_no_result(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, plain = (Process(compiled("collatz", cache=cache), ["30000"]) for _ in range(2))
    monkeypatch.setattr("asc_riscv.memoising.time.thread_time", lambda: 0.0)
    computation = RiscvComputation(process, profile=20_000, memoise=TrajectoryCache.Config())
    computation.begin()
    while not computation.finished():
        computation.advance(1000)
    plain.finish()
    assert computation.digest() == RiscvComputation(plain, profile=0).digest()


@pytest.mark.parametrize("bounds", [{"max_entries": 1}, {"max_bytes": 2000}, {"max_entries": 0}, {}])
@pytest.mark.parametrize("program", ["collatz", "collatz_count"])
def test_a_run_ends_as_the_program_by_itself(program: str, bounds: dict[str, int]) -> None:
    argument = "40000"
    config = RiscvConfig.model_validate({**SMALL, "program": program, "arguments": [argument], "cache": bounds})
    summary = Run(RiscvBackend(config), "riscv", load()).execute()
    process = Process(compiled(program), [argument], memory_bytes=2 << 20)
    process.finish()
    assert summary["final_digest"] == RiscvComputation(process, profile=0).digest()
    counts = summary["cache"]
    most = bounds.get("max_entries", counts["entries"])
    assert counts["entries"] <= 2 * most  # of the trajectory cache, and of the machine
    assert summary["hits"] >= counts["hits"]


def test_a_run_with_a_memo_goes_on_from_any_of_its_states() -> None:
    """Back to an earlier state, or in another computation, as after a checkpoint."""
    config = RiscvConfig.model_validate({**SMALL, "program": "collatz", "arguments": ["60000"]})
    one, other = (RiscvBackend(config).computation(plain=False) for _ in range(2))
    one.begin()
    one.advance(20_000)
    middle = one.snapshot()
    while not one.finished():
        one.advance(10_000)
    digest, position = one.digest(), one.position()
    one.restore(middle)
    other.restore(middle)
    other.begin()  # looks for loops again, and counts that as a step
    for each, steps in ((one, 0), (other, 1)):
        while not each.finished():
            each.advance(10_000)
        assert each.digest() == digest
        assert each.position() <= position + steps


def test_a_shadow_run_leaps_over_nothing() -> None:
    config = RiscvConfig.model_validate({**SMALL, "program": "collatz", "arguments": ["200000"]})
    summary = Run(RiscvBackend(config), "riscv", load(), shadow=True).execute()
    assert summary["cache"].get("skipped", 0) == summary["skipped"] == 0
