"""ASC_TRACE_HOOKS shows each call of a hook on standard error, and changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from asc.errors import AscError
from asc.plugins import load
from tests.plugins.conftest import Write

WATCHER = """
    import asc

    @asc.hookimpl
    def asc_register(registry):
        pass

    @asc.hookimpl
    def asc_run_started(run):
        pass

    @asc.hookimpl
    def asc_boundary(boundary):
        raise ValueError("enough")

    @asc.hookimpl
    def asc_run_finished(run):
        return "done"
"""


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not for eyes")


def notified(file: Any, environ: dict[str, str]) -> list[str]:
    """Call all hooks of a watcher; return the faults that were told."""
    faults: list[str] = []
    run: Any = Unshowable()
    notifier = load([file], {"ASC_LOAD_PLUGINS": "", **environ}).notifier(faults.append)
    notifier.run_started(run)
    notifier.boundary(run, "x" * 1000)  # type: ignore[arg-type]
    notifier.run_finished(run, {"state": "finished"})
    return faults


def test_each_call_is_shown_with_its_plugin_its_values_and_its_end(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("watcher.py", WATCHER)
    faults = notified(file, {"ASC_TRACE_HOOKS": "1"})
    (why,) = faults
    assert "asc_boundary raised ValueError: enough (watcher.py, line 14)" in why
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0] == "asc_register of builtin [hook]"
    assert lines[1].startswith("    registry: <asc.plugins.registry.Registry object")
    assert lines[2] == "  asc_register of builtin --> None [hook]"
    line = Unshowable.__repr__.__code__.co_firstlineno + 1
    unshowable = f"    run: Unshowable, whose repr raised RuntimeError: not for eyes (test_tracing.py, line {line})"
    assert lines[6:] == [
        f"asc_run_started of {file} [hook]",
        unshowable,
        f"  asc_run_started of {file} --> None [hook]",
        f"asc_boundary of {file} [hook]",
        unshowable,
        f"    boundary: '{'x' * 198}…",
        f"  asc_boundary of {file} raised ValueError: enough (watcher.py, line 14) [hook]",
    ], "and a plugin that was switched off is not called again"


@pytest.mark.parametrize("environ", [{}, {"ASC_TRACE_HOOKS": ""}, {"ASC_TRACE_HOOKS": "0"}])
def test_nothing_is_shown_otherwise(environ: dict[str, str], write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(notified(write("watcher.py", WATCHER), environ)) == 1
    assert capsys.readouterr() == ("", "")


def test_another_value_is_refused() -> None:
    with pytest.raises(AscError) as caught:
        load(environ={"ASC_TRACE_HOOKS": "yes"})
    assert str(caught.value) == (
        'ASC_TRACE_HOOKS is "yes"; expected 1, to show each call of a hook on standard error, or 0.'
    )
