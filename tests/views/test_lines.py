from __future__ import annotations

import io
import math
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console

from asc.views.lines import Lines


def console(encoding: str = "utf-8") -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    return Console(width=40, file=io.TextIOWrapper(raw, encoding=encoding, write_through=True)), raw


def test_a_line_at_the_start_after_a_second_then_every_five_and_at_the_end(fake: SimpleNamespace) -> None:
    out, raw = console()
    lines, run = Lines(out, lambda: fake.started), fake.run(folder=Path("runs/x"))
    lines.asc_run_started(run)
    for tenth in range(150):
        lines.asc_boundary(run, fake.boundary(tenth / 10, ended=fake.started + tenth / 10))
    lines.asc_run_finished(run, {"state": "finished"})
    printed = raw.getvalue().decode().splitlines()
    assert printed[0] == "toy: starting at step 5,612 of 10,000 (56.1 %), recorded in runs/x"
    assert len(printed) == 1 + 3 + 1  # at 1, 6 and 11 seconds
    assert all(line.startswith("toy: step 5,612 of 10,000 (56.1 %)") for line in printed[1:-1])
    assert printed[-1].startswith("toy: finished at step 5,612 of 10,000 (56.1 %) after 12.3 s; hit rate 93.2 %")
    assert printed[-1].endswith("Most candidates are accepted, and three workers run ahead.")


def test_a_line_is_one_line_of_plain_text_on_any_stream(fake: SimpleNamespace) -> None:
    out, raw = console("ascii")
    lines, run = Lines(out), fake.run(reason="[red]two\nlines × :smile:", total=None)
    lines.asc_run_started(run)
    lines.asc_run_finished(run, {})
    start, end = raw.getvalue().decode("ascii").splitlines()
    assert start == "toy: starting at step 5,612"
    assert end.endswith("; [red]two lines ? :smile:")


def test_the_time_left_follows_the_pace(fake: SimpleNamespace) -> None:
    out, raw = console()
    lines, run = Lines(out, lambda: fake.started), fake.run(position=0, total=1_000)
    lines.asc_run_started(run)
    run.now = run.now._replace(position=200)
    lines.asc_boundary(run, fake.boundary(2.0, ended=fake.started + 2.0))
    assert ", 8 s left; " in raw.getvalue().decode()


def test_a_long_superstep_is_reported_as_well(fake: SimpleNamespace) -> None:
    out, raw = console()
    now = fake.started
    lines, run = Lines(out, lambda: now), fake.run(total=10_000)
    lines.asc_run_started(run)
    for second in range(1, 12):
        run.now = run.now._replace(position=5_612 + 10 * second)
        now = fake.started + second
        lines.asc_progress(run)
    printed = raw.getvalue().decode().splitlines()
    assert len(printed) == 1 + 3
    assert "step 5,672 of 10,000 (56.7 %), 7 min 13 s left" in printed[2]


def ending(fake: SimpleNamespace, **changes: object) -> str:
    """The last line of a run with this status."""
    out, raw = console()
    lines, run = Lines(out), fake.run(**changes)
    lines.asc_run_started(run)
    lines.asc_run_finished(run, {})
    return raw.getvalue().decode().splitlines()[-1]


def test_metrics_have_the_names_of_the_field(fake: SimpleNamespace) -> None:
    assert (
        "; hit rate 93.2 %, 4,012 steps skipped, acceptance rate 99.8 %, mean accepted horizon 31.2, "
        "3 of 4 workers busy, speed-up 3.21× estimated (ceiling 4.00×); "
    ) in ending(fake)


def test_a_run_whose_leaps_skip_no_steps_reports_leaps(fake: SimpleNamespace) -> None:
    judged = {"hit_rate": None, "ceiling": math.inf, "label": "stable", "hits": 3, "workers": 0}
    end = ending(fake, **judged, measures={"dev_loss": 6.5})
    assert (
        "; dev loss 6.5, stable, 3 leaps, acceptance rate 99.8 %, mean accepted horizon 31.2, "
        "speed-up 3.21× estimated; "
    ) in end
    assert "ceiling" not in end
    assert "hit rate" not in end


def test_a_run_without_candidates_has_no_acceptance_rate(fake: SimpleNamespace) -> None:
    end = ending(fake, acceptance_rate=None, mean_accepted_horizon=None)
    assert "accept" not in end.partition("; Most")[0]
