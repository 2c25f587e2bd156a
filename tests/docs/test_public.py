"""What authors of plugins may rely on: described, typed, and enough for the packages that are examples."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asc_toy")
pytest.importorskip("asc_nn_training")

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from asc_reference.api import FRONTS, MODULES  # noqa: E402 -- the extension of the site lies beside its pages

PUBLIC = ("asc", *MODULES, *(front.__name__ for front in FRONTS))


def public() -> Iterator[tuple[str, Any]]:
    """Yield each public class and function by its full name, and each public method of a class that is ours."""
    for module in map(import_module, PUBLIC):
        for name in getattr(module, "__all__", vars(module)):
            value = getattr(module, name)
            if name.startswith("_") or not str(getattr(value, "__module__", "")).startswith("asc"):
                continue
            if inspect.isclass(value):
                yield f"{module.__name__}.{name}", value
                for method, found in vars(value).items():
                    if not method.startswith("_") and (inspect.isfunction(found) or isinstance(found, property)):
                        yield f"{module.__name__}.{name}.{method}", found
            elif inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def test_every_public_name_says_what_it_is() -> None:
    bare = [name for name, value in public() if not (value.__doc__ or "").strip()]
    assert not bare


def test_every_public_function_is_typed() -> None:
    bare = []
    for name, value in public():
        function = value.fget if isinstance(value, property) else value
        if inspect.isclass(function):
            continue
        signature = inspect.signature(function)
        untyped = [
            given.name
            for given in signature.parameters.values()
            if given.annotation is given.empty and given.name not in ("self", "cls")
        ]
        if untyped or signature.return_annotation is signature.empty:
            bare.append(name)
    assert not bare


def test_there_is_something_to_look_at() -> None:
    assert len(dict(public())) > 200


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "examples" / "third_party_plugin").rglob("*.py")),
        *sorted((ROOT / "asc" / "scaffold").rglob("*.py.tmpl")),
        ROOT / "examples" / "my_predictor.py",
        ROOT / "examples" / "my_recognizer.py",
    ],
    ids=lambda path: path.name,
)
def test_packages_of_others_need_public_names_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("$", "")
    for node in ast.walk(ast.parse(text)):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        ours = [name for name in modules if name and name.split(".")[0] in {"asc", "asc_toy", "asc_nn_training"}]
        assert set(ours) <= set(PUBLIC), ours
