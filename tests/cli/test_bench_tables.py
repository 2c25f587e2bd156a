"""The tables of `asc bench-predictor`: which rows there are, and in which units."""

from __future__ import annotations

from collections.abc import Sequence

from asc.cli.bench.layouts import ExecutedLayout, JudgedLayout, Layout
from asc.cli.bench.tables import calls, conclusions, data, ranked, verdicts
from asc.run.replay.evaluations import Evaluation, Evaluations
from asc.types import Outcome

ACCEPTED, REJECTED, SILENT = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SILENT


def rows(evaluations: Evaluations, layout: Layout) -> list[list[str]]:
    columns = verdicts([evaluations], layout).columns
    return [[str(cell) for cell in row] for row in zip(*(column.cells for column in columns), strict=True)]


def executed(name: str, outcomes: Sequence[Outcome], new: bool = False) -> Evaluations:
    """The same outcomes at each of three horizons; an accepted candidate gains 8 steps a superstep."""
    entries = [
        Evaluation(i, ahead, "", outcome, 8.0 * ahead if outcome is ACCEPTED else 0.0)
        for ahead in (1, 2, 4)
        for i, outcome in enumerate(outcomes)
    ]
    return Evaluations(name, entries, new)


def test_one_row_where_all_horizons_are_the_same() -> None:
    for new, name in ((True, "* right"), (False, "right")):
        assert rows(executed("right", [ACCEPTED] * 3, new), ExecutedLayout()) == [
            [name, "1–4", "9", "0", "100%", "8–32"]
        ]
    assert rows(executed("wrong", [REJECTED, SILENT]), ExecutedLayout()) == [["wrong", "1–4", "6", "3", "0%", "0"]]
    assert len(rows(executed("mixed", [REJECTED, ACCEPTED], new=True), ExecutedLayout())) == 3


def test_executed_candidates_gain_steps_in_the_table_and_in_the_sentence() -> None:
    mine = Evaluations("mine", [Evaluation(i, 4, "", ACCEPTED, 1024.0) for i in range(3)], new=True)
    assert "4 supersteps ahead" in conclusions([mine], ExecutedLayout())[0]
    assert "gains 1,024 steps each time it is asked" in conclusions([mine], ExecutedLayout())[0]
    assert rows(mine, ExecutedLayout())[0][-1] == "1,024"
    assert data([mine], ExecutedLayout())["unit"] == "steps"


def test_judged_candidates_gain_nats_in_the_table_and_in_the_sentence() -> None:
    entries = [Evaluation(i, 10, "stable", ACCEPTED, 0.25, 0.5) for i in range(2)]
    mine = Evaluations("mine", [*entries, Evaluation(2, 10, "stable", REJECTED, -0.5, 0.5)], new=True)
    assert rows(mine, JudgedLayout()) == [
        ["* mine", "10", "stable", "3", "0", "67%", "+0.1667", "+0.0000", "0%"],
    ]
    assert conclusions([mine], JudgedLayout())[0].startswith("mine does best 10 steps ahead: 2 of 3 candidates")
    assert "gains 0.167 nats" in conclusions([mine], JudgedLayout())[0]
    (row,) = data([mine], JudgedLayout())["predictors"][0]["rows"]
    assert (row["gain"], row["candidate_gain"], row["share_of_plain"]) == (0.5 / 3, 0.0, 0.0)


def test_a_gain_that_is_not_known_is_not_zero() -> None:
    mine = Evaluations("mine", [Evaluation(i, 0, "", o) for i, o in enumerate((ACCEPTED, ACCEPTED, REJECTED))], True)
    (row,) = data([mine], JudgedLayout())["predictors"][0]["rows"]
    assert (row["gain"], row["candidate_gain"], row["share_of_plain"]) == (None, None, None)
    assert rows(mine, JudgedLayout()) == [["* mine", "0", "", "3", "0", "67%", "–", "–", "–"]]
    assert "mine does best in place" in conclusions([mine], JudgedLayout())[0]


def test_gains_beyond_all_bounds_stay_short() -> None:
    mine = Evaluations("mine", [Evaluation(0, 10, "", REJECTED, -123456.0, 0.001)], new=True)
    assert rows(mine, JudgedLayout())[0][-3:] == ["+0.0000", "-1e+05", "-1e+10%"]


def test_a_new_predictor_has_its_regimes_and_another_only_what_matters() -> None:
    def evaluations(new: bool, outcome: Outcome) -> Evaluations:
        entries = [
            Evaluation(i, ahead, regime, outcome, 0.1 * ahead if outcome is ACCEPTED else -0.1 * ahead)
            for ahead in (10, 20)
            for i, regime in enumerate(("stable", "chaotic", "stable"))
        ]
        return Evaluations("one", entries, new)

    def shown(found: Evaluations) -> list[tuple[str, str]]:
        return [(row[1], row[2]) for row in rows(found, JudgedLayout())]

    every = [(ahead, regime) for ahead in ("10", "20") for regime in ("all", "stable", "chaotic")]
    assert shown(evaluations(True, ACCEPTED)) == every
    assert shown(evaluations(True, REJECTED)) == every
    assert shown(evaluations(False, ACCEPTED)) == [("10", "all"), ("20", "all")]
    assert shown(evaluations(False, REJECTED)) == [("10", "all")], "the best of what is rejected"
    assert len(data([evaluations(False, REJECTED)], JudgedLayout())["predictors"][0]["rows"]) == 6


def test_new_predictors_come_first_and_then_those_that_gain_most() -> None:
    found = [
        executed("worse", [REJECTED, ACCEPTED]),
        executed("better", [ACCEPTED, ACCEPTED]),
        executed("second", [REJECTED], new=True),
        executed("first", [ACCEPTED], new=True),
    ]
    assert [one.name for one in ranked(found)] == ["second", "first", "better", "worse"]


def test_one_that_raised_or_was_never_asked_has_a_row_all_the_same() -> None:
    raising, never = Evaluations("raising", new=True), Evaluations("never", new=True)
    raising.fault = "ValueError: no"
    assert rows(raising, ExecutedLayout())[0][:2] == ["* raising", "raised"]
    assert rows(never, ExecutedLayout())[0][:2] == ["* never", "never"]
    table = calls([raising, never])
    assert [column.header for column in table.columns] == ["predictor", "calls", "a call takes", "raised"]
    assert [str(cell) for cell in table.columns[-1].cells] == ["ValueError: no", ""]
    assert len(calls([never]).columns) == 3
