from __future__ import annotations

import io
import math
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console

from asc.types import Outcome
from asc.views.live import Live, view

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def shown(fake: SimpleNamespace, width: int, **changes: object) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(view("toy", fake.run(**changes).now, 9.0))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def terminal(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    return Console(width=80, height=25, file=stream, force_terminal=True, legacy_windows=False), raw


@pytest.mark.parametrize(
    "text",
    [
        "toy",
        "56.1 %",
        "5,612 of 10,000 steps",
        "0:09 left",
        "loop head",
        "93.2 % of the steps",
        "1,204 hits, 88 misses",
        "4,012 steps skipped",
        "1,204 accepted, 3 rejected, 0 silent, 2 raised, 0 late, 0 not judged",
        "99.8 %, mean accepted horizon 31.2 steps",
        "3 of 4 busy",
        "3 of 12 state words: i, best, n",
        "3.21× estimated, ceiling 4.00×",
        "Most candidates are accepted",
    ],
)
def test_everything_that_matters_is_in_view(fake: SimpleNamespace, text: str) -> None:
    assert text in shown(fake, width=100)


@pytest.mark.parametrize("width", [12, 20, 40, 60])
def test_a_narrow_terminal_loses_no_word(fake: SimpleNamespace, width: int) -> None:
    text = shown(fake, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    squeezed = "".join(text.split())
    for word in ("5,612of10,000steps", "Mostcandidatesareaccepted", "ceiling"):
        assert word in squeezed or width < 20


def test_what_is_not_known_is_left_out_or_a_dash(fake: SimpleNamespace) -> None:
    unknown = {"acceptance_rate": None, "mean_accepted_horizon": None, "ceiling": math.inf}
    text = shown(fake, 80, total=None, workers=0, words=0, reason="", estimated_speedup=math.inf, **unknown)
    assert "left" not in text
    assert "busy" not in text
    assert "excited" not in text
    assert "acceptance" not in text
    assert "ceiling" not in text
    assert "– estimated" in text


def test_names_are_not_taken_for_markup(fake: SimpleNamespace) -> None:
    text = shown(fake, 100, label="[red]", excited=("grid[3]", "[/]"), reason="[bold]why")
    assert "[red]" in text
    assert "grid[3], [/]" in text
    assert "[bold]why" in text


def test_many_boundaries_are_few_redraws_and_no_thread(fake: SimpleNamespace) -> None:
    console, raw = terminal()
    live, run = Live(console, lambda: fake.started), fake.run()
    threads = threading.active_count()
    live.asc_run_started(run)
    first = run.asked
    for millisecond in range(1_000):
        live.asc_boundary(run, fake.boundary(1.0 + millisecond / 1_000))
    assert 1 <= run.asked - first <= 4
    assert threading.active_count() == threads
    drawn = raw.getvalue()
    live.asc_boundary(run, fake.boundary(3.0))
    assert raw.getvalue() != drawn
    drawn = raw.getvalue()
    live.asc_boundary(run, fake.boundary(3.0001))
    assert raw.getvalue() == drawn
    live.close()


def test_the_cursor_is_shown_whenever_the_run_may_be_killed(fake: SimpleNamespace) -> None:
    console, raw = terminal()
    live, run = Live(console), fake.run()
    live.asc_run_started(run)
    drawn = raw.getvalue().decode()
    assert drawn.rfind(SHOW) > drawn.rfind(HIDE)
    live.asc_boundary(run, fake.boundary(1.0))
    drawn = raw.getvalue().decode()
    assert drawn.rfind(SHOW) > drawn.rfind(HIDE)
    live.close()
    live.close()


def test_the_last_view_stays_and_says_how_it_ended(fake: SimpleNamespace) -> None:
    console, raw = terminal()
    live, run = Live(console), fake.run()
    live.asc_run_started(run)
    run.now = run.now._replace(position=10_000, outcomes={Outcome.LATE.value: 7})
    live.asc_run_finished(run, {"state": "interrupted"})
    last = raw.getvalue().decode().split("toy")[-1]
    assert "interrupted" in last
    assert "7 late" in last
    assert last.endswith(("\n", SHOW))
    live.asc_boundary(run, fake.boundary(9.0))  # after the end: nothing is drawn
    assert raw.getvalue().decode().split("toy")[-1] == last


def test_a_view_that_fails_gives_the_terminal_back(fake: SimpleNamespace) -> None:
    console, raw = terminal()
    live, run = Live(console), fake.run()
    live.asc_run_started(run)
    run.status = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        live.asc_boundary(run, fake.boundary(1.0))
    assert raw.getvalue().decode().endswith(SHOW)
    console.print("next")  # the view is not drawn again
    assert raw.getvalue().decode().splitlines()[-1].endswith("next")


def test_a_terminal_that_knows_only_ascii_is_served(fake: SimpleNamespace) -> None:
    console, raw = terminal("ascii")
    live, run = Live(console), fake.run(reason="naïve – and × more")
    live.asc_run_started(run)
    live.asc_run_finished(run, {"state": "finished"})
    assert b"na?ve ? and ? more" in raw.getvalue()


def test_a_run_whose_leaps_skip_no_steps_shows_leaps_and_no_hit_rate(fake: SimpleNamespace) -> None:
    text = shown(fake, 100, hit_rate=None, hits=3, skipped=0)
    assert "3 taken, 0 steps skipped" in text
    assert "hit" not in text


def test_where_nothing_was_accepted_there_is_a_rate_and_no_horizon(fake: SimpleNamespace) -> None:
    text = shown(fake, 100, acceptance_rate=0.0, mean_accepted_horizon=None)
    assert "0.0 %\n" in "\n".join(line.rstrip() for line in text.splitlines())
    assert "mean accepted horizon" not in text
