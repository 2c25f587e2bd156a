"""The core's own components, and the promise that naming them imports none of them."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

from asc.config.fields import settings
from asc.plugins import load

REGISTRY = load(environ={"ASC_LOAD_PLUGINS": ""}).registry
ENTRIES = REGISTRY.entries()


def test_these_are_built_in() -> None:
    assert {kind: REGISTRY.names(kind) for kind in ("recognizer", "predictor", "validator", "backend", "study")} == {
        "recognizer": ("always", "every", "recurring", "similarity"),
        "predictor": (
            *("affine", "cascade", "ensemble", "last-value", "linear", "logistic"),
            *("mean", "memory", "most-frequent", "polynomial", "quadratic"),
        ),
        "validator": ("adaptive", "paired", "proximity", "strict", "synthetic"),
        "backend": (),
        "study": (),
    }


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_can_be_made_and_explains_itself(entry: object) -> None:
    from asc.plugins import Entry

    assert isinstance(entry, Entry)
    component = REGISTRY.create(entry.kind, entry.name)
    assert type(component) is entry.load()
    assert inspect.cleandoc(type(component).__doc__ or "")
    assert all(setting.description for setting in settings(entry.load_config()))
    assert entry.source.distribution == "asc-core"


def imported(statement: str) -> set[str]:
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nimport json\n"
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_next_to_nothing() -> None:
    modules = imported("import asc")
    assert not {name for name in modules if name.startswith("asc.")}
    assert modules.isdisjoint({"numpy", "pydantic", "pluggy", "typing", "rich", "importlib.metadata"})


def test_the_types_for_authors_need_neither_numpy_nor_pydantic() -> None:
    modules = imported("import asc\nasc.Combination, asc.Direct, asc.hookimpl, asc.AscError, asc.__version__")
    assert modules.isdisjoint({"numpy", "pydantic", "rich"})


def test_loading_plugins_imports_no_component() -> None:
    modules = imported("from asc.plugins import load\nload(environ={'ASC_LOAD_PLUGINS': ''})")
    assert modules.isdisjoint({"numpy", "pydantic", "rich", "click", "torch"})
    assert not {name for name in modules if name.startswith(("asc.predictors", "asc.recognizers", "asc.validators"))}
