"""The report's section on texts: how they change, escaped and bounded, whatever the file holds."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.records.texts import TEXTS, TextsAt, add_texts, begin_texts, read_prompts, read_texts
from asc.report.report import write_report
from asc.report.texts import CHARACTERS, POSITIONS, PROMPTS

COUNTS: dict[str, Any] = {
    **{"texts": 2, "tokens": 20, "passes": 5, "without_drafts": 10, "drafted": 12, "accepted": 9, "departures": 1},
    **{"blocks": {"0": 1, "9": 1}, "seconds": 0.5},
}


def entry(position: int, *texts: str) -> TextsAt:
    return TextsAt(position, position / 10, list(texts), COUNTS, f"A sentence of {position}.")


def section(folder: Path, fake: SimpleNamespace) -> str:
    """Return the section as a person reads it, with bars between the parts."""
    page = write_report(fake.folder(folder)).read_text(encoding="utf-8")
    found = re.search(r"<section><h2>Texts</h2>(.*?)</section>", page, re.DOTALL)
    return unescape(re.sub(r"(<[^>]*>)+", "|", found[1])) if found else ""


def test_a_run_without_texts_has_no_section(tmp_path: Path, fake: SimpleNamespace) -> None:
    assert section(tmp_path, fake) == ""
    begin_texts(tmp_path, ["a"], {}, 0)
    assert section(tmp_path, fake) == ""


def test_texts_stand_below_each_other_with_what_they_share(tmp_path: Path, fake: SimpleNamespace) -> None:
    begin_texts(tmp_path, ["Once\nupon", "<b>&"], {}, 0)
    add_texts(tmp_path, entry(10, " a time", "\x1b[31m"))
    add_texts(tmp_path, entry(20, " a tree", "\x1b[31m"))
    shown = section(tmp_path, fake)
    assert "2 prompts continued at 2 positions, which took 1 s of the run." in shown
    assert "Prompt 1: |Once\nupon|" in shown
    assert "|10| a time|20| a t|ree|" in shown
    assert "Prompt 2: |<b>&|" in shown
    assert "|10|\\x1b[31m|20|as at 10|" in shown
    assert "|A sentence of 20.|" in shown
    assert "|in all|4|2|75.0 %|4.5|50.0 %|1 s|" in shown
    assert "|0|2|8 to 15|2|" in shown


def test_the_section_is_bounded_and_says_so(tmp_path: Path, fake: SimpleNamespace) -> None:
    many = PROMPTS + 3
    begin_texts(tmp_path, ["prompt"] * many, {}, 0)
    for position in range(1, 100):
        add_texts(tmp_path, entry(position, *([f"{position}" * CHARACTERS] * many)))
    for position in (100, 200):  # alike in more than what is shown
        add_texts(tmp_path, entry(position, *(["x" * 9 * CHARACTERS + f"{position}"] * many)))
    shown = section(tmp_path, fake)
    assert f"All texts are in {TEXTS}; 3 prompts and {101 - POSITIONS} positions are left out here." in shown
    assert len(shown) < 1.2 * PROMPTS * POSITIONS * CHARACTERS
    assert "… (1,000 characters)" not in shown
    assert "… (2,000 characters)" in shown
    assert "|1|" in shown
    assert "|200|" in shown


@pytest.mark.parametrize("line", ["[1]", "7", '{"position": 5}', '{"position": "x", "texts": 3}', "[" * 9999, '{"pos'])
def test_a_damaged_line_is_left_out(tmp_path: Path, fake: SimpleNamespace, line: str) -> None:
    begin_texts(tmp_path, ["a"], {}, 0)
    add_texts(tmp_path, entry(10, "x"))
    with (tmp_path / TEXTS).open("a") as file:
        file.write(line)
    add_texts(tmp_path, entry(20, "y"))  # on a line of its own
    assert [each.position for each in read_texts(tmp_path)] == [10, 20]
    assert read_prompts(tmp_path) == ["a"]
    assert "2 positions" in section(tmp_path, fake)


def test_values_of_other_kinds_end_no_report(tmp_path: Path, fake: SimpleNamespace) -> None:
    begin_texts(tmp_path, ["a", "b"], {}, 0)
    odd = {"position": 3, "seconds": 1, "texts": [None], "counts": {"texts": "many", "blocks": None, "tokens": 0}}
    with (tmp_path / TEXTS).open("a") as file:
        file.write(json.dumps(odd) + "\n")
    assert "2 prompts continued at 1 position," in section(tmp_path, fake)


def test_a_file_is_begun_again_with_what_a_checkpoint_knows(tmp_path: Path) -> None:
    begin_texts(tmp_path, ["a"], {}, 0)
    for position in (10, 20, 30):
        add_texts(tmp_path, entry(position, "x"))
    begin_texts(tmp_path, ["a"], {"seed": 1}, 20)
    assert [each.position for each in read_texts(tmp_path)] == [10, 20]
