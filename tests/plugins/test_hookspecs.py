"""The hooks are documented where they are specified, completely."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from asc import hookspecs
from asc.plugins.check import HOOKS


def test_these_are_the_hooks() -> None:
    assert HOOKS == {
        "asc_boundary": ("run", "boundary"),
        "asc_demo_pages": (),
        "asc_progress": ("run",),
        "asc_register": ("registry",),
        "asc_run_finished": ("run", "summary"),
        "asc_run_started": ("run",),
    }


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_says_when_it_is_called_what_it_is_given_and_what_it_may_return(name: str) -> None:
    hook: Any = getattr(hookspecs, name)
    text = inspect.getdoc(hook) or ""
    assert "Called " in text.partition("Args:")[0]
    described = re.findall(r"^    (\w+): \w", text, re.MULTILINE)
    assert described == list(inspect.signature(hook).parameters)
    assert re.search(r"^Returns:\n    \w", text, re.MULTILINE)


def test_the_module_shows_a_whole_plugin(write: Any) -> None:
    from asc.plugins import load

    example = re.search(r"\n\n((?:    .*\n|\n)+)", hookspecs.__doc__ or "")
    assert example is not None
    plugins = load([write("shown.py", example.group(1))], {"ASC_LOAD_PLUGINS": ""})
    assert plugins.registry.get("predictor", "mine").summary == "predicts as I would"
