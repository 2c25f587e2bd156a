"""The benchmark of realistic programs: it sees each kind of outcome, and its table counts them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import own_loop
import programs as benchmark
import pytest
from steps import BY_NAME
from tables import programs as table

from asc.errors import AscError

CASE = BY_NAME["round_robin"]
SUMMARY = {"reason": "All is well.", "hit_rate": 0.5, "accepted": 1, "rejected": 0, "skipped": 100}


def plainly(step: Any, values: dict[str, Any], n: int) -> Any:
    state = own_loop.Plain(values)
    own_loop.loop(step, state, n)
    return SimpleNamespace(state=dict(vars(state)), summary=SUMMARY, report="1.00x")


def one_too_many(step: Any, values: dict[str, Any], n: int) -> Any:
    result = plainly(step, values, n)
    result.state["finished"][3] += 1
    return result


def raises(error: Exception) -> Any:
    def call(*_: Any) -> Any:
        raise error

    return call


def test_an_equal_end_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "accelerate", plainly)
    found = benchmark.pair(CASE, 200, 0)
    assert found["exact"]
    assert found["net_speedup"] == found["own_s"] / found["accelerated_s"]
    assert found["skipped"] == 0.5


def test_a_different_end_is_shown_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "accelerate", one_too_many)
    found = benchmark.pair(CASE, 200, 0)
    assert not found["exact"]
    assert found["difference"].startswith("['finished'][3]: ")


def test_a_refusal_and_a_failure_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "accelerate", raises(AscError("The step prints.")))
    assert benchmark.pair(CASE, 200, 0)["refused"] == "The step prints."
    monkeypatch.setattr(benchmark, "accelerate", raises(ValueError("a slip")))
    assert benchmark.pair(CASE, 200, 0)["failed"].startswith("ValueError: a slip")


def row(label: str, net: float, of_bound: float | None, **changes: Any) -> dict[str, Any]:
    """Return a row of a result file."""
    spread = {"median": net, "low": net, "high": net}
    found: dict[str, Any] = {
        "label": label, "kind": "none", "pairs": [{}], "own_s": spread, "net_speedup": spread, "of_bound": of_bound,
        "untracked": spread, "exact": True, "outcome": "exact", "met": True, "sentence": "It is so.",
    }  # fmt: skip
    return found | ({"bound": spread} if of_bound is not None else {}) | changes


def test_the_table_counts_what_is_exact_slow_and_short_of_its_bound() -> None:
    rows = [
        row("one", 1.8, 0.95),
        row("two", 1.2, 0.6),
        row("three", 0.98, None),
        row("four", 0.9, None, exact=False, outcome="different"),
    ]
    refused = row("five", 0.0, None, exact=False, outcome="refused", sentence="It holds a | file.")
    del refused["net_speedup"]
    ratio = {"median": 1.01, "low": 1.0, "high": 1.02}
    machine = {"cores": 2, "processor": "some"}
    page = table({"machine": machine, "rows": [*rows, refused], "attributes": {"SimpleNamespace": ratio}})
    assert "**3 of 5 end with the types and bits" in page
    assert "1 of 4 are below 0.97. 1 of 2 that should gain miss 0.9 of the bound.**" in page
    assert "| five | none |  |  |  |  |  | refused | yes | It holds a \\| file. |" in page
    assert "1.010 (1.000–1.020) of that of SimpleNamespace" in page
