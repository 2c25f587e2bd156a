"""The page about machine code shows what was computed, on a terminal of any size that the tour takes."""

from __future__ import annotations

import pytest
from rich.console import Console

from asc.demo.page import PageLeft, Room, Tempo
from asc_riscv.demo import LOOP, TURNS, MachineCode


def text_of(scene: MachineCode, room: Room) -> list[str]:
    console = Console(width=room.width)
    with console.capture() as captured:
        console.print(scene.draw(room))
    return [line.rstrip() for line in captured.get().splitlines()]


def collatz_steps(start: int) -> int:
    """Return the steps of the page's loop: an odd number is tripled, and halved in the same step."""
    steps = 0
    while True:
        start, steps = ((3 * start + 1) // 2 if start % 2 else start // 2), steps + 1
        if start == 1:
            return steps


def test_what_is_shown_was_computed() -> None:
    scene = MachineCode(Tempo())
    before = text_of(scene, Room(80, 14))
    assert [line for line in before if "plain" in line]
    scene.play()
    found = "\n".join(text_of(scene, Room(80, 14)))
    assert "read  a0 = 2, a1 = 2,498,560, a6 = 1" in found
    assert f"added a2 = {sum(map(collatz_steps, range(2, 2 + TURNS))):,}" in found
    assert "Both ended in the same state, bit for bit." in found
    assert scene.plain.share == scene.speculative.share == 1
    assert all(line.text in found for line in LOOP)
    for room in (Room(56, 12), Room(76, 12), Room(116, 30)):
        lines = text_of(scene, room)
        assert len(lines) <= room.height
        assert max(map(len, lines)) <= room.width


def test_it_ends_when_the_page_is_left() -> None:
    tempo = Tempo()
    tempo.leave()
    with pytest.raises(PageLeft):
        MachineCode(tempo).play()
