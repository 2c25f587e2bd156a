"""Ledger arithmetic, on a clock that only tests move."""

from __future__ import annotations

import math

import pytest

from asc.ledger import Ledger
from asc.testing.clock import Clock

FREE_S = 0.005  # that speculation may lose from the start on, where a clock steers


class Prices:
    """What a computation owes: each piece of work has the price that was set last, and is counted as paid."""

    def __init__(self) -> None:
        self.owed = 0.0
        self.taken: list[str] = []

    def __call__(self, work: str) -> float:
        self.taken.append(work)
        owed, self.owed = self.owed, 0.0
        return owed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prices() -> Prices:
    return Prices()


def timed(clock: Clock) -> Ledger:
    return Ledger(lambda _: pytest.fail("a ledger that is timed asks for no price"), timed=True, clock=clock)


def counted(prices: Prices, clock: Clock, overdraft: float = 0.03) -> Ledger:
    return Ledger(prices, timed=False, overdraft=overdraft, clock=clock)


def spend(ledger: Ledger, clock: Clock, kind: str, seconds: float) -> None:
    with ledger.work(kind):
        clock.move(seconds)


def test_a_timed_ledger_counts_seconds(clock: Clock) -> None:
    ledger = timed(clock)
    assert ledger.unit == 0.0
    ledger.progress(100, 1.0)
    assert ledger.unit == pytest.approx(0.01)
    spend(ledger, clock, "predict", 0.02)
    assert (ledger.plain, ledger.executed) == (1.0, 100)
    assert ledger.spent == pytest.approx(0.02)
    assert ledger.allowance() == pytest.approx(0.03 * 1.0 + FREE_S - 0.02)
    ledger.leap(50, 50)
    assert (ledger.leaps, ledger.skipped) == (1, 50)
    assert ledger.gained == pytest.approx(0.5)
    assert ledger.speedup() == pytest.approx((1.0 + 0.5) / (1.0 + 0.02))
    predict = ledger.accounts()["predict"]
    assert predict == {"seconds": pytest.approx(0.02), "steps": pytest.approx(2.0), "count": 1}


def test_after_the_first_second_a_quarter_of_the_share_may_be_lost(clock: Clock) -> None:
    """Of 9 s, that is 3 % of the first one, and 3 % of a quarter of the others."""
    ledger = timed(clock)
    ledger.progress(90, 9.0)
    assert ledger.allowance() == pytest.approx(0.03 * (1.0 + 8.0 / 4) + FREE_S)
    assert ledger.permitted(9.0) == pytest.approx(0.03 * 9.0 + FREE_S), "where it is known to be paid once"
    spend(ledger, clock, "plan", ledger.allowance() + 0.003)
    ledger.rest(1)
    assert ledger.rest(1) == pytest.approx(0.003 / (0.03 / 4 * 0.1), abs=1.5), "so many steps of 0.1 s pay it back"


def test_any_other_ledger_counts_plain_steps_and_only_reports_seconds(prices: Prices, clock: Clock) -> None:
    ledger = counted(prices, clock)
    assert ledger.unit == 1.0
    ledger.progress(100, 1e9)
    prices.owed = 2.5
    spend(ledger, clock, "validate", 1e9)
    ledger.leap(10, 7.5)
    ledger.start("start", 1e9)
    assert (ledger.plain, ledger.spent, ledger.gained, ledger.started) == (100.0, 2.5, 7.5, 0.0)
    assert ledger.allowance() == pytest.approx(7.5 + 3.0 - 2.5)
    assert ledger.speedup() == pytest.approx(107.5 / 102.5)
    assert ledger.accounts()["validate"]["seconds"] == pytest.approx(1e9)


@pytest.mark.parametrize("raises", [False, True])
def test_work_is_booked_and_paid_for_once_also_where_it_raises(prices: Prices, clock: Clock, raises: bool) -> None:
    ledger = counted(prices, clock)
    prices.owed = 3.0

    def work() -> None:
        with ledger.work("validate"):
            clock.move(0.5)
            if raises:
                raise ValueError("no")

    if raises:
        with pytest.raises(ValueError, match="no"):
            work()
    else:
        work()
    assert prices.taken == ["validate"]
    assert ledger.accounts() == {"validate": {"seconds": 0.5, "steps": 3.0, "count": 1}}
    assert ledger.spent == 3.0


def test_works_of_different_kinds_may_contain_each_other(prices: Prices, clock: Clock) -> None:
    ledger = counted(prices, clock)
    for _ in range(2):
        with ledger.work("plan"):
            clock.move(1.0)
            spend(ledger, clock, "predict", 2.0)
    accounts = ledger.accounts()
    assert {kind: (account["seconds"], account["count"]) for kind, account in accounts.items()} == {
        "plan": (6.0, 2),
        "predict": (4.0, 2),
    }


@pytest.mark.parametrize("is_timed", [True, False])
def test_work_that_is_not_speculative_is_booked_and_rations_nothing(
    prices: Prices, clock: Clock, is_timed: bool
) -> None:
    ledger = timed(clock) if is_timed else counted(prices, clock)
    ledger.progress(10, 10.0)
    before = ledger.allowance()
    with ledger.work("checkpoint", speculative=False):
        clock.move(4.0)
    assert ledger.accounts()["checkpoint"] == {"seconds": 4.0, "steps": 0.0, "count": 1}
    assert (ledger.spent, ledger.allowance(), ledger.speedup()) == (0.0, before, 1.0)
    assert prices.taken == []


def test_the_price_of_a_step_follows_what_steps_take_now(clock: Clock) -> None:
    ledger = timed(clock)
    ledger.progress(10, 10.0)
    ledger.progress(10, 20.0)
    assert 1.5 < ledger.unit < 1.6
    for _ in range(200):
        ledger.progress(10, 20.0)
    before = ledger.unit
    assert before == pytest.approx(2.0, rel=1e-3)
    ledger.progress(0, 5.0)
    assert ledger.unit == before


def test_tracking_is_speculation_and_the_step_below_it_is_not(clock: Clock) -> None:
    ledger = timed(clock)
    for _ in range(50):
        ledger.progress(10, 10.0)
        ledger.progress(10, 13.0, tracked=True)
    assert ledger.plain + ledger.spent == pytest.approx(50 * 23.0)
    assert ledger.unit == pytest.approx(1.0)
    assert 1.25 < ledger.tracking < 1.3, "as much as is certain"
    assert ledger.recording(10) == pytest.approx(3.0)
    before = ledger.spent
    ledger.progress(10, 13.0, tracked=True)
    assert 2.5 < ledger.spent - before < 3.0
    accounts = ledger.accounts()
    assert accounts["plain"]["steps"] == ledger.executed == 1010
    assert accounts["track"]["count"] == 51
    assert accounts["plain"]["seconds"] == pytest.approx(ledger.plain)
    assert accounts["track"]["seconds"] == pytest.approx(ledger.spent)


def test_starting_is_in_the_speedup_but_not_rationed(clock: Clock) -> None:
    ledger = timed(clock)
    ledger.progress(10, 1.0)
    ledger.start("start", 1.0)
    assert ledger.allowance() == pytest.approx(0.03 + FREE_S)
    assert ledger.speedup() == pytest.approx(0.5)
    assert ledger.accounts()["start"]["count"] == 1


def test_prices_and_shares(prices: Prices, clock: Clock) -> None:
    ledger = counted(prices, clock)
    assert ledger.price(("predict", "validate"), "validate") == 0.0
    assert ledger.share("predict") == 0.0
    ledger.progress(100, 1.0)
    for kind, steps in (("predict", 1.0), ("predict", 2.0), ("predict", 3.0), ("validate", 4.0), ("validate", 4.0)):
        prices.owed = steps
        spend(ledger, clock, kind, 1.0)
    assert ledger.price(("predict", "validate"), "validate") == pytest.approx((6 + 8) / 2)
    assert ledger.share("predict", "validate", "unheard of") == pytest.approx(0.14)


def test_waiting_for_a_leap_is_not_expected_to_be_lost_again(clock: Clock) -> None:
    rests = []
    for leaps in (0, 1):
        ledger = timed(clock)
        ledger.progress(10, 1.0)
        ledger.rest(1)
        spend(ledger, clock, "delegate", 0.1)
        ledger.leap(leaps, leaps)
        spend(ledger, clock, "collect", 0.04)
        rests.append(ledger.rest(1))
    assert rests[0] > 50
    assert rests[1] < 40


def test_a_loss_is_rested_off(prices: Prices, clock: Clock) -> None:
    ledger = counted(prices, clock, overdraft=0.1)
    assert ledger.rest(5) == 1
    ledger.progress(100, 1.0)
    assert ledger.rest(5) == 1
    prices.owed = 15.0
    spend(ledger, clock, "validate", 0.0)
    rest = ledger.rest(5)
    assert rest > 1
    ledger.progress(5 * rest, 1.0)
    assert ledger.allowance() >= 0
    prices.owed = 1e12
    spend(ledger, clock, "validate", 0.0)
    assert 1 < ledger.rest(5) < 1000


def test_a_rest_saves_for_what_is_wanted(clock: Clock) -> None:
    ledger = timed(clock)
    ledger.progress(100, 0.1)
    assert ledger.rest(10) == ledger.rest(10, ledger.allowance() / 2) == 1
    rest = ledger.rest(10, 0.02)
    assert rest > 1
    ledger.progress(10 * rest, 0.01 * rest)
    assert ledger.allowance() >= 0.02
    assert ledger.rest(10, 0.02) == 1


def test_unusual_steps_say_nothing_of_the_next_ones(clock: Clock) -> None:
    ledger = timed(clock)
    ledger.progress(10, 10.0)
    ledger.progress(1, 1000.0, usual=False)
    assert (ledger.unit, ledger.plain, ledger.executed) == (1.0, 1010.0, 11)


def test_without_any_work_nothing_is_claimed(clock: Clock) -> None:
    ledger = timed(clock)
    assert ledger.speedup() == 1.0
    assert ledger.allowance() == FREE_S
    assert ledger.rest(8) == 1


@pytest.mark.parametrize("is_timed", [True, False])
def test_an_unbounded_overdraft_allows_everything_from_the_start(prices: Prices, clock: Clock, is_timed: bool) -> None:
    ledger = Ledger(prices, timed=is_timed, overdraft=math.inf, clock=clock)
    prices.owed = 1.0
    spend(ledger, clock, "predict", 1.0)
    assert ledger.rest(8) == 1
    ledger.progress(1, 1.0)
    assert ledger.allowance() == math.inf
    assert ledger.rest(8) == 1


def test_a_resumed_ledger_continues_with_what_was_booked(prices: Prices, clock: Clock) -> None:
    ledger, again = counted(prices, clock), counted(prices, clock)
    ledger.progress(100, 1.0)
    prices.owed = 2.0
    spend(ledger, clock, "validate", 0.5)
    ledger.leap(8, 5.0)
    again.load_state_dict(ledger.state_dict())
    for one in (ledger, again):
        prices.owed = 1.0
        spend(one, clock, "validate", 0.5)
    assert again.state_dict() == ledger.state_dict()
    assert again.allowance() == ledger.allowance()
