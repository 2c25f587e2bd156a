"""A plugin for pytest that tells of a law that failed what to do: part of `asc.testing.pytest_plugin`.

A law's docstring says it after "If it fails:", and stands beneath the failure whatever `--tb` is.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any

import pytest

from asc.testing.laws import Laws, laws_of

_MARK = "If it fails: "
_ELSEWHERE = "; see test_"  # another law is about what happened, and says what to do


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a law's own sentence without the lines of the kit around it, and below it what to do."""
    report = yield
    told = remedy(item)
    if told is not None and call.excinfo is not None and isinstance(call.excinfo.value, AssertionError):
        if _says_it_all(call.excinfo) and item.config.getoption("tbstyle") == "auto":
            report.longrepr = call.excinfo.getrepr(style="value", chain=False)
        shown: Any = report.longrepr
        if hasattr(shown, "addsection") and _ELSEWHERE not in str(call.excinfo.value):
            shown.addsection("if it fails", told)
    return report


def remedy(item: pytest.Item) -> str | None:
    """Return what to do where a law fails; None for a test that is no law."""
    kind, name = getattr(item, "cls", None), getattr(item, "originalname", item.name)
    if not (isinstance(kind, type) and issubclass(kind, Laws)):
        return None
    if name not in laws_of(kind):
        return None
    _, mark, told = (inspect.getdoc(getattr(kind, name)) or "").partition(_MARK)
    return told if mark else None


def _says_it_all(found: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether it is the kit's own sentence, and not an error elsewhere, whose place is to be seen."""
    raised_by = str(found.traceback[-1].frame.f_globals.get("__name__", ""))
    return found.value.__cause__ is None and raised_by.startswith("asc.testing.")
