"""Modules of single files, which no other process can import by their names: this process tells which it has loaded."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

_loaded: dict[str, str] = {}


def load(name: str, path: str) -> ModuleType:
    """Run a Python file as the module `name`, so that dotted paths lead to its classes. Raises what the file raises."""
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be read as Python")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _loaded[name] = path
    return module


def loaded() -> tuple[tuple[str, str], ...]:
    """Return name and path of each file that was loaded, in this order, for a process that is to load them as well."""
    return tuple(_loaded.items())
