"""The tour: on a terminal, in a pipe, by itself; and what it shows is what was computed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from asc.demo.cells import Cell
from asc.demo.counting import Counting
from asc.demo.dial import Dial
from asc.demo.frame import body, frame, too_small
from asc.demo.judged import Judged
from asc.demo.keys import Key, key_of, split
from asc.demo.onward import groups
from asc.demo.pace import Left, Pace
from asc.demo.page import Room, Scene
from asc.demo.pages import Tour
from asc.demo.player import Player
from asc.demo.programs import chain, collatz
from asc.demo.race import Race
from asc.demo.remembered import Remembered
from asc.demo.signs import shown
from asc.demo.walk import Walk
from tests.cli.conftest import ASC, Asc, environment, one_sentence

PAGES = Tour(()).pages()
ROOM = Room(80, 40)
DEADLINE_S = 60.0
ROOT = Path(__file__).parents[2]
_OWN_TERMINAL = (  # it is what Ctrl-C and Ctrl-Z are heard from
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A command on a terminal of its own, whose settings can be looked at before and after."""

    def __init__(self, command: Sequence[str], columns: int = 80, rows: int = 24, **extra: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._theirs = theirs  # kept open, so that what was written can be read after the end
        self.before = termios.tcgetattr(theirs)
        env = environment(**{"TERM": "xterm-256color"} | extra)
        for name in ("COLUMNS", "LINES"):  # the terminal itself says how large it is
            env.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
            start_new_session=True,
        )
        self.said = ""

    def wait_for(self, text: str) -> None:
        """Read until the text has come."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.said:
            assert time.monotonic() < deadline, self.said[-2000:]
            self._read(0.1)

    def press(self, keys: str) -> None:
        """Press keys; what was said before is forgotten."""
        self.said = ""
        os.write(self.ours, keys.encode())

    def end(self) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.said[-2000:]
            self._read(0.1)
        while self._read(0.0):
            pass
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: settings, screen and cursor."""
        screen = self.said.rfind("\x1b[?1049l") > self.said.rfind("\x1b[?1049h")
        cursor = self.said.rfind("\x1b[?25h") > self.said.rfind("\x1b[?25l")
        return termios.tcgetattr(self._theirs) == self.before and screen and cursor

    @property
    def after(self) -> str:
        """What stands on the screen that was there before."""
        return plain(self.said.rpartition("\x1b[?1049l")[2])

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._theirs)
        os.close(self.ours)

    def _read(self, seconds: float) -> bool:
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.said += os.read(self.ours, 65536).decode(errors="replace")
        return True


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


@pytest.fixture
def terminal() -> Iterator[Any]:
    every: list[Terminal] = []

    def begin(*arguments: str, **extra: Any) -> Terminal:
        every.append(Terminal([ASC, "demo", *arguments], **extra))
        return every[-1]

    yield begin
    for one in every:
        one.close()


def text_of(scene: Scene, room: Room = ROOM) -> str:
    console = Console(width=room.width, color_system=None)
    with console.capture() as capture:
        console.print(scene.draw(room))
    return capture.get()


def test_in_a_pipe_all_pages_are_printed(asc: Asc) -> None:
    found = asc("demo", "--speed", "4", COLUMNS="80")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert "\x1b" not in found.stdout
    for number, page in enumerate(PAGES, 1):
        assert f"{number}  {page.title}\n" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_on_a_console_of_ascii_other_signs_stand_for_those_it_lacks(asc: Asc) -> None:
    found = asc("demo", "--page", "6", "--speed", "10", PYTHONIOENCODING="ascii")
    assert found.returncode == 0, found.stderr
    assert "leaps" in found.stdout
    assert found.stdout.isascii()
    assert shown("█» 2.1×", "ascii") == "#> 2.1x"
    assert shown("█» 2.1×", "utf-8") == "█» 2.1×"
    assert shown("é", "ascii") == "?"


def test_a_page_that_is_not_there(asc: Asc) -> None:
    one_sentence(asc("demo", "--page", "9"), "There is no page 9", "pages 1 to 8", "asc demo --page 2")


def test_by_itself_it_runs_to_the_end(terminal: Any) -> None:
    demo = terminal("--auto", "0", "--speed", "30")
    assert demo.end() == 0
    assert demo.restored
    for number, page in enumerate(PAGES, 1):
        assert page.title in demo.said
        assert f"{number} of {len(PAGES)}" in demo.said
    assert "asc explain ensemble" in demo.after  # what there is to type stays


def test_q_leaves_at_once(terminal: Any) -> None:
    demo = terminal("--page", "2")
    demo.wait_for("2 of 8")
    began = time.monotonic()
    os.write(demo.ours, b"q")
    assert demo.end() == 0
    assert time.monotonic() - began < 10  # the race would go on for longer
    assert demo.restored
    assert demo.after.strip() == "Go on with: asc demo --page 2"


def test_ctrl_c(terminal: Any) -> None:
    demo = terminal("--page", "2")
    demo.wait_for("2 of 8")
    os.write(demo.ours, b"\x03")
    assert demo.end() == 130
    assert demo.restored
    assert demo.after.strip() == "stopped: interrupted"


def test_a_request_to_end_gives_the_terminal_back(terminal: Any) -> None:
    demo = terminal("--page", "4")
    demo.wait_for("4 of 8")
    demo.process.send_signal(signal.SIGTERM)
    assert demo.end() == 128 + signal.SIGTERM
    assert demo.restored
    assert "Traceback" not in demo.said


def test_keys_turn_the_pages(terminal: Any) -> None:
    demo = terminal("--page", "7", "--speed", "20")
    turns = {" ": "8 of 8", "b": "7 of 8", "\x1b[D": "6 of 8", "r": "6 of 8", "\x1b[C": "7 of 8", "b\x1b[5~": "5 of 8"}
    for keys, expected in turns.items():
        demo.wait_for("of 8")
        demo.press(keys)
        demo.wait_for(expected)
    demo.press("z\x1a")  # nothing, and no suspending
    demo.press("q")
    demo.said = "\x1b[?1049h\x1b[?25l"
    assert demo.end() == 0
    assert demo.restored


def test_skipping_comes_to_the_end_of_the_page(terminal: Any) -> None:
    demo = terminal("--page", "3")
    demo.wait_for("3 of 8")
    demo.press("s")
    demo.wait_for("bit for bit")
    demo.press("q")
    demo.said = "\x1b[?1049h\x1b[?25l"
    assert demo.end() == 0


def test_a_terminal_that_is_too_small(terminal: Any) -> None:
    demo = terminal(columns=50, rows=15)
    assert demo.end() == 1
    assert " ".join(plain(demo.said).split()) == f"error: {too_small(50, 15)}"
    assert termios.tcgetattr(demo.ours) == demo.before


def test_a_dumb_terminal_is_printed_to(terminal: Any) -> None:
    demo = terminal("--page", "5", "--speed", "10", columns=80, rows=24, TERM="dumb")
    assert demo.end() == 0
    assert "\x1b" not in demo.said
    assert PAGES[-1].title in demo.said


def test_without_colours(terminal: Any) -> None:
    demo = terminal("--page", "8", NO_COLOR="1")
    demo.wait_for("8 of 8")
    demo.press("q")
    demo.end()
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7]|38)\b[0-9;]*m", demo.said)


def test_an_error_gives_the_terminal_back(tmp_path: Any) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "from rich.console import Console\nfrom asc.demo.page import Page\nfrom asc.demo.show import show\n"
        "class Broken:\n"
        "    def play(self): raise ArithmeticError('as meant')\n"
        "    def draw(self, room): return 'drawn'\n"
        "show(Console(), [Page('Broken', 'It breaks.', lambda pace: Broken())], 1, 1.0, None)\n"
    )
    demo = Terminal([sys.executable, str(script)])
    try:
        assert demo.end() == 1
        assert demo.restored
        assert "ArithmeticError: as meant" in demo.after
    finally:
        demo.close()


@pytest.mark.parametrize("number", range(1, len(PAGES) + 1))
def test_pages_fit(number: int) -> None:
    page = Tour(("run", "advise", "explain", "new", "toy", "nn_training")).pages()[number - 1]
    scene = page.scene(Pace(200))
    for played in (False, True):
        if played:
            scene.play()
        for columns, rows in ((60, 20), (80, 24), (120, 40), (61, 23), (80, 40), (120, 24), (200, 60)):
            console = Console(width=columns, height=rows, color_system=None, legacy_windows=False)
            lines = console.render_lines(frame(page, scene, number, len(PAGES), console), console.options, pad=False)
            text = ["".join(segment.text for segment in line) for line in lines]
            assert len(text) == rows, "\n".join(text)
            assert all(len(line.rstrip()) <= columns for line in text)
            assert text[-1].rstrip().endswith(f"{number} of {len(PAGES)}")
            width = min(columns, 120) - 4
            above = console.render_lines(
                body(page, scene, number, console, width), console.options.update(width=width, height=None), pad=False
            )
            assert len(above) <= rows - 2, f"page {number} is longer than {columns} by {rows}:\n" + "\n".join(text)
            assert "…" not in "".join(text)


def test_a_race_shows_what_the_engine_has_counted() -> None:
    race = Race(Pace(5), collatz, {"n": 1, "total": 0}, ("total",), supersteps=60, step_s=0.02)
    assert "leaps 0" in text_of(race)
    race.play()
    ledger, told = race.watched.engine.ledger, text_of(race)
    assert ledger.leaps > 0
    assert f"leaps {ledger.leaps} " in told
    assert f"hit rate {100 * ledger.skipped / 240:.1f} %" in told
    assert race.watched.cells().count(Cell.LEAPT) * 4 == ledger.skipped
    assert race.identical
    assert "in the same state, bit for bit" in told
    assert race.speedup is not None
    assert f"{race.speedup:.2f}× measured" in told
    assert len(race.watched.cells()) == 60
    assert all(told.count(cell.sign) >= 2 * race.watched.cells().count(cell) for cell in Cell)


def test_while_only_the_plain_run_goes_on_a_race_says_for_how_long() -> None:
    race = Race(Pace(), collatz, {"n": 1, "total": 0}, ("total",), supersteps=5, step_s=0.02)
    assert race.remaining is None
    waiting = "asc is done; plain needs some 60 s more, then the speed-up is measured."
    race.plain.advance(5)
    race._began = race.watched.began = time.perf_counter() - 19.8  # so long for 5 of 20 steps
    assert race.remaining is None  # asc is not done
    race.watched.ended = time.perf_counter()
    assert race.remaining == pytest.approx(59.4, abs=0.5)
    assert waiting in text_of(race)
    race.plain_seconds = 80.0
    assert "needs some" not in text_of(race)


@pytest.mark.parametrize(
    ("number", "speed", "told"),
    [
        (2, 1, "In both runs a step waits 50 ms"),
        (2, 5, "In both runs a step waits 10 ms"),
        (2, 100, "In both runs a step waits 5 ms"),  # quicker it could not be timed
        (3, 0.5, "In both runs a step waits 60 ms"),
        (4, 2, "In each run a step waits 15 ms"),
    ],
)
def test_what_is_paced_says_so(number: int, speed: float, told: str) -> None:
    assert f"{told} in place of real work." in text_of(PAGES[number - 1].scene(Pace(speed)))


@pytest.mark.parametrize("speed", [5, 100])
def test_a_race_that_was_left_is_counted_in_another_that_says_so(speed: float) -> None:
    pages = Tour(()).pages()
    never = pages[6].scene(Pace(speed))
    assert "The race is run here, quickly, since page 2 was not looked at." in text_of(never)
    pages[1].scene(Pace(speed))  # and left before it is played
    expected = "The race was run again, quickly, since page 2 was left before its end."
    for _ in range(2):  # also when the page is come back to
        counting = pages[6].scene(Pace(speed))
        counting.play()
        assert text_of(counting).splitlines()[-1].rstrip() == expected
    assert isinstance(counting, Counting)
    assert counting.race.watched.leaps > 0
    assert "In both runs a step waits 5 ms" in text_of(counting.race)  # whatever the speed is
    told = text_of(pages[7].scene(Pace()))
    assert "In this tour 1 run made 320 steps" in told


def test_a_race_that_came_to_its_end_is_the_one_that_is_counted() -> None:
    pages = Tour(()).pages()
    race = pages[1].scene(Pace(10))
    race.play()
    counting = pages[6].scene(Pace())
    assert isinstance(counting, Counting)
    assert counting.race is race
    assert "was run" not in text_of(counting)


def test_what_can_be_typed_is_apart_from_what_is_read() -> None:
    every = groups(("run", "advise", "explain", "new", "toy", "nn_training"))
    typed, read = every.values()
    assert [hint.what.split()[0] for hint in typed] == ["asc"] * 5
    for hint in read:
        assert (ROOT / hint.what).exists()
    without = groups(("run", "advise", "explain", "new"))
    assert [hint.what for hint in without["type (each takes --help)"]] == [
        "asc explain ensemble",
        "asc new predictor NAME",
    ]
    for hint in without["install, in a checkout"]:
        assert (ROOT / hint.what.removeprefix("pip install -e ") / "pyproject.toml").exists()


def test_every_second_of_the_race_is_in_the_counting() -> None:
    race = Race(Pace(20), collatz, {"n": 1, "total": 0}, ("total",), supersteps=20, step_s=0.02)
    counting = Counting(race, race.play, "again, as meant")
    assert "The race is run again, as meant." in text_of(counting)
    counting.play()
    assert text_of(counting).splitlines()[-1].rstrip() == "The race was run again, as meant."
    assert sum(seconds for _, seconds in counting.rows()) == pytest.approx(race.watched.seconds)
    booked = sum(account["seconds"] for account in race.watched.engine.ledger.accounts().values())
    assert sum(seconds for _, seconds in counting.rows()[:-1]) == pytest.approx(booked)
    assert f"{race.watched.engine.ledger.skipped} of 80 steps" in text_of(counting)


def test_what_nothing_predicts_is_refused() -> None:
    race = Race(Pace(5), chain, {"block": b"start"}, supersteps=60, step_s=0.02)
    race.play()
    assert race.watched.leaps == 0
    assert race.watched.refused > 0
    assert Cell.REFUSED in race.watched.cells()
    assert f"refused {race.watched.refused} " in text_of(race)
    assert race.identical


def test_order_is_leapt_over_and_chaos_is_not() -> None:
    dial = Dial(Pace(5))
    dial.play()
    rates = {r: run.hit_rate for r, run in dial.runs.items()}
    assert rates[3.7] == rates[4.0] == 0
    assert min(rates[r] for r in (2.8, 3.2, 3.5, 3.83)) > 0.5
    assert f"{100 * rates[3.2]:.1f}%" in text_of(dial)


def test_only_what_was_read_matters() -> None:
    remembered = Remembered(Pace(1000))
    remembered.play()
    assert [asked.hit for asked in remembered.asked] == [True, True, True, False, False, False]
    told = text_of(remembered)
    assert told.count("yes, leap") == 3
    since = [line.rstrip().rpartition("  ")[2].strip() for line in told.splitlines()[-6:]]
    assert since == [
        "nothing was changed",
        "total was not read",
        "name was not read",
        "place was read",
        "key was read",
        "place was read",
    ]


def test_the_walk_leaps_to_where_walking_leads() -> None:
    walk = Walk(Pace(1000))
    walk.play()
    assert walk.machine.finished()
    assert walk.machine.words["x"] == 3**7 * 2 + (3**7 - 1) // 2
    assert [what for what, _ in walk.told] == ["predict", "run ahead", "check", "leap"]


def test_candidates_are_those_that_were_judged() -> None:
    judged = Judged(Pace(1000))
    assert "leaps 0" in text_of(judged)
    judged.play()
    told = text_of(judged)
    leaps = judged.engine.ledger.leaps
    assert 0 < leaps <= judged.accepted < len(judged.judged)
    assert f"leaps {leaps} " in told
    assert f"accepted {judged.accepted} of {len(judged.judged)}" in told
    assert told.count("»") * 5 == judged.engine.ledger.skipped


def test_a_page_that_is_left_ends_at_once() -> None:
    player = Player(PAGES[1], 0.1)
    began = time.monotonic()
    player.stop()
    assert player.over
    assert time.monotonic() - began < 5
    pace = Pace()
    pace.at(10).leave()
    with pytest.raises(Left):
        pace.wait(60)


def test_keys() -> None:
    assert key_of(" ") is key_of("\r") is key_of("\x1b[C") is key_of("\x1b[6~") is Key.NEXT
    assert key_of("b") is key_of("\x1b[D") is key_of("\x1b[5~") is Key.BACK
    assert key_of("q") is Key.LEAVE
    assert key_of("x") is None
    assert split("r\x1b[C\x1bOD q") == ["r", "\x1b[C", "\x1bOD", " ", "q"]
