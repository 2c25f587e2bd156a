"""A plugin for pytest: `pytest -p asc.testing.pytest_plugin` shows failure hints, and what components cost.

A law's docstring has its hint after "If it fails:". The hint is shown beneath the failure, whatever `--tb` is.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import pytest

from asc.testing.effort import Cost
from asc.testing.laws import Laws, laws_of

_HINT = "If it fails: "
_OTHER_LAW = "; see test_"  # the failure is about another law, which has the hint
_COST_LAW = "test_cost_is_reported"
_SLOW_S = 0.005  # a call of a built-in component takes less than a millisecond


class _Row(NamedTuple):
    owner: str  # class of the test
    call: str
    cost: Cost


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a law's own sentence without the lines of the kit around it, and the hint beneath."""
    report = yield
    hint = failure_hint(item)
    if hint is not None and call.excinfo is not None and isinstance(call.excinfo.value, AssertionError):
        if _is_sentence(call.excinfo) and item.config.getoption("tbstyle") == "auto":
            report.longrepr = call.excinfo.getrepr(style="value", chain=False)
        shown: Any = report.longrepr
        if hasattr(shown, "addsection") and _OTHER_LAW not in str(call.excinfo.value):
            shown.addsection("if it fails", hint)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print time and memory of each call, by test class, and a remark on slow calls; nothing fails by it."""
    rows = [
        _Row(report.nodeid.split("::")[-2], name, Cost(*value))
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and report.nodeid.endswith(f"::{_COST_LAW}")
        for name, value in report.user_properties
    ]
    if rows:
        terminalreporter.section("cost of a call")
        owner, call = (max(len(row[column]) for row in rows) for column in (0, 1))
        for row in rows:
            terminalreporter.line(f"{row.owner:<{owner}}  {row.call:<{call}}  {row.cost}")
        for remark in _remarks(rows):
            terminalreporter.line(remark)


def failure_hint(item: pytest.Item) -> str | None:
    """Return what to do where a law fails; None for a test that is no law."""
    kind, name = getattr(item, "cls", None), getattr(item, "originalname", item.name)
    if not (isinstance(kind, type) and issubclass(kind, Laws)) or name not in laws_of(kind):
        return None
    _, mark, hint = (inspect.getdoc(getattr(kind, name)) or "").partition(_HINT)
    return hint if mark else None


def _is_sentence(failure: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the failure is the kit's own sentence, and not an error in other code, whose lines must be shown."""
    raised_by = str(failure.traceback[-1].frame.f_globals.get("__name__", ""))
    return failure.value.__cause__ is None and raised_by.startswith("asc.testing.")


def _remarks(rows: list[_Row]) -> Iterator[str]:
    """Yield a line for each class of tests with slow calls, about the slowest."""
    for owner in dict.fromkeys(row.owner for row in rows):
        slowest = max((row for row in rows if row.owner == owner), key=lambda row: row.cost.seconds)
        if slowest.cost.seconds > _SLOW_S:
            yield (
                f"{owner}: {slowest.call} takes {slowest.cost.seconds * 1e3:,.0f} ms a call: "
                "worth it only where a boundary of the run takes much longer."
            )
