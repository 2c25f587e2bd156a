"""`asc study rates`: what is trained, what is chosen, and what each way of choosing would have cost."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.studies.halving import Rung, best, kendall, make_rungs
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.rate_tables import Arm, Plan, arms_table, as_numbers, choices_table, choose, rates_table
from asc_nn_training.studies.rates import Rates
from asc_nn_training.studies.recipe import backend

TINY: dict[str, Any] = {
    "steps": 40,
    "warmup": 3,
    "length": 16,
    "batch": 2,
    "device": "cpu",
    "vocabulary": 512,
    "gate_sequences": 12,
    "dev_sequences": 4,
    "test_sequences": 8,
    "rates": (1e-3, 1e-2, 4e-3),
    "first": 0.25,
}
CLOCKED = {"seconds", "moved_s", "live_s", "read_out_s"}

Make = Callable[..., Rates]


@pytest.fixture
def make(cache: Path, corpus: Path, tiny: Path) -> Make:
    """Make tiny studies."""
    own = {**TINY, "model": str(tiny), "data": str(corpus), "data_cache": cache}
    return lambda **settings: Rates(validate(Rates.Config, {**own, **settings}, ""))


def never() -> bool:
    return False


def quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing."""


def stretches(folder: Path) -> list[dict[str, Any]]:
    """Return the journal without what a clock has measured."""
    return [{key: r[key] for key in r.keys() - CLOCKED} for r in Journal(folder / JOURNAL)]


def test_only_what_halving_asks_for_is_trained_and_the_best_rate_is_shown(make: Make, tmp_path: Path) -> None:
    study = make()
    assert study.config.rungs == (Rung(10, 2), Rung(32, 1))
    assert study.run(tmp_path, quiet, never)
    found = stretches(tmp_path)
    first, second = ({r["rate"]: r["read_out"] for r in found if r["position"] == position} for position in (10, 32))
    assert list(first) == [1e-3, 4e-3, 1e-2]
    assert list(second) == sorted(first, key=lambda rate: first[rate])[:2][:: 1 if first[4e-3] < first[1e-2] else -1]
    chosen = min(second, key=lambda rate: second[rate])
    assert [(r["rate"], r["decay"], r["steps"]) for r in found if r["position"] == 40] == [(chosen, 0.2, 8)]
    assert sum(r["steps"] for r in found) == 3 * 10 + 2 * 22 + 8
    assert not [*tmp_path.glob("seed-1/*/*")], "no checkpoint is left"
    rates, choice = study.tables(tmp_path)
    assert choice.rows == ((1, f"{chosen:g} (0.2)", f"{found[-1]['gate']:.4f}", f"{found[-1]['test']:.4f}", "68%"),)
    assert [row[-1] is None for row in rates.rows] == [rate != chosen for rate in (1e-3, 4e-3, 1e-2)]
    assert study.data(tmp_path)["ways"] == []
    assert study.run(tmp_path, quiet, never), "a study that is done has nothing to do"
    assert stretches(tmp_path) == found


def test_what_goes_on_from_rung_to_rung_ends_as_if_it_were_trained_at_once(make: Make, tmp_path: Path) -> None:
    study = make(decays=(0.1, 0.5))
    assert study.run(tmp_path, quiet, never)
    ends = {r["decay"]: r for r in stretches(tmp_path) if r["decay"] is not None}
    assert list(ends) == [0.5, 0.1]
    for decay, end in ends.items():
        alone = backend(study.config.model_copy(update={"lr": end["rate"], "wsd_decay": decay}), seed=1)
        computation = alone.computation(plain=True)
        computation.advance(40)
        assert computation.training.evaluate(alone.data.test) == end["test"]


@pytest.mark.parametrize("after", [5, 20, 45, 65])
def test_a_study_that_was_stopped_anywhere_ends_the_same(make: Make, tmp_path: Path, after: int) -> None:
    asked = 0

    def soon() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    study = make(rates=(4e-3, 1e-2), decays=(0.2, 0.5))
    assert not study.run(tmp_path / "stopped", quiet, soon)
    assert study.run(tmp_path / "stopped", quiet, never)
    assert study.run(tmp_path / "whole", quiet, never)
    assert stretches(tmp_path / "stopped") == stretches(tmp_path / "whole")


def test_resumed_in_full_the_rates_that_were_dropped_are_trained_as_well(make: Make, tmp_path: Path) -> None:
    settings = {"first": 0.5}
    assert make(**settings).run(tmp_path / "later", quiet, never)
    full = make(**settings, full=True)
    assert full.free >= {"full", "seeds"}
    assert full.run(tmp_path / "later", quiet, never)
    assert full.run(tmp_path / "once", quiet, never)

    def order(r: dict[str, Any]) -> tuple[float, int]:
        return r["rate"], r["position"]

    assert sorted(stretches(tmp_path / "later"), key=order) == sorted(stretches(tmp_path / "once"), key=order)
    _, arms = full.tables(tmp_path / "once")
    assert [row[0] for row in arms.rows] == list(PLAN.arms)
    assert arms.rows[0][4:6] == ("100%", "100%")


def test_a_rate_that_diverges_is_dropped_and_shown(make: Make, tmp_path: Path) -> None:
    study = make(rates=(4e-3, 1e-2, 1e12), full=True)
    assert study.run(tmp_path, quiet, never)
    found = [r for r in stretches(tmp_path) if r["rate"] == 1e12]
    assert [(r["position"], r["diverged"], r["read_out"]) for r in found] == [(10, True, None)]
    rates, arms = study.tables(tmp_path)
    assert rates.rows[2][1:] == ("diverged", "diverged", None, None, None)
    assert "1e+12 (0.2)" not in {row[1] for row in arms.rows}


def test_a_study_without_a_rate_that_converges_says_so(make: Make, tmp_path: Path) -> None:
    study = make(rates=(1e12, 2e12))
    assert study.run(tmp_path, quiet, never)
    _, choice = study.tables(tmp_path)
    assert choice.rows[0][:4] == (1, "none", None, None)
    assert "all have diverged" in choice.notes[0]
    _, arms = make(rates=(1e12, 2e12), full=True).tables(tmp_path)
    assert arms.rows == ()


def test_a_study_without_a_training_has_no_tables(make: Make, tmp_path: Path) -> None:
    assert make().tables(tmp_path) == ()


PLAN = Plan((1.0, 2.0, 3.0, 4.0), (Rung(10, 2), Rung(20, 1)), {0.2: 80}, 100)
LIVE = {10: (1.0, 2.0, 3.0, 4.0), 20: (1.0, 2.0, 3.0, 4.0)}  # the rate 1 always looks best
READ_OUT = {10: (4.0, 3.0, 2.0, 1.0), 20: (4.0, 3.0, 1.0, 2.0)}  # 4 looks best first, and then 3
TEST = (0.4, 0.3, 0.1, 0.2)


def swept() -> list[dict[str, Any]]:
    """Return the records of a full sweep with seed 7, in which a step takes a second and anything else a tenth."""
    found = []
    for index, rate in enumerate(PLAN.rates):
        for begin, end, decay in ((0, 10, None), (10, 20, None), (20, 80, None), (80, 100, 0.2)):
            steps = end - begin
            record = {"seed": 7, "rate": rate, "decay": decay, "position": end, "steps": steps, "diverged": False}
            losses: dict[str, float] = {"gate": TEST[index] + 1, "test": TEST[index]}
            if decay is None:
                losses = {"live": LIVE.get(end, TEST)[index], "read_out": READ_OUT.get(end, TEST)[index]}
                losses |= {"moved_s": 0.1, "live_s": 0.1, "read_out_s": 0.1}
            found.append(record | {"seconds": float(steps), **losses})
    return found


def test_each_way_of_choosing_pays_for_what_it_would_have_trained() -> None:
    found = {each.pop("way"): each for each in as_numbers(swept(), PLAN)}
    assert {name: (each["rate"], each["steps"]) for name, each in found.items()} == {
        "full sweep": (3.0, 1.0),
        "live halving": (1.0, (4 * 10 + 2 * 10 + 80) / 400),
        "read-out halving": (3.0, (4 * 10 + 2 * 10 + 80) / 400),
        "first rung only, live": (1.0, (4 * 10 + 90) / 400),
        "first rung only, read-out": (4.0, (4 * 10 + 90) / 400),
    }
    assert [each["regret"] for each in found.values()] == pytest.approx([0.0, 0.3, 0.0, 0.3, 0.1])
    assert [each["tau"] for each in found.values()] == pytest.approx([1.0, -2 / 3, 2 / 3, -2 / 3, 2 / 3])
    looks = [0.0, 6 * 0.2, 6 * 0.3, 4 * 0.2, 4 * 0.3]  # evaluations, and leaving and resuming, at the rungs used
    steps = [400, 140, 140, 130, 130]
    assert [400 * each["seconds"] for each in found.values()] == pytest.approx(
        [step + look for step, look in zip(steps, looks, strict=True)]
    )


def test_a_way_of_choosing_is_not_followed_past_what_is_known() -> None:
    records = swept()
    assert choose(records, PLAN, PLAN.halving) is not None
    for missing in ((4.0, 10), (3.0, 20), (3.0, 100)):
        part = [r for r in records if (r["rate"], r["position"]) != missing]
        assert choose(part, PLAN, PLAN.halving) is None
    dropped = [r for r in records if r["rate"] != 1.0 or r["position"] == 10]
    assert choose(dropped, PLAN, PLAN.halving) == choose(records, PLAN, PLAN.halving)
    assert choose(dropped, PLAN, Arm("gate")) is None
    assert arms_table(dropped, PLAN, "").rows == ()
    assert len(choices_table(dropped, PLAN, "").rows) == 1


def test_tables_have_means_over_seeds() -> None:
    other = [r | {"seed": 8, "test": r["test"] + 0.2} if r["decay"] else r | {"seed": 8} for r in swept()]
    records = [*swept(), *other]
    assert rates_table(records, PLAN, "").rows[0][-1] == "0.5000"
    full, *_ = arms_table(records, PLAN, "").rows
    assert full == (
        "full sweep",
        "3 (0.2), 3 (0.2)",
        "0.2000 ± 0.1414",
        "0.0000 ± 0.0000",
        "100%",
        "100%",
        "1.00 ± 0.00",
    )


def test_rungs_keep_a_share_until_the_finalists_are_left() -> None:
    assert make_rungs(8, 1, 100.0, 0.5, 800) == (Rung(100, 4), Rung(200, 2), Rung(800, 1))
    assert make_rungs(8, 2, 100.0, 0.5, 800) == (Rung(100, 4), Rung(200, 3), Rung(800, 2))
    assert make_rungs(9, 1, 60.0, 1 / 3, 800) == (Rung(60, 3), Rung(180, 2), Rung(800, 1))
    assert make_rungs(64, 1, 300.0, 0.5, 800) == (Rung(300, 32), Rung(600, 16), Rung(800, 1)), "the end drops the rest"
    assert make_rungs(4, 1, 10.0, 0.9, 11) == (Rung(10, 3), Rung(11, 1))
    assert make_rungs(2, 1, 100.0, 0.5, 800) == (Rung(800, 1),), "two are told apart at the end"


def test_what_diverges_never_stays() -> None:
    assert best({3.0: 0.1, 1.0: 0.2, 2.0: inf}, 3) == [1.0, 3.0]
    assert best({3.0: 0.1, 1.0: 0.1}, 1) == [1.0], "of equal ones the first stays"


def test_rankings_agree_by_their_pairs() -> None:
    assert kendall([1, 2, 3], [10, 20, 30]) == 1
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    assert kendall([1, 2, 3], [1, 3, 2]) == pytest.approx(1 / 3)
    assert kendall([1, inf, inf], [1, 2, inf]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr": 1e-3}, "chooses among several: give rates"),
        ({"rates": (1e-3, 1e-3)}, "rates: expected distinct numbers above 0"),
        ({"rates": (1e-3, 0.0)}, "rates: expected distinct numbers above 0"),
        ({"decays": (0.2, -0.1)}, "decays: expected distinct numbers above 0"),
        ({"decays": (0.2, 1.5)}, "decays: expected shares of at most 1"),
        ({"wsd_decay": 0.0}, "decays: expected distinct numbers above 0"),
        ({"spans": (0, 50)}, "spans: expected whole numbers"),
        ({"finalists": 3}, "3 of 3 rates are to stay to the end"),
        ({"first": 0.05}, "the first rung is at step 2, and the rate is constant from step 6 to 32"),
        ({"first": 0.9}, "the first rung is at step 36"),
        ({"warmup": 30}, "constant from step 31 to 32"),
        ({"schedule": "cosine"}, 'expected "wsd"'),
    ],
)
def test_settings_without_a_choice_are_refused_in_a_sentence(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        validate(Rates.Config, {**TINY, **settings}, "")
