"""Speculative computation: predict the states that a computation will reach, check the prediction, and leap.

The names that authors of plugins and backends need. Each is imported when it is first used, so that `import asc` costs
next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # the name that type checkers know; importing `typing` would cost more than all the rest
if TYPE_CHECKING:
    from asc.backend import Backend
    from asc.computation import Computation, Executable
    from asc.config.run import ExecutedConfig, JudgedConfig
    from asc.errors import AscError
    from asc.hookspecs import hookimpl
    from asc.predictor import History, Predictor
    from asc.recognizer import Recognizer
    from asc.settings import Settings
    from asc.speculators.pool import Pool
    from asc.study import Study
    from asc.types import Candidate, Combination, Direct, Outcome, Recognition, Snapshot, Transition, Verdict
    from asc.validator import Validator

    __version__: str

__all__ = [
    "AscError",
    "Backend",
    "Candidate",
    "Combination",
    "Computation",
    "Direct",
    "Executable",
    "ExecutedConfig",
    "History",
    "JudgedConfig",
    "Outcome",
    "Pool",
    "Predictor",
    "Recognition",
    "Recognizer",
    "Settings",
    "Snapshot",
    "Study",
    "Transition",
    "Validator",
    "Verdict",
    "__version__",
    "hookimpl",
]

_HOMES = {
    "AscError": "asc.errors",
    "Backend": "asc.backend",
    "Computation": "asc.computation",
    "Executable": "asc.computation",
    "ExecutedConfig": "asc.config.run",
    "History": "asc.predictor",
    "JudgedConfig": "asc.config.run",
    "Pool": "asc.speculators.pool",
    "Predictor": "asc.predictor",
    "Recognizer": "asc.recognizer",
    "Settings": "asc.settings",
    "Study": "asc.study",
    "Validator": "asc.validator",
    "hookimpl": "asc.hookspecs",
}


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
