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
import asc_riscv
import asc_toy
from asc_reference.markdown import escaped, page, table, toctree

MODULES = (
    "asc.types",
    "asc.settings",
    "asc.hookspecs",
    "asc.predictor",
    "asc.recognizer",
    "asc.validator",
    "asc.computation",
    "asc.backend",
    "asc.records.checkpoint",
    "asc.study",
    "asc.config.run",
    "asc.speculators.pool",
    "asc.processes",
    "asc.cache",
    "asc.assemble",
    "asc.engine",
    "asc.errors",
    "asc.words",
    "asc.validators.scores",
    "asc_nn_training.testing",
)
"""Modules of which everything is public."""

FRONTS: tuple[ModuleType, ...] = (asc.predictors, asc.recognizers, asc.testing, asc_toy, asc_nn_training, asc_riscv)
"""Packages whose public names are those that they hand out themselves."""

ELSEWHERE = {"__version__": "the installed version of the core", "hookimpl": "[hooks](hooks.md)"}
"""The public names of `asc` that no module describes."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield a page for each module, and one that lists all of them."""
    for name in MODULES:
        everything = _directive("automodule", name, ":members:", ":show-inheritance:")
        yield f"api/{name}.md", page(f"# {name}", everything)
    for front in FRONTS:
        described = (_directive(_kind(front, name), f"{front.__name__}.{name}") for name in front.__all__)
        yield f"api/{front.__name__}.md", page(f"# {front.__name__}", _first(front), *described)
    names = [*MODULES, *(front.__name__ for front in FRONTS)]
    rows = [(f"[{name}](api/{name}.md)", escaped(_first(import_module(name)))) for name in names]
    yield (
        "api.md",
        page(
            "# Python interface",
            "`asc` itself exports what authors of plugins and backends need most:",
            table(("name", "described in"), ((f"`asc.{name}`", _home(name)) for name in asc.__all__)),
            "Modules:",
            table(("module", "what is in it"), rows),
            toctree(f"api/{name}" for name in names),
        ),
    )


def _home(name: str) -> str:
    home = getattr(getattr(asc, name), "__module__", "")
    return ELSEWHERE.get(name, f"[{home}](api/{home}.md)")


def _kind(front: ModuleType, name: str) -> str:
    value = getattr(front, name)
    return "autoclass" if isinstance(value, type) else "autofunction" if inspect.isroutine(value) else "autodata"


def _directive(kind: str, name: str, *options: str) -> str:
    given = options or {"autoclass": (":members:", ":show-inheritance:"), "autodata": (":no-value:",)}.get(kind, ())
    return "\n".join(["```{eval-rst}", f".. {kind}:: {name}", *(f"   {option}" for option in given), "```"])


def _first(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[0]
