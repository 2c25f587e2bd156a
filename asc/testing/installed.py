"""A component as `asc` finds it: a test that calls the class itself passes even where `asc` does not find the class."""

from __future__ import annotations

from typing import Any

from asc.errors import AscError
from asc.plugins import load


def installed(kind: str, name: str) -> Any:
    """Make a component as a run does: by its name, with default settings, from the plugins that are installed.

        def test_asc_finds_it() -> None:
            assert isinstance(installed("predictor", "mine"), Mine)

    Raises AssertionError where the component's plugin does not load or does not announce it, or where the component
    cannot be made, with the sentence that `asc plugins` or a run prints. A change of `pyproject.toml` counts after the
    next `pip install`.
    """
    __tracebackhide__ = True
    plugins = load()
    try:
        return plugins.registry.create(kind, name)
    except AscError as error:
        sentence = str(error)
    failed = [status.error for status in plugins.statuses if status.error is not None and status.error not in sentence]
    missing = name not in plugins.registry.names(kind)
    again = (
        ["If pyproject.toml has changed, or the package was never installed here, type: pip install -e ."]
        if missing
        else []
    )
    raise AssertionError("\n".join([*failed, sentence, *again]))
