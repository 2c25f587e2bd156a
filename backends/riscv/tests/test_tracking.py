"""What a tracked stretch says that it read and wrote is enough to repeat it anywhere."""

from __future__ import annotations

import random

import numpy as np
import pytest
from assembler import BASE, DATA, EBREAK, MIDDLE, add, addi, b_type, i_type, ld, program, r_type, s_type, sd
from drawn import ADDING, looping, machine, same, set_state, state
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc_riscv import Effect, Machine, StopReason
from asc_riscv.registers import FCSR_BIT, numbers_in

SEEDS = st.integers(0, 2**32 - 1)
ENOUGH = 100_000


def tracked(instructions: list[int], seed: int = 1) -> tuple[Machine, Effect]:
    """Run instructions tracked, and return the machine and the effect."""
    ran = machine(instructions, state(seed))
    ran.begin_stretch()
    assert ran.run_tracked(ENOUGH).reason is StopReason.EBREAK
    effect = ran.effect()
    assert effect is not None
    return ran, effect


def agree(on: Machine, effect: Effect) -> None:
    """Set what the effect read."""
    for number, value in zip(numbers_in(effect.registers_read), effect.read_registers, strict=True):
        if number == FCSR_BIT:
            on.fcsr = int(value)
        else:
            on.registers[number] = value
    on.words[effect.words_read] = effect.read_values


@settings(max_examples=200)
@given(looping() | looping(ADDING), SEEDS, SEEDS, st.integers(0, 30), st.integers(1, 4))
def test_an_effect_applied_gives_what_running_gives(
    instructions: list[int], seed: int, other_seed: int, place: int, arrivals: int
) -> None:
    begun, ran, jumped = (machine(instructions, state(each)) for each in (seed, other_seed, other_seed))
    for each in (begun, ran):
        each.set_breakpoints([each.program.code.start + 4 * (place % (len(instructions) + 1))])
    begun.begin_stretch()
    stop = begun.run_tracked(ENOUGH, arrivals)
    effect = begun.effect()
    assert effect is not None
    for each in (ran, jumped):
        agree(each, effect)
    assert jumped.matches(effect)
    assert ran.run(ENOUGH, arrivals) == stop
    jumped.apply(effect)
    assert same(ran, jumped)
    assert ran.instructions == jumped.instructions


@settings(max_examples=60)
@given(looping(), SEEDS, st.randoms(use_true_random=False))
def test_an_effect_does_not_match_where_anything_that_was_read_differs(
    instructions: list[int], seed: int, rng: random.Random
) -> None:
    _, effect = tracked(instructions, seed)
    other = machine(instructions, state(seed))
    assert other.matches(effect)
    registers = [number for number in numbers_in(effect.registers_read) if number != FCSR_BIT]
    if registers:
        number = rng.choice(registers)
        other.registers[number] ^= np.uint64(1 << rng.randrange(64))
        assert not other.matches(effect)
        set_state(other, state(seed))
    if len(effect.words_read):
        word = rng.choice(effect.words_read.tolist())
        other.words[word] ^= np.uint64(1 << rng.randrange(64))
        assert not other.matches(effect)
        set_state(other, state(seed))
    other.pc += 2
    assert not other.matches(effect)


@settings(max_examples=60)
@given(looping(), SEEDS, st.lists(st.integers(1, 40), max_size=8), st.integers(0, 30))
def test_plain_tracked_and_interrupted_runs_end_alike(
    instructions: list[int], seed: int, budgets: list[int], place: int
) -> None:
    plain = machine(instructions, state(seed))
    plain.run(ENOUGH)
    cut, pieces = (machine(instructions, state(seed)) for _ in range(2))
    cut.set_breakpoints([cut.program.code.start + 4 * (place % (len(instructions) + 1))])
    pieces.begin_stretch()
    effects = []
    while True:
        cut.begin_stretch()
        stop = cut.run_tracked(budgets.pop() if budgets else ENOUGH, arrivals=1 + place % 3)
        effects.append(cut.effect())
        if stop.reason not in (StopReason.BREAKPOINT, StopReason.BUDGET):
            break
    assert stop.reason is StopReason.EBREAK
    assert same(plain, cut)
    assert plain.instructions == cut.instructions
    for effect in effects:
        assert effect is not None
        assert pieces.matches(effect)
        pieces.apply(effect)
    assert same(plain, pieces)


@settings(max_examples=60)
@given(looping(), SEEDS, st.integers(1, 60))
def test_a_stretch_can_be_continued_and_undone(instructions: list[int], seed: int, budget: int) -> None:
    whole, effect = tracked(instructions, seed)
    parts, before = (machine(instructions, state(seed)) for _ in range(2))
    parts.begin_stretch()
    while parts.run_tracked(budget).reason is StopReason.BUDGET:
        pass
    assert parts.effect() == effect
    assert same(parts, whole)
    parts.undo_stretch()
    assert same(parts, before)


def words(count: int, first: int = 0) -> list[int]:
    """Return numbers of memory words from the middle of the data on."""
    start = (MIDDLE - 0x10000) // 8 + first
    return list(range(start, start + count))


def test_a_register_that_is_only_added_to_is_an_increment() -> None:
    ran, effect = tracked([addi(10, 10, 5), add(10, 10, 11), add(10, 11, 10), r_type(0x33, 0, 0x20, 10, 10, 11)])
    begin = state(1).registers
    assert numbers_in(effect.registers_added) == [10]
    assert numbers_in(effect.registers_read) == [11]
    assert effect.registers_written == 0
    assert effect.added.tolist() == [int(ran.registers[10] - begin[10])]


def test_a_register_that_is_only_xored_is_a_difference() -> None:
    _, effect = tracked([r_type(0x33, 4, 0, 10, 10, 11), i_type(0x13, 4, 10, 10, 255)])
    assert numbers_in(effect.registers_xored) == [10]
    assert effect.xored.tolist() == [int(state(1).registers[11]) ^ 255]


@pytest.mark.parametrize(
    ("instructions", "read"),
    [
        ([addi(10, 10, 5), add(11, 10, 0)], [10]),
        ([addi(10, 10, 5), i_type(0x13, 4, 10, 10, 255)], [10]),
        ([add(10, 10, 10)], [10]),
        ([r_type(0x33, 0, 0x20, 10, 11, 10)], [10, 11]),
        ([i_type(0x1B, 0, 10, 10, 5)], [10]),
        ([add(10, 0, 11), addi(10, 10, 5)], [11]),
        ([addi(10, 10, 5), add(10, 0, 11)], [11]),
        ([addi(10, 10, 5), b_type(0, 10, 0, 4)], [10]),
        ([addi(13, 0, 1), add(10, 0, 11), b_type(0, 0, 0, 4), add(12, 10, 0)], [11]),
    ],
    ids=[
        "used",
        "mixed",
        "doubled",
        "subtracted from",
        "32 bits",
        "set before",
        "set after",
        "compared",
        "other block",
    ],
)
def test_any_other_use_is_a_read(instructions: list[int], read: list[int]) -> None:
    _, effect = tracked(instructions)
    assert numbers_in(effect.registers_read) == read
    assert effect.registers_added == effect.registers_xored == 0


def test_a_word_is_read_where_it_is_not_overwritten_before() -> None:
    _, effect = tracked([sd(10, 0, BASE), ld(11, 0, BASE), ld(12, 8, BASE), sd(10, 8, BASE)])
    assert effect.words_read.tolist() == words(1, 1)
    assert effect.words_written.tolist() == words(2)


def test_a_store_of_less_than_a_word_reads_it() -> None:
    _, effect = tracked([s_type(0x23, 0, BASE, 10, 3)])
    assert effect.words_read.tolist() == effect.words_written.tolist() == words(1)


def test_an_access_between_words_touches_both() -> None:
    _, effect = tracked([ld(10, 4, BASE), sd(10, 20, BASE)])
    assert effect.words_read.tolist() == words(4)
    assert effect.words_written.tolist() == words(2, 2)


def sum_at(offset: int, register: int = 10) -> list[int]:
    """Return the instructions that add 5 to a word."""
    return [ld(register, offset, BASE), addi(register, register, 5), sd(register, offset, BASE)]


def test_a_word_that_is_only_added_to_is_an_increment_and_its_register_a_copy() -> None:
    _, effect = tracked([*sum_at(0), *sum_at(8, 11), *sum_at(0, 12)])
    assert effect.words_added.tolist() == words(2)
    assert effect.increments.tolist() == [10, 5]
    assert len(effect.words_read) == len(effect.words_written) == 0
    assert numbers_in(effect.registers_copied) == [10, 11, 12]
    assert effect.copied_words.tolist() == [*words(2), *words(1)]
    assert effect.distances.tolist() == [2**64 - 5, 0, 0]


@pytest.mark.parametrize(
    ("instructions", "read", "written"),
    [
        ([*sum_at(0), add(11, 10, 0)], 1, 1),
        ([*sum_at(0), b_type(0, 10, 0, 4)], 1, 1),
        ([*sum_at(0), b_type(0, 0, 0, 4), add(11, 10, 0)], 1, 1),
        ([*sum_at(0), ld(11, 0, BASE)], 1, 1),
        ([*sum_at(0), s_type(0x23, 0, BASE, 11, 3)], 1, 1),
        ([*sum_at(0), sd(11, 0, BASE)], 1, 1),
        ([*sum_at(0), b_type(0, 0, 0, 4), sd(11, 0, BASE), b_type(0, 0, 0, 4), add(11, 10, 0)], 1, 1),
        ([*sum_at(0), ld(11, 4, BASE)], 2, 1),
        ([ld(11, 0, BASE), *sum_at(0)], 1, 1),
        ([sd(11, 0, BASE), *sum_at(0)], 0, 1),
        ([ld(10, 0, BASE), add(10, 10, 10), sd(10, 0, BASE)], 1, 1),
        ([ld(10, 0, BASE), addi(10, 10, 1), sd(10, 8, BASE)], 1, 1),
        ([ld(10, 0, BASE), addi(11, 10, 1), sd(11, 0, BASE)], 1, 1),
    ],
)
def test_any_other_use_of_a_sum_or_its_word_is_a_read(instructions: list[int], read: int, written: int) -> None:
    _, effect = tracked(instructions)
    assert (len(effect.words_read), len(effect.words_written), len(effect.words_added)) == (read, written, 0)


def test_a_sum_that_its_register_loses_afterwards_stays_an_increment() -> None:
    for between in ([], [b_type(0, 0, 0, 4)]):
        _, effect = tracked([*sum_at(0), *between, add(10, 0, 11)])
        assert effect.words_added.tolist() == words(1)
        assert numbers_in(effect.registers_written) == [10]
        assert effect.registers_copied == 0


@pytest.mark.parametrize(
    ("instructions", "read"),
    [
        ([*sum_at(0), b_type(0, 0, 0, 4), addi(10, 0, 5)], words(1)),
        ([ld(11, 8, BASE), *sum_at(0), *sum_at(8)], words(2)),
    ],
    ids=["set to it", "another sum"],
)
def test_a_register_that_may_hold_a_sum_or_the_same_number_makes_the_word_read(
    instructions: list[int], read: list[int]
) -> None:
    ran = machine(instructions, state(1))
    ran.words[words(2)] = 0
    ran.begin_stretch()
    ran.run_tracked(ENOUGH)
    effect = ran.effect()
    assert effect is not None
    assert sorted(effect.words_read.tolist()) == sorted(effect.words_written.tolist()) == read
    assert (effect.registers_copied, len(effect.words_added)) == (0, 0)


def test_only_a_stretch_that_was_tracked_whole_is_undone() -> None:
    ran = machine([sd(10, 0, BASE)], state(1))
    with pytest.raises(AscError, match="this stretch cannot be undone: it was never begun"):
        ran.undo_stretch()
    ran.begin_stretch()
    ran.run()
    with pytest.raises(AscError, match="Call begin_stretch before the tracked run"):
        ran.undo_stretch()
    before = state(1)
    ran = machine([sd(10, 0, BASE), ld(10, 0, 11)], before)
    ran.registers[11] = 0
    ran.begin_stretch()
    assert ran.run_tracked().reason is StopReason.BAD_ACCESS
    ran.undo_stretch()
    assert ran.read(DATA, len(before.data)) == before.data


def test_nothing_is_known_after_a_bad_access_or_a_plain_run() -> None:
    ran = machine([ld(10, 0, 11)], state(1))
    ran.begin_stretch()
    ran.registers[11] = 0
    assert ran.run_tracked().reason is StopReason.BAD_ACCESS
    assert ran.effect() is None
    ran.begin_stretch()
    ran.registers[11] = DATA
    assert ran.run().reason is StopReason.EBREAK
    assert ran.effect() is None


def test_effects_travel_as_bytes_and_are_checked_on_arrival() -> None:
    ran, effect = tracked([ld(10, 0, BASE), sd(10, 8, BASE), addi(11, 11, 1)])
    content = bytes(effect)
    assert Effect(content) == effect
    assert ran.accepts(content)
    assert not ran.accepts(content[:-8])
    assert not ran.accepts(b"")
    assert not ran.accepts(content + bytes(8))
    for place in range(0, len(content), 4):
        damaged = bytearray(content)
        damaged[place : place + 4] = b"\xff\xff\xff\x7f"
        if ran.accepts(bytes(damaged)):  # then it can do no harm
            Effect(damaged)
            ran.matches(Effect(damaged))
            ran.apply(Effect(damaged))


@settings(max_examples=100)
@given(looping(ADDING), SEEDS, st.lists(st.sets(st.integers(0, 30), max_size=4), min_size=1, max_size=4))
def test_an_effect_depends_on_no_earlier_breakpoints(instructions: list[int], seed: int, sets: list[set[int]]) -> None:
    used, new = machine(instructions, state(seed)), machine(instructions, state(seed))
    addresses = [
        {used.program.code.start + 4 * (place % (len(instructions) + 1)) for place in places} for places in sets
    ]
    used.begin_stretch()
    for earlier in addresses:
        used.set_breakpoints(earlier | addresses[-1])
    used.set_breakpoints(addresses[0] | addresses[-1])
    for address in addresses[0] - addresses[-1]:
        used.remove_breakpoint(address)
    new.set_breakpoints(addresses[-1])
    new.begin_stretch()
    for each in (used, new):
        each.run_tracked(ENOUGH, 3)
    one, other = used.effect(), new.effect()
    assert one is not None
    assert other is not None
    assert bytes(one) == bytes(other)


def test_breakpoints_are_counted_but_not_where_a_run_starts() -> None:
    loop = [addi(10, 10, 1), b_type(1, 0, BASE, -4)]
    for run in (Machine.run, Machine.run_tracked):
        ran = Machine(program([*loop, EBREAK]), memory_bytes=1 << 18)
        ran.registers[BASE] = 1
        ran.set_breakpoints([ran.pc])
        stop = run(ran, arrivals=3)
        assert (stop.reason, stop.pc, stop.arrivals_left) == (StopReason.BREAKPOINT, ran.program.entry, 0)
        assert int(ran.registers[10]) == 3
        stop = run(ran, 10, arrivals=100)
        assert (stop.reason, int(ran.registers[10]), stop.arrivals_left) == (StopReason.BUDGET, 8, 95)
        stop = run(ran, 0, arrivals=1)
        assert (stop.reason, int(ran.registers[10]), stop.arrivals_left) == (StopReason.BUDGET, 8, 1)
        ran.set_breakpoints([])
        assert run(ran, 10, arrivals=1).reason is StopReason.BUDGET
