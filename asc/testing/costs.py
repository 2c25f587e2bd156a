"""A plugin for pytest that shows what the components under the laws cost: part of `asc.testing.pytest_plugin`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from asc.testing.effort import Cost

_LAW = "test_cost_is_reported"
_SLOW_S = 0.005  # a call of a built-in component takes less than a millisecond


class _Row(NamedTuple):
    """A call, and what it took."""

    owner: str  # class of the test
    call: str
    cost: Cost


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print time and memory of each call, by test class, and what a slow one means; nothing fails by it."""
    rows = [
        _Row(report.nodeid.split("::")[-2], name, Cost(*value))
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and report.nodeid.endswith(f"::{_LAW}")
        for name, value in report.user_properties
    ]
    if rows:
        terminalreporter.section("cost of a call")
        owner, call = (max(len(row[column]) for row in rows) for column in (0, 1))
        for row in rows:
            terminalreporter.line(f"{row.owner:<{owner}}  {row.call:<{call}}  {row.cost}")
        for remark in _remarks(rows):
            terminalreporter.line(remark)


def _remarks(rows: list[_Row]) -> Iterator[str]:
    """A line for each class of tests with slow calls, of the slowest."""
    for owner in dict.fromkeys(row.owner for row in rows):
        slowest = max((row for row in rows if row.owner == owner), key=lambda row: row.cost.seconds)
        if slowest.cost.seconds > _SLOW_S:
            yield (
                f"{owner}: {slowest.call} takes {slowest.cost.seconds * 1e3:,.0f} ms a call: "
                "worth it only where a boundary of the run takes much longer."
            )
