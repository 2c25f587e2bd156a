from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asc.records.pace import Pace


@given(st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=200))
def test_reports_keep_their_distance_however_often_the_pace_is_asked(times: list[float]) -> None:
    pace = Pace(every=0.25)
    due = [time for time in sorted(times) if pace.due(time)]
    assert due[0] == min(times)
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(due))


def test_the_first_time_can_come_sooner() -> None:
    pace = Pace(every=5.0, first=1.0)
    pace.start(100.0)
    assert [time for time in (100.5, 101.0, 101.5, 105.9, 106.0) if pace.due(time)] == [101.0, 106.0]


def test_slow_reports_come_less_often() -> None:
    pace = Pace(every=0.25)
    assert pace.due(10.0)
    pace.spent(0.1)  # at a fiftieth of the time: five seconds
    assert not pace.due(14.9)
    assert pace.due(15.0)
