"""Whose code it is: the user's own, or a library's. Only the user's own code is walked."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from importlib.util import find_spec
from os.path import abspath, normcase, sep
from types import CodeType, ModuleType
from typing import Any

_FOLDERS = tuple(
    {
        normcase(abspath(folder)) + sep
        for folder in (
            *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
            *site.getsitepackages(),
            site.getusersitepackages(),
        )
        if folder
    }
)
_MACHINERY = frozenset({"asc", "asc_toy"})

_PURE = frozenset(
    {
        *("abc", "array", "ast", "base64", "binascii", "bisect", "builtins", "cmath", "codecs", "collections"),
        *("colorsys", "contextlib", "copy", "copyreg", "csv", "dataclasses", "datetime", "decimal", "difflib"),
        *("enum", "fractions", "functools", "graphlib", "hashlib", "heapq", "html", "itertools", "json"),
        *("keyword", "math", "numbers", "numpy", "operator", "random", "re", "reprlib", "stat", "statistics"),
        *("string", "struct", "textwrap", "token", "tokenize", "torch", "types", "typing", "unicodedata"),
        *("weakref", "zlib"),
    }
)
"""Libraries whose functions ask no clock, read no file, and show nothing."""

_GUARDED = frozenset(
    {
        *("asyncio", "concurrent", "configparser", "genericpath", "getpass", "gettext", "glob", "io", "linecache"),
        *("locale", "logging", "multiprocessing", "ntpath", "os", "pathlib", "pickle", "platform", "posixpath"),
        *("pprint", "queue", "secrets", "shutil", "signal", "socket", "subprocess", "sys", "tempfile"),
        *("threading", "time", "traceback", "uuid", "warnings", "_pydecimal", "numpy", "torch"),
    }
)
"""Libraries that do such things only by functions that `guard` knows."""

_ASKING = frozenset({"numpy.lib._npyio_impl", "numpy.lib._datasource", "numpy.lib._format_impl", "torch.serialization"})


@lru_cache(maxsize=4096)
def is_library_file(file: str) -> bool:
    """Whether a source file belongs to the standard library or to an installed package."""
    return file.startswith("<frozen ") or normcase(abspath(file)).startswith(_FOLDERS)


def is_machinery(module: str) -> bool:
    """Whether a module is part of this project, and no program to run."""
    return module.partition(".")[0] in _MACHINERY and not module.startswith(("asc_toy.programs.", "asc.reference."))


def is_pure(module: str) -> bool:
    """Whether the functions of a library's module do nothing beside computing."""
    return (module.partition(".")[0].removeprefix("_") in _PURE and module not in _ASKING) or is_machinery(module)


def is_guarded_library(module: str) -> bool:
    """Whether a guard notices everything that the functions of a library's module do beside computing."""
    return is_pure(module) or module.partition(".")[0] in _GUARDED


class Origin:
    """Tells the user's code from a library's. The packages of the step itself are the user's, wherever they are."""

    def __init__(self, functions: Iterable[Callable[..., Any]] = ()) -> None:
        self._packages = {_package(function) for function in functions} - sys.stdlib_module_names - {"numpy", "torch"}

    def is_users_code(self, code: CodeType, module: str) -> bool:
        """Whether a code object, with the globals of this module, is the user's."""
        return self._is_users(module, code.co_filename)

    def is_users_module(self, module: ModuleType) -> bool:
        """Whether a module is the user's."""
        file = getattr(module, "__file__", None)
        return self._is_users(module.__name__, file or next(iter(getattr(module, "__path__", ())), None))

    def is_users_name(self, module: str) -> bool:
        """Whether a module of this name, loaded or not, is the user's."""
        if module in sys.modules:
            return self.is_users_module(sys.modules[module])
        top = module.partition(".")[0]
        try:
            spec = find_spec(top)
        except (ImportError, ValueError):
            return False
        if spec is None:
            return False
        return self._is_users(top, spec.origin or next(iter(spec.submodule_search_locations or ()), None))

    def _is_users(self, module: str, file: str | None) -> bool:
        top = module.partition(".")[0]
        if is_machinery(module):
            return False
        if top in self._packages or top == "__main__":
            return True
        if file is None or file.startswith("<"):  # built into Python, or made from text
            return file is not None and self._is_users_text(top)
        return not is_library_file(file)

    def _is_users_text(self, module: str) -> bool:
        """Whether code that has no file belongs to the user: its globals may be those of a library's module."""
        file = getattr(sys.modules.get(module), "__file__", None)
        return module not in sys.stdlib_module_names and (file is None or not is_library_file(file))


def _package(function: Callable[..., Any]) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None)).partition(".")[0]
