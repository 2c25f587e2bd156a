"""A plugin for pytest that shows what the components under the laws cost: `pytest -p asc.testing.costs`."""

from __future__ import annotations

from typing import Any

import pytest

_LAW = "test_cost_is_reported"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print time and memory of each call, by test class."""
    rows: list[tuple[str, Any, Any]] = [
        (report.nodeid.split("::")[-2], name, value)
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and report.nodeid.endswith(f"::{_LAW}")
        for name, value in report.user_properties
    ]
    if rows:
        terminalreporter.section("cost of a call")
        widths = [max(len(str(row[column])) for row in rows) for column in (0, 1)]
        for owner, name, value in rows:
            terminalreporter.line(f"{owner:<{widths[0]}}  {name:<{widths[1]}}  {value}")
