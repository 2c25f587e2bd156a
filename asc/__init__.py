"""Speculative computation: predict the states a computation will reach, check the prediction, and jump.

The names that authors of plugins and backends need. Each is imported when it is first used, so that `import asc` costs
next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # the name that type checkers know; importing `typing` would cost more than all the rest
if TYPE_CHECKING:
    from asc.errors import AscError
    from asc.hookspecs import hookimpl
    from asc.settings import Settings
    from asc.types import Candidate, Combination, Direct, Outcome, Recognition, Snapshot, Transition, Verdict

    __version__: str

__all__ = [
    "AscError",
    "Candidate",
    "Combination",
    "Direct",
    "Outcome",
    "Recognition",
    "Settings",
    "Snapshot",
    "Transition",
    "Verdict",
    "__version__",
    "hookimpl",
]

_HOMES = {"AscError": "asc.errors", "Settings": "asc.settings", "hookimpl": "asc.hookspecs"}


def _load(name: str) -> object:
    """Import a public name on its first use."""
    if name not in __all__:
        raise AttributeError(f"module 'asc' has no attribute {name!r}")
    value = _version() if name == "__version__" else getattr(import_module(_HOMES.get(name, "asc.types")), name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # type checkers are to report a misspelt name
    __getattr__ = _load


def __dir__() -> list[str]:
    """List the public names, whether imported already or not."""
    return sorted({*globals(), *__all__})


def _version() -> str:
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version("asc-core"))
    except metadata.PackageNotFoundError:  # a checkout on the path that was never installed
        return "0+unknown"
