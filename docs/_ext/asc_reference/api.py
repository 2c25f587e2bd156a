"""The Python interface: a page for each public module, written by Sphinx from its docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import asc
import asc.predictors
import asc.recognizers
import asc.testing
import asc_nn_training
import asc_toy
from asc_reference.markdown import escaped, page, table, toctree

MODULES = (
    "asc.computation",
    "asc.types",
    "asc.hookspecs",
    "asc.backend",
    "asc.allocator",
    "asc.study",
    "asc.config.run",
    "asc.settings",
    "asc.errors",
    "asc.words",
    "asc.validators.scores",
    "asc_nn_training.testing",
)
"""Modules of which everything is public."""

FRONTS: tuple[ModuleType, ...] = (asc.predictors, asc.recognizers, asc.testing, asc_toy, asc_nn_training)
"""Packages whose public names are those that they hand out themselves."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield a page for each module, and one that lists all of them."""
    for name in MODULES:
        yield f"api/{name}.md", page(f"# {name}", _directive("automodule", name, ":members:"))
    for front in FRONTS:
        described = (_directive(_kind(front, name), f"{front.__name__}.{name}") for name in front.__all__)
        yield f"api/{front.__name__}.md", page(f"# {front.__name__}", _first(front), *described)
    names = [*MODULES, *(front.__name__ for front in FRONTS)]
    rows = [(f"[{name}](api/{name}.md)", escaped(_first(import_module(name)))) for name in names]
    yield (
        "api.md",
        page(
            "# Python interface",
            "What authors of plugins need most is handed out by `asc` itself:",
            table(("name", "described in"), ((f"`asc.{name}`", _home(name)) for name in asc.__all__)),
            "Modules:",
            table(("module", "what is in it"), rows),
            toctree(f"api/{name}" for name in names),
        ),
    )


def _home(name: str) -> str:
    home = getattr(getattr(asc, name), "__module__", "")
    return f"[{home}](api/{home}.md)" if home in MODULES else {"hookimpl": "[hooks](hooks.md)"}.get(name, "")


def _kind(front: ModuleType, name: str) -> str:
    value = getattr(front, name)
    return "autoclass" if isinstance(value, type) else "autofunction" if inspect.isroutine(value) else "autodata"


def _directive(kind: str, name: str, *options: str) -> str:
    given = options or {"autoclass": (":members:",), "autodata": (":no-value:",)}.get(kind, ())
    return "\n".join(["```{eval-rst}", f".. {kind}:: {name}", *(f"   {option}" for option in given), "```"])


def _first(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[0]
