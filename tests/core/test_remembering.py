"""What the main thread records: as long as that is cheap, or as long as states come back."""

from __future__ import annotations

import math

import pytest

from asc.ledger import Ledger
from asc.speculators.executed.remembering import Remembering
from asc.testing.clock import Clock

EVERY = 10


@pytest.fixture(autouse=True)
def _early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count in seconds what is the same in fractions of a run's first second, in which the whole share may be lost."""
    monkeypatch.setattr("asc.ledger._SOON_S", math.inf)


def rich(insert: float = 0.0) -> Ledger:
    """Return a ledger with room for anything, on which a step takes a second; `insert` seconds are booked."""
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000_000, 1e6)
    ledger.charge("insert", insert)
    return ledger


def recorded(subject: Remembering, supersteps: int, recalled: int = 0) -> int:
    """Return how many of these supersteps are recorded as a whole."""
    return sum(subject.steps(EVERY, recalled) == EVERY for _ in range(supersteps))


def test_what_is_recorded_for_nothing_is_paused() -> None:
    subject = Remembering(rich(insert=10_000.0))
    assert recorded(subject, 100) > 50
    recorded(subject, 400)
    assert recorded(subject, 200) == 0
    assert recorded(subject, 2000) > 100


def test_what_comes_back_is_recorded_on_and_on() -> None:
    subject = Remembering(rich(insert=10_000.0))
    assert all(recorded(subject, 100, recalled=i) > 80 for i in range(1, 30))


def test_a_state_that_came_back_once_does_not_excuse_all_that_follow() -> None:
    subject = Remembering(rich(insert=10_000.0))
    assert recorded(subject, 100, recalled=1) > 50
    recorded(subject, 400, recalled=1)
    assert recorded(subject, 200, recalled=1) == 0


def test_now_and_then_a_superstep_stays_plain() -> None:
    subject = Remembering(rich())
    assert 900 < recorded(subject, 1000) < 1000


def test_nothing_is_recorded_before_a_price_is_known_or_where_it_cannot_be_paid() -> None:
    assert recorded(Remembering(Ledger(lambda _: 0.0, timed=True, clock=Clock())), 100) == 0
    assert recorded(Remembering(rich(insert=40_000.0)), 100) == 0


def test_trials_show_what_recording_costs_before_a_superstep_is_recorded() -> None:
    subject = Remembering(rich())
    assert [subject.steps(EVERY, 0) for _ in range(6)] == [1, 2, 4, 8, EVERY, EVERY]


class Walk:
    """A run whose steps take a microsecond, or `factor` times as long where they are recorded, and `fixed` beside."""

    def __init__(self, factor: float, fixed: float = 0.0, step_s: float = 1.0) -> None:
        self.ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
        self._subject, self._factor, self._fixed, self._step_s = Remembering(self.ledger), factor, fixed, step_s

    def begun(self, seconds: float, steps: float = 0.0, left: int = 0) -> None:
        self._subject.begun(seconds, lambda: steps, lambda: left)

    def take(self, supersteps: int, superstep: int = EVERY) -> list[int]:
        """Take supersteps, and return how many steps of each were recorded."""
        found = []
        for _ in range(supersteps):
            recorded = self._subject.steps(superstep, 0)
            if recorded:
                self.ledger.progress(recorded, self._step_s * self._factor * recorded + self._fixed, tracked=True)
            if recorded < superstep:
                self.ledger.progress(superstep - recorded, self._step_s * (superstep - recorded))
            found.append(recorded)
        return found


def test_after_one_step_that_took_forty_times_as_long_nothing_is_recorded_for_long() -> None:
    """Half of the overdraft is for recording, so the first step is paid for after 260 supersteps."""
    walk = Walk(factor=40.0)
    assert walk.take(260) == [0, 1, *[0] * 258]
    walk.take(740)
    assert walk.ledger.cost("track") <= 0.015 * 1000 * EVERY


def test_a_recording_that_takes_twice_as_long_stays_within_its_part_of_the_overdraft() -> None:
    walk = Walk(factor=2.0)
    walk.take(1000)
    assert 0.01 * 1000 * EVERY < walk.ledger.cost("track") <= 0.015 * 1000 * EVERY


def test_a_price_that_is_only_high_for_short_stretches_is_found_to_be_low_for_longer_ones() -> None:
    """Each recorded stretch takes 50 µs beside its steps of 1 µs, which is little for a superstep of 4,096 steps."""
    walk = Walk(factor=1.0, fixed=5e-5, step_s=1e-6)
    found = walk.take(100, superstep=4096)
    assert found[-1] == 4096
    assert walk.ledger.recording(4096) < 100e-6


@pytest.mark.parametrize(("seconds", "steps"), [(30.0, 0.0), (0.0, 120.0)])
@pytest.mark.parametrize(("left", "recorded"), [(8100, True), (7900, False)])
def test_a_first_recording_may_take_what_the_rest_of_the_run_may_lose_by_recording(
    seconds: float, steps: float, left: int, recorded: bool
) -> None:
    """The preparation took 30 s, so the recording is expected to take 120 s, and half of 3 % of 8,000 s are as much."""
    walk = Walk(factor=1.0)
    walk.begun(seconds, steps, left)
    assert any(walk.take(20)) is recorded
