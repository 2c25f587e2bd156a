"""Where loops begin, and which one is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from asc_riscv import Process, compiled
from asc_riscv.loops import choose_loop

PROFILE = 200_000


def started(name: str, argument: str, cache: Path) -> Process:
    return Process(compiled(name, cache=cache), [argument])


def test_a_loop_of_each_kind_of_jump_is_found(cache: Path) -> None:
    process = started("collatz", "1000", cache)
    found = process.machine.jump_targets(backward=True)
    assert found
    assert all(address in process.machine.program.code for address in found)


@pytest.mark.parametrize(("name", "argument", "most"), [("collatz", "100000", 200), ("matrix", "60", 100_000)])
def test_the_loop_whose_turns_are_predictable_is_chosen(name: str, argument: str, most: float, cache: Path) -> None:
    """In the sweep, that is the loop over the starts: the steps of one start lie on no line."""
    process = started(name, argument, cache)
    loop = choose_loop(process, PROFILE)
    assert loop is not None
    assert loop.predictable == 1
    assert loop.distance < most
    stop = process.run(10 * PROFILE, 1)
    assert stop.pc == loop.address


def test_a_program_that_ends_in_its_profile_has_no_loop(cache: Path) -> None:
    process = started("collatz", "30", cache)
    assert choose_loop(process, 10**8) is None or process.is_finished
    assert process.system.written() == b"start 27\nsteps 111\n"


@pytest.mark.parametrize("budget", [1, 10, 1000, 1007, 99_999])
def test_every_arrival_is_counted_however_a_run_is_divided(budget: int, cache: Path) -> None:
    """The jump that comes to the head may be the one at which the budget is used up."""
    whole, parts = started("pi", "2000", cache), started("pi", "2000", cache)
    head = max(whole.machine.jump_targets(backward=True) & {whole.run(10**4).pc})
    whole, many, counted = started("pi", "2000", cache), 1 << 40, 0
    for process in (whole, parts):
        process.machine.set_breakpoints((head,))
    while not parts.is_finished:
        counted += many - parts.run(budget, many).arrivals_left
    assert counted == many - whole.run(arrivals=many).arrivals_left


def test_the_profile_changes_no_result(cache: Path) -> None:
    profiled, plain = started("list_shuffled", "1", cache), started("list_shuffled", "1", cache)
    choose_loop(profiled, PROFILE)
    profiled.machine.set_breakpoints(())
    assert profiled.finish() == plain.finish() == 0
    assert profiled.system.output == plain.system.output
    assert (profiled.machine.memory == plain.machine.memory).all()
    assert profiled.machine.instructions == plain.machine.instructions
