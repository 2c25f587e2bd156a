"""A simulated run is the real run of a program, but for its time."""

from __future__ import annotations

import pytest

pytest.importorskip("asc_riscv")

from riscv_scale import Point, Prices, alone, simulate

PRICES = Prices(instruction_s=1e-9, tracking=1.25, submit_s=1e-6, copied_byte_s=1e-10)


def test_it_ends_in_the_state_of_the_plain_run_and_is_no_faster_than_its_workers() -> None:
    found = simulate("collatz", Point(60_000, 1000, 64), PRICES)
    assert found["digest"] == alone("collatz", 60_000)
    assert found["accepted"] > 64
    assert 1 < found["speedup"] < 1 + 64 / 1.25
    assert found["busy"] <= 1.0
    assert found["seconds"] > found["plain_s"] / (1 + 64 / 1.25)
