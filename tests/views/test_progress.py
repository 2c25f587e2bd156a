"""The progress of a study, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from asc.views.progress import ProgressBars, ProgressLines, progress


class Clock:
    """Stands still until a test moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("asc.views.progress.monotonic", clock)
    return clock


def console(terminal: bool, encoding: str = "utf-8", width: int = 100) -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    return Console(width=width, file=stream, force_terminal=terminal, legacy_windows=False, color_system=None), raw


def test_a_line_for_each_part_at_its_start_every_ten_seconds_and_at_its_end(clock: Clock) -> None:
    out, raw = console(terminal=False)
    with progress(out) as tell:
        for second in range(25):
            clock.now = 100.0 + second
            tell("seed 42", second, 25, "[red]training\nnow")
            tell("seed 43", 2.5, 25)
        tell("seed 42", 25, 25, "training")
        tell("seed 42", 25, 25)
    lines = raw.getvalue().decode().splitlines()
    assert [line for line in lines if line.startswith("seed 42")] == [
        "seed 42: 0 of 25 (0.0 %); [red]training now",
        "seed 42: 10 of 25 (40.0 %), 15 s left; [red]training now",
        "seed 42: 20 of 25 (80.0 %), 5 s left; [red]training now",
        "seed 42: 25 of 25 (100.0 %)",
    ]
    assert lines.count("seed 43: 2.5 of 25 (10.0 %)") == 1, "a part that stands still is printed once"


def test_a_part_that_begins_again_is_printed_again(clock: Clock) -> None:
    out, raw = console(terminal=False, encoding="ascii")
    lines = ProgressLines(out)
    with lines as tell:
        tell("é", 2, 2)
        tell("é", 0, 2)
        tell("é", 2, 2)
        tell("none", 0, 0)
    assert raw.getvalue().decode("ascii").splitlines() == [
        "?: 2 of 2 (100.0 %)",
        "?: 0 of 2 (0.0 %)",
        "?: 2 of 2 (100.0 %)",
        "none: 0 of 0",
    ]


def test_a_terminal_has_a_bar_for_each_part(clock: Clock) -> None:
    out, raw = console(terminal=True)
    with progress(out) as tell:
        for second in range(11):
            clock.now = 100.0 + second
            tell("seed 42", 10 * second, 1_000, "warming up, which takes a while")
        tell("seed 43", 5, 5)
        tell("seed 44", 0, 0)
    screen = raw.getvalue().decode()
    assert "\x1b[?25l" not in screen.rpartition("\x1b[?25h")[2], "the cursor is never left hidden"
    last = screen[screen.rindex("seed 42") :].splitlines()
    assert "100 of 1,000" in last[0]
    assert "1:30 left" in last[0]
    assert "warming up, which takes a while" in last[0]
    assert "━" in last[0]
    assert "5 of 5" in last[1]
    assert "done" in last[1]


def test_a_narrow_terminal_of_ascii_has_bars_too(clock: Clock) -> None:
    out, raw = console(terminal=True, encoding="ascii", width=60)
    with ProgressBars(out) as tell:
        tell("seed 42", 5, 10, "a sentence that is too long for what is left of the line")
    last = raw.getvalue().decode("ascii").rpartition("seed 42")[2].splitlines()[0]
    assert "5 of 10" in last
    assert "-:-- left" in last


def test_an_error_gives_the_terminal_back(clock: Clock) -> None:
    out, raw = console(terminal=True)
    bars = progress(out)

    def interrupted() -> None:
        with bars as tell:
            tell("seed 42", 1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "1 of 2" in raw.getvalue().decode()
    with bars as tell:
        tell("seed 42", 2, 2)


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_nothing(clock: Clock, terminal: bool) -> None:
    out, raw = console(terminal)
    with progress(out, quiet=True) as tell:
        tell("seed 42", 1, 2)
    assert raw.getvalue() == b""
