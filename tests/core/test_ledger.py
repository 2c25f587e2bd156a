"""Ledger arithmetic, on a clock that moves when told."""

from __future__ import annotations

import math

import pytest

from asc.ledger import Ledger
from asc.testing.clock import Clock


def spend(ledger: Ledger, clock: Clock, kind: str, seconds: float, steps: float = 0.0) -> None:
    since = clock()
    clock.move(seconds)
    assert ledger.charge(kind, since, steps) == clock()


def work(ledger: Ledger, clock: Clock, steps: int, seconds: float, tracked: bool = False) -> None:
    since = clock()
    clock.move(seconds)
    assert ledger.progress(steps, since, tracked) == clock()


def test_an_exact_ledger_counts_seconds() -> None:
    clock = Clock()
    ledger = Ledger(exact=True, clock=clock)
    assert ledger.unit == 0.0
    work(ledger, clock, 100, 10.0)
    assert ledger.unit == pytest.approx(0.1)
    spend(ledger, clock, "predict", 0.2, steps=77.0)
    assert (ledger.work, ledger.spent, ledger.executed) == (10.0, pytest.approx(0.2), 100)
    assert ledger.allowance() == pytest.approx(0.03 * 10.0 - 0.2)
    ledger.leap(50, 50)
    assert (ledger.leaps, ledger.skipped) == (1, 50)
    assert ledger.gained == pytest.approx(5.0)
    assert ledger.speedup() == pytest.approx((10.0 + 5.0) / (10.0 + 0.2))
    predict = ledger.accounts()["predict"]
    assert predict == {"seconds": pytest.approx(0.2), "steps": pytest.approx(2.0), "count": 1}


def test_an_inexact_ledger_counts_plain_steps_and_only_reports_seconds() -> None:
    clock = Clock()
    ledger = Ledger(exact=False, clock=clock)
    assert ledger.unit == 1.0
    work(ledger, clock, 100, 1e9)
    spend(ledger, clock, "validate", 1e9, steps=2.5)
    ledger.leap(10, 7.5)
    ledger.start("start", 1e9)
    assert (ledger.work, ledger.spent, ledger.gained, ledger.started) == (100.0, 2.5, 7.5, 0.0)
    assert ledger.allowance() == pytest.approx(7.5 + 3.0 - 2.5)
    assert ledger.speedup() == pytest.approx(107.5 / 102.5)
    assert ledger.accounts()["validate"]["seconds"] == pytest.approx(1e9)


def test_the_price_of_a_step_follows_what_steps_take_now() -> None:
    clock = Clock()
    ledger = Ledger(exact=True, clock=clock)
    work(ledger, clock, 10, 10.0)
    work(ledger, clock, 10, 20.0)
    assert 1.0 < ledger.unit < 1.5
    for _ in range(200):
        work(ledger, clock, 10, 20.0)
    before = ledger.unit
    assert before == pytest.approx(2.0, rel=1e-3)
    work(ledger, clock, 0, 5.0)
    assert ledger.unit == before


def test_tracking_is_speculation_and_the_step_below_it_is_not() -> None:
    clock = Clock()
    ledger = Ledger(exact=True, clock=clock)
    for _ in range(50):
        work(ledger, clock, 10, 10.0)
        work(ledger, clock, 10, 13.0, tracked=True)
    assert ledger.work + ledger.spent == pytest.approx(clock())
    assert ledger.unit == pytest.approx(1.0, rel=0.02)
    before = ledger.spent
    work(ledger, clock, 10, 13.0, tracked=True)
    assert ledger.spent - before == pytest.approx(3.0)
    accounts = ledger.accounts()
    assert accounts["plain"]["steps"] == ledger.executed == 1010
    assert accounts["track"]["count"] == 51
    assert accounts["plain"]["seconds"] == pytest.approx(ledger.work)
    assert accounts["track"]["seconds"] == pytest.approx(ledger.spent)


def test_beginning_is_in_the_speedup_but_not_rationed() -> None:
    clock = Clock()
    ledger = Ledger(exact=True, clock=clock)
    work(ledger, clock, 10, 10.0)
    ledger.start("start", 10.0)
    assert ledger.allowance() == pytest.approx(0.3)
    assert ledger.speedup() == pytest.approx(0.5)
    assert ledger.accounts()["start"]["count"] == 1


def test_prices_and_shares() -> None:
    clock = Clock()
    ledger = Ledger(exact=False, clock=clock)
    assert ledger.price(("predict", "validate"), "validate") == 0.0
    assert ledger.share("predict") == 0.0
    work(ledger, clock, 100, 1.0)
    for steps in (1.0, 2.0, 3.0):
        spend(ledger, clock, "predict", 1.0, steps)
    spend(ledger, clock, "validate", 1.0, 4.0)
    spend(ledger, clock, "validate", 1.0, 4.0)
    assert ledger.price(("predict", "validate"), "validate") == pytest.approx((6 + 8) / 2)
    assert ledger.share("predict", "validate", "unheard of") == pytest.approx(0.14)


def test_a_loss_is_rested_off() -> None:
    clock = Clock()
    ledger = Ledger(exact=False, overdraft=0.1, clock=clock)
    assert ledger.rest(5) == 1
    work(ledger, clock, 100, 1.0)
    assert ledger.rest(5) == 1
    spend(ledger, clock, "validate", 0.0, 15.0)
    rest = ledger.rest(5)
    assert rest > 1
    work(ledger, clock, 5 * rest, 1.0)
    assert ledger.allowance() >= 0
    spend(ledger, clock, "validate", 0.0, 1e12)
    assert 1 < ledger.rest(5) < 1000


def test_without_any_work_nothing_is_claimed() -> None:
    ledger = Ledger(exact=True, clock=Clock())
    assert ledger.speedup() == 1.0
    assert ledger.allowance() == 0.0
    assert ledger.rest(8) == 1


@pytest.mark.parametrize("exact", [True, False])
def test_an_unbounded_overdraft_allows_everything_from_the_start(exact: bool) -> None:
    clock = Clock()
    ledger = Ledger(exact, overdraft=math.inf, clock=clock)
    spend(ledger, clock, "predict", 1.0, 1.0)
    assert ledger.rest(8) == 1
    work(ledger, clock, 1, 1.0)
    assert ledger.allowance() == math.inf
    assert ledger.rest(8) == 1
