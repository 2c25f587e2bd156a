from __future__ import annotations

from asc.views.speed import WINDOW, Speed


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


def test_a_restored_run_discards_readings_and_one_that_stands_still_has_no_estimate() -> None:
    speed = Speed()
    speed.note(0.0, 100)
    speed.note(1.0, 50)
    assert speed.rate() is None
    speed.note(2.0, 50)
    assert speed.rate() == 0.0
    assert speed.remaining(100) is None
