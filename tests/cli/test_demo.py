"""The tour: on a terminal, in a pipe, by itself; and it shows what was computed."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from asc.demo.counting import Counting
from asc.demo.dial import Dial
from asc.demo.drawing import Cell, available
from asc.demo.introduction import Introduction
from asc.demo.keys import Key, key_of, split
from asc.demo.lookups import Lookups
from asc.demo.noisy_descent import EVERY, SEED, STEPS, NoisyDescent, loss
from asc.demo.page import PageLeft, Room, Scene, Tempo, body, full_screen, too_small
from asc.demo.programs import chain, collatz
from asc.demo.race import Race
from asc.demo.show import Player, print_pages
from asc.demo.tour import Tour
from asc.demo.where_next import Installed, groups
from asc.plugins.offers import offers
from asc.reference.descent import Descent
from asc.testing.clock import Clock
from asc.types import Boundary, Decision, Outcome, Plan
from tests.cli.conftest import ASC, Asc, environment, one_sentence

INSTALLED = Installed(
    ("run", "plugins", "explain", "new"),
    {"one": "a backend: of a kind", "another": "a second backend"},
    ("one", "third"),
)
PAGES = Tour(INSTALLED).pages()
ROOM = Room(80, 40)
ROOT = Path(__file__).parents[2]
_OWN_TERMINAL = (  # the terminal that Ctrl-C and Ctrl-Z come from
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A command on a terminal of its own, whose settings can be compared before and after.

    Nothing here has a deadline of its own, since a busy machine may take its time: a command that hangs is ended by the
    time limit of the test.
    """

    def __init__(self, command: Sequence[str], columns: int = 80, rows: int = 24, **extra: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._theirs = theirs  # kept open, so that what was written can be read after the end
        self.before = termios.tcgetattr(theirs)
        env = environment(**{"TERM": "xterm-256color", "ASC_LOAD_PLUGINS": "builtin"} | extra)
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
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Read until the text has come. A command that ends without it fails the test."""
        while text not in self.output:
            if not self._read(0.1) and self.process.poll() is not None and not self._read(0.0):
                pytest.fail(f"it ended without {text!r}: {self.output[-2000:]}")

    def press(self, keys: str) -> None:
        """Press keys, and forget what was printed before."""
        self.output = ""
        os.write(self.ours, keys.encode())

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self.process.poll() is None:
            self._read(0.1)
        while self._read(0.0):
            pass
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: settings, screen and cursor."""
        screen = self.output.rfind("\x1b[?1049l") > self.output.rfind("\x1b[?1049h")
        cursor = self.output.rfind("\x1b[?25h") > self.output.rfind("\x1b[?25l")
        return termios.tcgetattr(self._theirs) == self.before and screen and cursor

    @property
    def after(self) -> str:
        """What the screen that was there before shows now."""
        return plain(self.output.rpartition("\x1b[?1049l")[2])

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._theirs)
        os.close(self.ours)

    def _read(self, seconds: float) -> bool:
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        self.output += os.read(self.ours, 65536).decode(errors="replace")
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
    found = asc("demo", "--speed", "4", COLUMNS="80", ASC_LOAD_PLUGINS="builtin")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert "\x1b" not in found.stdout
    for number, page in enumerate(PAGES, 1):
        assert f"{number}  {page.title}\n" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_on_a_console_of_ascii_other_signs_replace_those_it_lacks() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=80)
    print_pages(console, PAGES[5:6], 6, 100)
    assert "leaps" in raw.getvalue().decode("ascii")
    assert "#" in raw.getvalue().decode("ascii")
    assert available("█» 2.1×", "ascii") == "#> 2.1x"
    assert available("█» 2.1×", "utf-8") == "█» 2.1×"
    assert available("é", "ascii") == "?"


def test_a_page_that_is_not_there(asc: Asc) -> None:
    found = asc("demo", "--page", "9", ASC_LOAD_PLUGINS="builtin")
    one_sentence(found, "There is no page 9", "pages 1 to 8", "asc demo --page 2")


def test_by_itself_it_runs_to_the_end(terminal: Any) -> None:
    demo = terminal("--auto", "0", "--speed", "30")
    assert demo.end() == 0
    assert demo.restored
    for number, page in enumerate(PAGES, 1):
        assert page.title in demo.output
        assert f"{number} of {len(PAGES)}" in demo.output
    assert "asc explain ensemble" in demo.after  # what can be typed stays on the screen


def test_q_leaves(terminal: Any) -> None:
    demo = terminal("--page", "2")
    demo.wait_for("2 of 8")
    os.write(demo.ours, b"q")
    assert demo.end() == 0
    assert demo.restored
    assert demo.after.strip() == "Continue with: asc demo --page 2"


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
    assert "Traceback" not in demo.output


def test_keys_turn_the_pages(terminal: Any) -> None:
    demo = terminal("--page", "7", "--speed", "20")
    turns = {" ": "8 of 8", "b": "7 of 8", "\x1b[D": "6 of 8", "r": "6 of 8", "\x1b[C": "7 of 8", "b\x1b[5~": "5 of 8"}
    for keys, expected in turns.items():
        demo.wait_for("of 8")
        demo.press(keys)
        demo.wait_for(expected)
    demo.press("z\x1a")  # nothing, and no suspending
    demo.press("q")
    demo.output = "\x1b[?1049h\x1b[?25l"
    assert demo.end() == 0
    assert demo.restored


def test_skipping_shows_the_end_of_the_page(terminal: Any) -> None:
    demo = terminal("--page", "3")
    demo.wait_for("3 of 8")
    demo.press("s")
    demo.wait_for("bit for bit")
    demo.press("q")
    demo.output = "\x1b[?1049h\x1b[?25l"
    assert demo.end() == 0


def test_a_terminal_that_is_too_small(terminal: Any) -> None:
    demo = terminal(columns=50, rows=15)
    assert demo.end() == 1
    assert " ".join(plain(demo.output).split()) == f"error: {too_small(50, 15)}"
    assert termios.tcgetattr(demo.ours) == demo.before


def test_a_dumb_terminal_is_printed_to(terminal: Any) -> None:
    demo = terminal("--page", "8", columns=80, rows=24, TERM="dumb")
    assert demo.end() == 0
    assert "\x1b" not in demo.output
    assert PAGES[-1].title in demo.output


def test_without_colours(terminal: Any) -> None:
    demo = terminal("--page", "8", NO_COLOR="1")
    demo.wait_for("8 of 8")
    demo.press("q")
    demo.end()
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7]|38)\b[0-9;]*m", demo.output)


_SCRIPT = """
from rich.console import Console
from asc.demo.page import Page
from asc.demo.show import show
class Scene:
    def __init__(self, tempo): self.tempo = tempo
    def play(self): {play}
    def draw(self, room): return 'drawn'
show(Console(), [Page('A page', 'It has a scene.', Scene)], 1, 1.0, None)
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    """Show a page whose scene is played by a given statement."""
    every: list[Terminal] = []

    def begin(play: str) -> Terminal:
        script = tmp_path / "scene.py"
        script.write_text(_SCRIPT.format(play=play))
        every.append(Terminal([sys.executable, str(script)]))
        return every[-1]

    yield begin
    for one in every:
        one.close()


def test_an_error_gives_the_terminal_back(scene: Any) -> None:
    demo = scene("raise ArithmeticError('as meant')")
    assert demo.end() == 1
    assert demo.restored
    assert "ArithmeticError: as meant" in demo.after


@pytest.mark.parametrize("key", ["q", " "])
def test_a_page_is_left_however_long_its_scene_would_take(scene: Any, key: str) -> None:
    demo = scene("self.tempo.wait(1e6)")
    demo.wait_for("drawn")
    os.write(demo.ours, key.encode())
    assert demo.end() == 0
    assert demo.restored


@pytest.mark.parametrize("number", range(1, len(PAGES) + 1))
def test_pages_fit(number: int) -> None:
    page = Tour(INSTALLED).pages()[number - 1]
    scene = page.scene(Tempo(200))
    for played in (False, True):
        if played:
            scene.play()
        for columns, rows in ((60, 20), (80, 24), (120, 40), (61, 23), (80, 40), (120, 24), (200, 60)):
            console = Console(width=columns, height=rows, color_system=None, legacy_windows=False)
            lines = console.render_lines(
                full_screen(page, scene, number, len(PAGES), console), console.options, pad=False
            )
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
    race = Race(Tempo(5), collatz, {"n": 1, "total": 0}, ("total",), supersteps=60, step_s=0.02)
    assert "leaps 0" in text_of(race)
    race.play()
    ledger, shown = race.speculative.engine.ledger, text_of(race)
    assert ledger.leaps > 0
    assert f"leaps {ledger.leaps} " in shown
    assert f"hit rate {100 * ledger.skipped / 240:.1f} %" in shown
    assert race.speculative.cells().count(Cell.LEAPT) * 4 == ledger.skipped
    assert race.identical
    assert "in the same state, bit for bit" in shown
    assert race.speedup is not None
    assert f"{race.speedup:.2f}× measured" in shown
    assert len(race.speculative.cells()) == 60
    assert all(shown.count(cell.sign) >= 2 * race.speculative.cells().count(cell) for cell in Cell)


def test_while_only_the_plain_run_is_going_a_race_says_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc.demo.race.time", SimpleNamespace(perf_counter=lambda: 100.0))
    race = Race(Tempo(), collatz, {"n": 1, "total": 0}, ("total",), supersteps=5, step_s=0.02)
    assert race.remaining is None
    waiting = "asc has ended. Plain needs about 60 s more; then the speed-up is measured."
    race.plain.advance(5)
    race._began = race.speculative.began = 80.2  # 19.8 seconds for 5 of 20 steps
    assert race.remaining is None  # asc has not ended
    race.speculative.ended = 100.0
    assert race.remaining == pytest.approx(59.4)
    assert waiting in text_of(race)
    race.plain_seconds = 80.0
    assert "needs about" not in text_of(race)


@pytest.mark.parametrize(
    ("number", "speed", "shown"),
    [
        (2, 1, "In both runs a step waits 50 ms"),
        (2, 5, "In both runs a step waits 10 ms"),
        (2, 100, "In both runs a step waits 5 ms"),  # at a higher speed it could not be timed
        (3, 0.5, "In both runs a step waits 60 ms"),
        (4, 2, "In each run a step waits 15 ms"),
    ],
)
def test_what_is_slowed_down_says_so(number: int, speed: float, shown: str) -> None:
    assert f"{shown} in place of real work." in text_of(PAGES[number - 1].scene(Tempo(speed)))


@pytest.mark.parametrize("speed", [5, 100])
def test_a_race_that_is_run_for_the_counting_has_a_speed_at_which_it_can_be_timed(speed: float) -> None:
    counting = Tour(Installed()).pages()[6].scene(Tempo(speed))
    assert "The race is run here, quickly, since page 2 was not visited." in text_of(counting)
    assert isinstance(counting, Counting)
    assert "In both runs a step waits 5 ms" in text_of(counting.race)


def test_a_race_that_was_left_is_counted_in_another_that_says_so() -> None:
    pages = Tour(Installed()).pages()
    pages[1].scene(Tempo())  # and left before it is played
    expected = "The race was run again, quickly, since page 2 was left before its end."
    for _ in range(2):  # also when the reader returns to the page
        counting = pages[6].scene(Tempo(5))
        counting.play()
        assert text_of(counting).splitlines()[-1].rstrip() == expected
    assert isinstance(counting, Counting)
    assert counting.race.speculative.leaps > 0
    shown = text_of(pages[7].scene(Tempo()))
    assert "In this tour 1 run made 320 steps" in shown


def test_a_race_that_came_to_its_end_is_the_one_that_is_counted() -> None:
    pages = Tour(Installed()).pages()
    race = pages[1].scene(Tempo())
    assert isinstance(race, Race)
    race.plain_seconds, race.speculative.began, race.speculative.ended = 2.0, 1.0, 2.0
    counting = pages[6].scene(Tempo())
    assert isinstance(counting, Counting)
    assert counting.race is race
    assert "was run" not in text_of(counting)


def test_what_can_be_typed_is_what_is_installed() -> None:
    typed, install, read = groups(INSTALLED).values()
    assert [(hint.what, hint.gives) for hint in typed[:2]] == [
        ("asc run one", "a backend"),
        ("asc run another", "a second backend"),
    ]
    assert [hint.what for hint in typed[2:]] == ["asc explain ensemble", "asc plugins", "asc new predictor NAME"]
    assert [hint.what for hint in install] == ["pip install -e backends/third"]
    for hint in read:
        assert (ROOT / hint.what).exists()
    assert list(groups(Installed())) == ["read, in a checkout"]


PLUGIN = """
import asc
from asc.demo.page import Page
from rich.text import Text

class Scene:
    def __init__(self, tempo): pass
    def play(self): pass
    def draw(self, room): return Text("shown by a plugin")

class Raising(Scene):
    def {method}(self, *given): raise ValueError("no scene")

@asc.hookimpl
def asc_demo_pages():
    {body}
"""


def tour_plugin(
    folder: Path, body: str = 'return [Page("A plugin\'s page", "It has words.", Scene)]', method: str = "play"
) -> Path:
    file = folder / "paged.py"
    file.write_text(PLUGIN.format(body=body, method=method), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise ValueError('no pages')", "asc_demo_pages raised ValueError: no pages"),
        ("return ['a page']", "asc_demo_pages answered 'a page'; expected a list of asc.demo.page.Page"),
        ("return None", "asc_demo_pages raised TypeError"),
    ],
)
def test_a_plugin_whose_pages_cannot_be_shown_adds_none(asc: Asc, tmp_path: Path, body: str, sentence: str) -> None:
    file = tour_plugin(tmp_path, body)
    found = asc("demo", "--page", "8", "--plugin", str(file), ASC_LOAD_PLUGINS="builtin")
    assert "adds no page to the tour" in " ".join(found.stderr.split())
    assert sentence in " ".join(found.stderr.split())
    assert "Where to go next" in found.stdout


@pytest.mark.parametrize("method", ["__init__", "play", "draw"])
def test_a_plugin_whose_scene_raises_says_so_on_its_page(asc: Asc, tmp_path: Path, method: str) -> None:
    file = tour_plugin(tmp_path, 'return [Page("A page", "It has words.", Raising)]', method)
    found = asc("demo", "--page", "8", "--plugin", str(file), ASC_LOAD_PLUGINS="builtin")
    shown = " ".join(found.stdout.split())
    assert "cannot show this page: it raised ValueError: no scene (paged.py, line " in shown
    assert "Where to go next" in shown


def test_the_last_page_has_the_backends_of_this_installation(asc: Asc, tmp_path: Path) -> None:
    file = tour_plugin(tmp_path)
    found = asc("demo", "--page", "8", "--plugin", str(file), ASC_LOAD_PLUGINS="toy,nn_training")
    assert "A plugin's page" in found.stdout
    assert "shown by a plugin" in found.stdout
    for backend in ("toy", "nn_training"):
        assert f"asc run {backend} " in found.stdout
    for offered in offers():
        assert (ROOT / "backends" / offered.name / "pyproject.toml").exists()  # what a missing one is installed from


def test_every_second_of_the_race_is_in_the_counting() -> None:
    race = Race(Tempo(20), collatz, {"n": 1, "total": 0}, ("total",), supersteps=20, step_s=0.02)
    counting = Counting(race, race.play, "again, as meant")
    assert "The race is run again, as meant." in text_of(counting)
    counting.play()
    assert text_of(counting).splitlines()[-1].rstrip() == "The race was run again, as meant."
    assert sum(seconds for _, seconds in counting.rows()) == pytest.approx(race.speculative.seconds)
    booked = sum(account["seconds"] for account in race.speculative.engine.ledger.accounts().values())
    assert sum(seconds for _, seconds in counting.rows()[:-1]) == pytest.approx(booked)
    assert f"{race.speculative.engine.ledger.skipped} of 80 steps" in text_of(counting)


def test_what_cannot_be_predicted_is_rejected() -> None:
    race = Race(Tempo(5), chain, {"block": b"start"}, supersteps=60, step_s=0.02)
    race.play()
    assert race.speculative.leaps == 0
    assert race.speculative.rejected > 0
    assert Cell.REJECTED in race.speculative.cells()
    assert "×× rejected" in text_of(race)  # the legend shows a cell as it is drawn
    assert f"rejected {race.speculative.rejected} " in text_of(race)
    assert race.identical


def test_order_is_leapt_over_and_chaos_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only steps take time here, since on a busy machine all else may take so long that speculation is withheld."""
    tempo, clock = Tempo(), Clock()
    monkeypatch.setattr(tempo, "wait", clock.move)
    dial = Dial(tempo)
    for run in dial.runs.values():
        run.engine.ledger.clock = clock
    dial.play()
    rates = {r: run.hit_rate for r, run in dial.runs.items()}
    assert rates[3.7] == rates[4.0] == 0
    assert min(rates[r] for r in (2.8, 3.2, 3.5, 3.83)) > 0.5
    assert f"{100 * rates[3.2]:.1f}%" in text_of(dial)


def test_only_what_was_read_matters() -> None:
    lookups = Lookups(Tempo(1000))
    lookups.play()
    assert [lookup.hit for lookup in lookups.done] == [True, True, True, False, False, False]
    shown = text_of(lookups)
    assert shown.count("yes, leap") == 3
    because = [line.rstrip().rpartition("  ")[2].strip() for line in shown.splitlines()[-6:]]
    assert because == [
        "nothing was changed",
        "total was not read",
        "name was not read",
        "node was read",
        "key was read",
        "node was read",
    ]


def test_the_introduction_leaps_to_where_plain_steps_lead() -> None:
    introduction = Introduction(Tempo(1000))
    introduction.play()
    assert introduction.machine.finished()
    assert introduction.machine.words["x"] == 3**7 * 2 + (3**7 - 1) // 2
    assert [what for what, _ in introduction.events] == ["predict", "run ahead", "check", "leap"]


def test_candidates_are_those_that_were_judged() -> None:
    descent = NoisyDescent(Tempo(1000))
    assert "leaps 0" in text_of(descent)
    descent.play()
    shown = text_of(descent)
    leaps = descent.engine.ledger.leaps
    assert 0 < leaps <= descent.accepted < len(descent.settled)
    assert f"leaps {leaps} " in shown
    assert f"accepted {descent.accepted} of {len(descent.settled)}" in shown
    assert shown.count("»") * 5 == descent.engine.ledger.skipped
    assert len(descent.plain_losses) == STEPS // EVERY + 1  # the plain curve, on the same scale
    alone = Descent(STEPS, SEED, rate=0.004, noise=0.05)
    alone.advance(STEPS)
    assert descent.plain_losses[-1] == loss(alone) == loss(descent.plain)
    (curve,) = [line for line in shown.splitlines() if line.startswith("plain ")]
    assert set(curve.split()[1]) <= set("▁▂▃▄▅▆▇█")
    roomy = text_of(descent, Room(116, 40))
    assert f"acceptance rate {100 * descent.accepted / len(descent.settled):.1f} %" in roomy
    reached = [decision.horizon for _, decision in descent.settled if decision.outcome is Outcome.ACCEPTED]
    assert f"mean accepted horizon {sum(reached) / len(reached):.3g} " in roomy


def test_a_page_that_is_left_ends() -> None:
    player = Player(PAGES[1], 0.1)
    player.stop()
    assert player.over
    tempo = Tempo()
    tempo.at(10).leave()
    with pytest.raises(PageLeft):
        tempo.wait(1e6)


def test_a_worker_is_seen_ahead_until_the_run_comes_to_it() -> None:
    run = Race(Tempo(), collatz, {"n": 1, "total": 0}, supersteps=4, step_s=0.0).speculative
    launched = Decision(Plan("ensemble", 4, 8), Outcome.LAUNCHED)
    run.boundary(Boundary(0, "", (), (launched,), (), 0.0, 0.0))
    assert run.cells() == [Cell.OPEN, Cell.AHEAD, Cell.AHEAD, Cell.OPEN]
    run.machine.advance(4)
    rejected = Decision(launched.plan, Outcome.REJECTED)
    run.boundary(Boundary(4, "", (), (rejected,), (), 0.0, 0.0))
    assert run.cells() == [Cell.PLAIN, Cell.REJECTED, Cell.OPEN, Cell.OPEN]


def test_keys() -> None:
    assert key_of(" ") is key_of("\r") is key_of("\x1b[C") is key_of("\x1b[6~") is Key.NEXT
    assert key_of("b") is key_of("\x1b[D") is key_of("\x1b[5~") is Key.BACK
    assert key_of("q") is Key.LEAVE
    assert key_of("x") is None
    assert split("r\x1b[C\x1bOD q") == ["r", "\x1b[C", "\x1bOD", " ", "q"]
