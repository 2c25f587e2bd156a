"""A component as `asc` finds it: a test that calls the class itself passes on a package that nobody can use."""

from __future__ import annotations

from typing import Any

from asc.errors import AscError
from asc.plugins import load


def installed(kind: str, name: str) -> Any:
    """Make a component as a run does: by its name, from its default settings, out of the plugins that are installed.

        def test_asc_finds_it() -> None:
            assert isinstance(installed("predictor", "mine"), Mine)

    Raises AssertionError with the sentence that `asc plugins` or a run would say where its plugin does not load, does
    not announce it, or where it cannot be made. What `pyproject.toml` says counts as it was at the last `pip install`.
    """
    __tracebackhide__ = True
    plugins = load()
    try:
        return plugins.registry.create(kind, name)
    except AscError as error:
        said = str(error)
    failed = [status.error for status in plugins.statuses if status.error is not None and status.error not in said]
    missing = name not in plugins.registry.names(kind)
    again = ["If pyproject.toml has changed, or it was never installed here, type: pip install -e ."] if missing else []
    raise AssertionError("\n".join([*failed, said, *again]))
