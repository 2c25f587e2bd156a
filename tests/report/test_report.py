from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc.errors import AscError
from asc.records.event_writer import EventWriter
from asc.records.folders import read_json, write_json
from asc.report.charts import HEIGHT, area, bar, marks
from asc.report.markup import Html, tag
from asc.report.report import write_report
from asc.report.run_data import BINS, Bins, RunData
from asc.types import Boundary, Decision, Outcome, Plan, Span
from asc.views import figures

VOID = {"meta"}


class Page(HTMLParser):
    """Checks nesting; gathers text, tags, ids and whatever could load something."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.loads: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "aria-labelledby":
                self.refers += (value or "").split()
            elif name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.loads.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(self.text)


@pytest.fixture
def page(tmp_path: Path, fake: SimpleNamespace) -> Page:
    return Page(write_report(fake.folder(tmp_path / "run")))


def test_the_page_is_whole_and_loads_nothing(page: Page) -> None:
    assert page.loads == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not re.search(r"https?:|url\(|@import", page.source)
    assert page.source.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "text",
    [
        "toy: collatz",
        "asc 0.1.0",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "3.20×",
        "3.31×",
        "ceiling 4.00×",
        "81.0 %",
        "Most candidates were accepted, so three workers ran ahead.",
        "72.7 %",
        "80 candidates accepted, 30 rejected",
        "225",
        "acceptance length",
        "plugin 'mine' raised & was switched off",
        "longest <chain>",
        "3 of 12 state words",
        "cache.max_bytes",
        "predictors[1].name",
        "<script>alert(1)</script>",
        "ZeroDivisionError: <b>division</b> by zero",
        "in no entry",
        "837799",
    ],
)
def test_what_the_run_was_is_on_the_page(page: Page, text: str) -> None:
    assert text in page.words


def test_settings_read_as_a_config_file_says_them(page: Page) -> None:
    settings = dict(zip(page.text, page.text[1:], strict=False))
    assert (settings["empty"], settings["on"], settings["cache.max_bytes"]) == ("none", "true", "1000")


def test_every_section_is_there(page: Page) -> None:
    for heading in (
        "Where the time went",
        "Steps executed",
        "Hits and misses",
        "Candidates by horizon",
        "Ledger",
        "Trajectory cache",
        "Predictors",
        "Configuration",
    ):
        assert heading in page.words
    for lane in ("main thread", "worker 0", "worker 1", "worker 2"):
        assert lane in page.words


def test_every_picture_has_a_title_and_words_and_every_id_is_one_thing(page: Page) -> None:
    pictures = page.tags.count("svg")
    assert pictures == 8  # main, hits, misses, three workers, steps, cache
    assert len(page.ids) == len(set(page.ids)) == 2 * pictures
    assert sorted(page.refers) == sorted(page.ids)
    assert page.tags.count("desc") == pictures


def test_both_colour_schemes_and_small_screens_are_served(page: Page) -> None:
    assert "prefers-color-scheme: dark" in page.source
    assert "width=device-width" in page.source


def rows(page: Page, heading: str, first: str) -> list[str]:
    """The cells of a section's table from a given one on."""
    texts = page.text[page.text.index(heading) :]
    return texts[texts.index(first) :]


def test_candidates_stand_by_the_horizon_that_they_reached(page: Page) -> None:
    shown = rows(page, "Candidates by horizon", "200")
    assert shown[:8] == ["200", "70", "60", "85.7 %", "300", "40", "20", "50.0 %"]
    assert shown[8:10] == ["accepted", "rejected"]
    assert "Mean accepted horizon 225 steps" in page.words


def test_many_horizons_are_grouped_between_powers_of_two(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 5)
    many = {str(steps): {"settled": 2, "accepted": steps % 2} for steps in range(40)}
    write_json(folder / "summary.json", read_json(folder / "summary.json") | {"horizons": many})
    shown = rows(Page(write_report(folder)), "Candidates by horizon", "0, in place")
    assert shown[0:28:4] == ["0, in place", "1", "2 to 3", "4 to 7", "8 to 15", "16 to 31", "32 to 63"]
    assert sum(map(int, shown[1:28:4])) == 80
    assert sum(map(int, shown[2:28:4])) == 20


def test_without_a_summary_the_event_log_has_the_candidates(tmp_path: Path, fake: SimpleNamespace) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: fake.started + 3.0), fake.run()
    writer.asc_run_started(run)
    cascade = Decision(Plan("cascade", 100), Outcome.ACCEPTED, reached=60)
    decisions = (cascade, Decision(Plan("linear", 20, 40), Outcome.ACCEPTED), Decision(Plan("linear", 8), Outcome.LATE))
    writer.asc_boundary(run, fake.boundary(1.0, decisions=(*decisions, Decision(Plan("linear", 9), Outcome.REJECTED))))
    writer.close()
    page = Page(write_report(tmp_path))
    assert rows(page, "Candidates by horizon", "9")[:8] == ["9", "1", "0", "0.0 %", "60", "2", "2", "100.0 %"]
    assert "66.7 %" in page.words
    assert "Mean accepted horizon 60 steps" in page.words


def test_the_first_event_logs_are_reported_as_well(tmp_path: Path) -> None:
    line = '{"event":"boundary","t0":0,"t1":1,"position":0,"attempts":[["linear",5,"accepted",5.0,""]]}\n'
    (tmp_path / "events.jsonl").write_text(line)
    assert rows(Page(write_report(tmp_path)), "Candidates by horizon", "5")[:4] == ["5", "1", "1", "100.0 %"]


def test_a_figure_that_a_run_does_not_have_has_no_card(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 20)
    missing = dict.fromkeys(("hit_rate", "ceiling", "identical"))
    nothing = {"workers": 0, "horizons": {}, "regimes": {"stable": 12, "chaotic": 8}}
    write_json(folder / "summary.json", read_json(folder / "summary.json") | missing | nothing)
    page = Page(write_report(folder))
    cards = page.words.partition("Final state, SHA-256")[0]
    for name in ("Hit rate", "ceiling", "Same end", "Workers", "Acceptance rate", "Mean accepted horizon"):
        assert name not in cards
    assert "Boundaries with a leap" in cards
    assert "Candidates by horizon" not in page.words
    assert rows(page, "By regime", "chaotic")[:2] == ["chaotic", "8"]


def test_a_killed_run_gives_a_report_from_what_is_there(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", finished=False)
    with (folder / "events.jsonl").open("ab") as stream:
        stream.write(b'{"event":"boundary","t0":99')
    page = Page(write_report(folder))
    assert "There is no summary" in page.words
    assert "not measured" in page.words
    assert "worker 2" in page.words
    assert "Outcome" not in page.words


def test_an_interrupted_run_says_so(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 20)
    summary = read_json(folder / "summary.json")
    unknown = dict.fromkeys(
        ("net_speedup", "plain_seconds", "identical", "final_digest", "total", "ledger", "hit_rate")
    )
    changed = {"state": "interrupted", "resumed_from": 1_200, "shadow": True}
    write_json(folder / "summary.json", summary | unknown | changed)
    page = Page(write_report(folder))
    assert "since the resume at step 1,200" in page.words
    assert "nothing applied" in page.words
    assert "interrupted" in page.words
    assert "no plain run to compare with" in page.words
    assert "Same end" not in page.words


@pytest.mark.parametrize("name", ["config.json", "events.jsonl", "summary.json"])
def test_one_file_alone_is_enough(tmp_path: Path, fake: SimpleNamespace, name: str) -> None:
    folder = fake.folder(tmp_path / "run", 20)
    for path in folder.iterdir():
        if path.name != name:
            path.unlink()
    assert "Ledger" in Page(write_report(folder)).words


def test_a_damaged_file_is_named(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 5)
    (folder / "config.json").write_text("{")
    with pytest.raises(AscError, match=r"config.json' is damaged"):
        write_report(folder)


def test_a_long_busy_run_stays_a_small_file(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 10_000)
    recorded = (folder / "events.jsonl").stat().st_size
    assert recorded > 1_000_000
    assert write_report(folder).stat().st_size < 200_000


def test_many_workers_predictors_words_and_settings_are_bounded(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 5)
    (folder / "events.jsonl").unlink()
    writer, run = EventWriter(folder, clock=lambda: fake.started), fake.run()
    writer.asc_run_started(run)
    for index in range(2_000):
        began = fake.started + index
        failed = (Decision(Plan(f"predictor {index % 500}", index), Outcome.FAILED, 0.0, f"error {index}"),)
        spans = (Span(f"worker {index % 300}", began - 3.0, began, index, 1),)
        leaps = (fake.leap(index, 1, f"source {index}"),)
        writer.asc_boundary(run, Boundary(index, "", leaps, failed, spans, began, began + 0.5))
    writer.asc_run_finished(run, {})
    many = [f"word {index}" for index in range(100_000)]
    write_json(folder / "summary.json", read_json(folder / "summary.json") | {"excited": many, "words": 200_000})
    config = {"config": {f"key {index}": "x" * 2_000 for index in range(2_000)}}
    write_json(folder / "config.json", config)
    path = write_report(folder)
    assert path.stat().st_size < 1_000_000
    page = Page(path)
    assert "285 more, mean" in page.words
    assert "and 99,700 more" in page.words
    assert "(2,000 characters)" in page.words


def test_a_full_record_and_a_resume_are_mentioned(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 5)
    writer = EventWriter(folder, max_events=1, clock=lambda: fake.started + 50.0)
    writer.asc_run_started(fake.run())
    writer.close()
    assert "The event log was full after" in Page(write_report(folder)).words
    again = fake.folder(tmp_path / "again", 5)
    writer = EventWriter(again, clock=lambda: fake.started + 50.0)
    writer.asc_run_started(fake.run())
    writer.close()
    assert "resumed once" in Page(write_report(again)).words


@given(st.lists(st.tuples(st.floats(-1, 11), st.floats(-1, 11), st.floats(0, 100)), max_size=30))
def test_spreading_over_columns_loses_nothing(pieces: list[tuple[float, float, float]]) -> None:
    bins = Bins(10.0)
    for began, ended, amount in pieces:
        bins.spread(began, ended, amount)
    assert len(bins.values) == BINS
    assert sum(bins.values) == pytest.approx(sum(amount for _, _, amount in pieces), abs=1e-6)


def test_an_amount_lands_in_the_columns_that_its_time_covers() -> None:
    bins = Bins(float(BINS))
    bins.spread(1.5, 3.0, 3.0)
    assert bins.values[:5] == [0, 1.0, 2.0, 0, 0]


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=50))
def test_an_area_covers_each_column_once_and_stays_within(values: list[float]) -> None:
    path = area(values, "work")
    covered = [0] * len(values)
    for x, y, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", path):
        assert int(y) + int(height) == HEIGHT
        for index in range(int(x), int(x) + int(width)):
            covered[index] += int(height)
    assert covered == [max(round(HEIGHT * min(1.0, value)), int(value > 0)) for value in values]


def test_flat_stretches_merge_and_marks_are_stronger_where_there_is_more() -> None:
    assert area([0.5] * 400, "work").count("M") == 1
    shown = marks([0, 1, 0, 10], "gain")
    assert shown.count("<g") == 2
    assert marks([0.0, 0.0], "gain") == ""
    assert "width:100.00%" in bar((7.0, "work"))
    assert bar((0.5, "gain"), (0.25, "miss"), (0.0, "work")).count("<i") == 2


@given(st.text(), st.text())
def test_text_is_escaped_and_markup_is_not(text: str, value: str) -> None:
    inner = tag("b", {"title": value}, text)
    assert isinstance(inner, Html)
    assert inner.count("<") == inner.count(">") == 2
    assert tag("i", None, inner) == f"<i>{inner}</i>"


def test_one_page_gives_one_account_of_time(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run")
    summary = read_json(folder / "summary.json") | {"preparing_seconds": 26.0}
    write_json(folder / "summary.json", summary)
    page, run = Page(write_report(folder)), RunData(folder)
    account = run.account()
    assert account is not None
    assert run.length == pytest.approx(summary["seconds"], abs=1e-5)
    assert account.clock == pytest.approx(summary["seconds"])
    assert account.plain + account.speculation + account.checkpoints + account.rest == pytest.approx(account.clock)
    clock = figures.duration(summary["seconds"])
    shown = dict(zip(page.text, page.text[1:], strict=False))
    assert (shown["Time"], shown["in all"]) == (clock, clock)
    assert f"By the ledger, {clock}:" in page.words
    assert "all is prepared (which took another 26 s)" in page.words
    assert {text for text in page.text if text.startswith(clock)} == {clock}  # the ends of the axes


def test_the_time_of_a_resumed_run_is_named(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 40)
    summary = read_json(folder / "summary.json")
    short = {"seconds": summary["seconds"] / 4, "resumed_from": 3_000}
    write_json(folder / "summary.json", summary | short)
    whole = figures.duration(summary["seconds"])
    assert f"since the resume at step 3,000; {whole} in all" in Page(write_report(folder)).words


def test_one_page_gives_one_count_of_misses(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run")
    summary = read_json(folder / "summary.json")
    write_json(folder / "summary.json", summary | {"cache": {"hits": 77, "misses": 88}})
    page, run = Page(write_report(folder)), RunData(folder)
    hits, misses = summary["hits"], summary["misses"]
    assert (round(sum(run.hits.values)), round(sum(run.misses.values))) == (hits, misses)
    assert f"Of {hits + misses} boundaries, {hits} had a leap or a chain of leaps (a hit), and {misses} had none" in (
        page.words
    )
    shown = dict(zip(page.text, page.text[1:], strict=False))
    assert (shown["Boundaries with a leap"], shown["look-ups that found none"]) == (str(hits), "88")


def test_a_plain_run_has_neither_hits_nor_misses(tmp_path: Path) -> None:
    quiet = {"event": "quiet", "t0": 1, "t1": 1, "position": 9, "to": 9, "count": 1, "misses": 1, "label": "plain"}
    (tmp_path / "events.jsonl").write_text(json.dumps(quiet))
    page = Page(write_report(tmp_path))
    assert "Hits and misses" not in page.words
    assert "misses" not in page.text


def test_excited_words_stand_beside_those_that_were_read(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 20)
    summary = read_json(folder / "summary.json")
    assert "So 1 of the excited words" not in Page(write_report(folder)).words
    write_json(folder / "summary.json", summary | {"read": ["i", "limit"]})
    page = Page(write_report(folder))
    shown = dict(zip(page.text, page.text[1:], strict=False))
    assert (shown["i"], shown["best"], shown["longest <chain>"]) == ("yes", "no", "no")
    assert "So 1 of the excited words had to be predicted." in page.words


def test_leaps_and_the_plain_run_are_drawn_beside_the_curves(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "run", 20)
    summary = read_json(folder / "summary.json")
    curves = {"dev_loss": [[100, 0.1, 3.0], [2_000, 0.4, 2.0]]}
    write_json(folder / "summary.json", summary | {"curves": curves})
    alone = Page(write_report(folder))
    assert "a leap" in alone.text
    assert "the plain run" not in alone.text
    assert "plain run" not in alone.text
    slower = {"dev_loss": [[100, 0.2, 3.5], [2_000, 0.9, 2.5]], "read_out_dev_loss": [[100, 0.2, 1.0], [200, 1, 0.5]]}
    outcome = {"outcome": {"best": 3}, "plain_outcome": {"best": 4}}
    write_json(folder / "summary.json", summary | {"curves": curves, "plain_curves": slower} | outcome)
    both = Page(write_report(folder))
    assert "the plain run" in both.text
    assert "dev_loss against steps, from 3.5 to 2." in both.words
    assert both.source.count("dashed line") == 2
    assert both.source.count('class="gain stroke" d="M') == 2
    assert both.text[both.text.index("best") :][:3] == ["best", "3", "4"]
