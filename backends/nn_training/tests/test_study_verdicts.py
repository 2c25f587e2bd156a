"""`asc study verdicts`: verdicts and ends of candidates, against known answers."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.studies import verdicts
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.verdict_tables import Truth, by_candidate, by_verdict, judged, truth
from asc_nn_training.studies.verdicts import Verdicts, kinds

TINY: dict[str, Any] = {
    "steps": 50,
    "warmup": 2,
    "length": 16,
    "batch": 2,
    "max_bytes": 200_000,
    "gate_sequences": 12,
    "dev_sequences": 4,
    "test_sequences": 8,
    "rates": (3e-3,),
    "seeds": (1,),
    "at": (33, 36),  # near the end, to which each candidate is continued
    "every": 3,
    "trials": (2, 4),
    "stretch": 2,
    "orders": 2,
}


@pytest.fixture
def study(cache: Path) -> Verdicts:
    return Verdicts(validate(Verdicts.Config, {**TINY, "data_cache": cache}, ""))


def never() -> bool:
    return False


def quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing."""


def test_every_kind_has_verdicts_and_ends(study: Verdicts, tmp_path: Path) -> None:
    assert study.run(tmp_path, quiet, never)
    whole = list(Journal(tmp_path / JOURNAL))
    assert [record["position"] for record in whole] == [33, 36]
    for record in whole:
        assert list(record["candidates"]) == list(kinds(0.97))
        for name, found in record["candidates"].items():
            looks = {"now", "one look"} | {f"after {m}{form}" for m in (2, 4) for form in ("", ", mean", ", annealed")}
            assert set(found["verdicts"]) == looks | ({"switchback"} if "ema" in name else set())
            assert len(found["ends"]) == 2
            assert ("ema" in name) == (found["verdicts"]["now"] == [0.0, 0.0])  # a way moves nothing at once
    by_verdicts, candidates = study.tables(tmp_path)
    assert len(candidates.rows) == len(kinds(0.97))
    assert {row[1] for row in candidates.rows} == {2}
    assert "switchback" in {row[0] for row in by_verdicts.rows}
    assert study.data(tmp_path) == {"states": whole}


def test_a_study_that_is_stopped_within_a_state_and_resumed_ends_the_same(
    study: Verdicts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ema-nesterov, beta 0.6"  # which has every verdict
    monkeypatch.setattr(verdicts, "kinds", lambda decay: {name: kinds(decay)[name]})
    asked = 0

    def soon() -> bool:
        nonlocal asked
        asked += 1
        return asked == 200

    assert study.run(tmp_path / "whole", quiet, never)
    assert not study.run(tmp_path / "stopped", quiet, soon)
    first, _ = whole = list(Journal(tmp_path / "whole" / JOURNAL))
    assert list(Journal(tmp_path / "stopped" / JOURNAL)) == [first]
    assert study.run(tmp_path / "stopped", quiet, never)
    assert list(Journal(tmp_path / "stopped" / JOURNAL)) == whole


def test_a_study_without_a_state_has_no_tables(study: Verdicts, tmp_path: Path) -> None:
    assert study.tables(tmp_path) == ()


def record(
    ends: list[float | None], now: list[float | None], later: list[float | None], seed: int = 1
) -> dict[str, Any]:
    return {
        "rate": 1e-3,
        "seed": seed,
        "candidates": {"a leap": {"verdicts": {"now": now, "after 10": later}, "ends": ends}},
    }


def test_a_truth_is_clear_beyond_two_standard_errors() -> None:
    assert truth([0.1, 0.1, 0.1, 0.1], 0.06) == Truth(pytest.approx(0.1), pytest.approx(0.03))
    assert truth([0.1, 0.1, 0.1, 0.1], 0.06).clear
    assert not truth([0.1, 0.0, 0.1, 0.0], 0.06).clear
    assert truth([0.1, None], 0.06).mean == inf
    assert truth([0.1, None], 0.06).clear


def test_the_spread_of_ends_is_pooled_over_the_states_of_a_kind() -> None:
    """Two ends that agree by chance are no clear truth where other states show the spread."""
    records = [record([0.01, 0.01], [0.0, 0.0], [0.0, 0.0]), record([0.1, -0.1], [0.0, 0.0], [0.0, 0.0])]
    errors = [found.truth.error for found in judged(records)]
    assert errors == pytest.approx([0.1 / 2**0.5] * 2)


def test_a_verdict_is_right_where_its_sign_is_that_of_the_end() -> None:
    records = [
        record([-0.1, -0.11], [0.2, 0.01], [-0.1, 0.01]),  # better: the second verdict says so
        record([0.1, 0.11], [-0.2, 0.01], [0.1, 0.01]),  # worse: the first one accepts it
        record([0.1, None], [None, None], [None, None]),  # diverged, and both saw it
        record([-0.01, 0.01], [-0.2, 0.01], [-0.1, 0.01], seed=2),  # not clear, and so not counted
        record([-0.1, -0.11], [0.0, 0.0], [-0.1, 0.01], seed=2),  # of which the first verdict says nothing
        record([], [0.0, 0.0], [-0.1, 0.01], seed=2),  # the training without it diverged
    ]
    base, kind, now, later = by_verdict(records, "about", {"now": 2.7}).rows
    assert base == ("always worse", "0", 4, "50 %", 0, None, "0 %", None, None)
    assert kind[:4] == ("its kind", "0", 4, "25 %")  # each training has what is seldom in the other
    assert now == ("now", "3", 3, "33 %", 1, "0 %", "0 %", None, None)  # there is no other training
    assert later == ("after 10", None, 4, "100 %", 2, "100 %", "100 %", "+0.0000 to +0.0000", "100 %")
    ((name, states, _, end, better, worse, diverged),) = by_candidate(records).rows
    assert (name, states, better, worse, diverged) == ("a leap", 5, 2, 2, 1)
    assert str(end) == "-0.0263 ± 0.0262"  # of two trainings, 0.0000 and -0.0525


def test_a_margin_is_chosen_by_the_other_trainings() -> None:
    """After 10 steps, what ends better is worse by 0.01, and what ends worse by 0.05; the third training is unlike."""
    changes = {1: (0.01, 0.05), 2: (0.01, 0.05), 3: (0.04, 0.05)}
    records = [
        record([end, end], [0.0, 0.0], [change, 0.01], seed)
        for seed, (better, worse) in changes.items()
        for end, change in ((-0.1, better), (0.1, worse))
    ]
    *_, later = by_verdict(records, "about", {}).rows
    assert later[3] == "50 %"
    assert later[-2:] == ("+0.0300 to +0.0450", "83 %")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"at": (5, 16)}, "room for states at 9 to 36"),
        ({"at": (37,)}, "room for states at 9 to 36"),  # a trial of 4 steps is annealed by 10 more
        ({"trials": (4, 4)}, "distinct whole numbers"),
    ],
)
def test_states_without_room_are_refused_in_a_sentence(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        validate(Verdicts.Config, {**TINY, **settings}, "")
