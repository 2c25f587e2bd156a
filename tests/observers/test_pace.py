from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asc.records.pace import Pace
from asc.views.speed import WINDOW, Speed


@given(st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=200))
def test_a_pace_is_kept_however_often_it_is_asked(times: list[float]) -> None:
    pace = Pace(every=0.25)
    said = [time for time in sorted(times) if pace.due(time)]
    assert said[0] == min(times)
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(said))


def test_the_first_time_can_come_sooner() -> None:
    pace = Pace(every=5.0, first=1.0)
    pace.start(100.0)
    assert [time for time in (100.5, 101.0, 101.5, 105.9, 106.0) if pace.due(time)] == [101.0, 106.0]


def test_slow_speaking_makes_it_seldom() -> None:
    pace = Pace(every=0.25)
    assert pace.due(10.0)
    pace.spent(0.1)  # at a fiftieth of the time: five seconds
    assert not pace.due(14.9)
    assert pace.due(15.0)


def test_a_clock_that_is_set_back_does_not_silence() -> None:
    pace = Pace(every=0.25)
    assert pace.due(1_000.0)
    assert pace.due(400.0)
    assert not pace.due(400.1)


def test_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.rate() is None
    assert speed.remaining(10) is None
    for second in range(100):
        speed.note(float(second), second if second < 50 else 50 + 10 * (second - 50))
    assert speed.rate() == 10.0
    assert speed.remaining(1_540) == 100.0
    assert speed.remaining(None) is None
    assert speed.remaining(0) == 0.0
    assert WINDOW < 50


def test_a_restored_run_starts_afresh_and_a_standing_one_promises_nothing() -> None:
    speed = Speed()
    speed.note(0.0, 100)
    speed.note(1.0, 50)
    assert speed.rate() is None
    speed.note(2.0, 50)
    assert speed.rate() == 0.0
    assert speed.remaining(100) is None
