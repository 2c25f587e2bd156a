"""Functions whose result is no function of the state: clocks, chance, files. And those that show something."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, Literal, NamedTuple

import numpy as np

Kind = Literal["clock", "chance", "file", "thread", "output", "identity"]

REMEDIES: Final[Mapping[Kind, str]] = {
    "clock": "read the clock before the run, and put what the step needs of it into the state",
    "chance": "put random.Random(seed) into the state, and draw from it",
    "file": "read before the run, or in a function that is marked with @query; write after the run, or within "
    "`with state.once()`",
    "thread": "start threads before the run",
    "output": "show things before or after the run",
    "identity": "ask before the run, and put the answer into the state",
}

_NAMES: Final[Mapping[str, Mapping[Kind, str]]] = {  # by module and kind
    "time": {
        "clock": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns "
        "thread_time thread_time_ns clock_gettime clock_gettime_ns localtime gmtime ctime asctime strftime"
    },
    "os": {
        "chance": "urandom getrandom",
        "clock": "times getloadavg",
        "identity": "getpid getppid",
        "file": "access chmod fork fstat fsync get_terminal_size kill link listdir lseek lstat mkdir open pread pwrite "
        "read readlink readv remove rename replace rmdir scandir sendfile stat statvfs symlink system truncate unlink "
        "utime write writev",
    },
    "_thread": {"thread": "start_new_thread start_joinable_thread"},
    "threading": {"identity": "get_ident get_native_id current_thread"},
    "builtins": {"output": "print", "file": "open input"},
    "numpy": {"file": "fromfile"},
    "warnings": {"output": "warn warn_explicit"},
}

_COMPLETE: Final = {"localtime": 1, "gmtime": 1, "ctime": 1, "asctime": 1, "strftime": 2}
"""With so many arguments, these do not ask the clock."""

NOW: Final = frozenset({"now", "today", "utcnow"})  # of the classes of `datetime`

_PHRASES: Final = {
    "print": "prints",
    "warn": "warns",
    "warn_explicit": "warns",
    "open": "opens a file",
    "input": "asks for input",
    "start_new_thread": "starts a thread",
    "start_joinable_thread": "starts a thread",
}

_SEEDED: Final = (
    *(random.Random, random.SystemRandom, np.random.default_rng, np.random.RandomState, np.random.SeedSequence),
    *(np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64),
)


class Source(NamedTuple):
    """One such function."""

    module: str
    name: str
    kind: Kind

    @property
    def does(self) -> str:
        """What a step does by calling it, as a phrase."""
        return _PHRASES.get(self.name, f"calls {self.module}.{self.name}")

    def asks(self, arguments: int) -> bool:
        """Whether a call with this many arguments does more than to give what the arguments decide."""
        if self.module == "warnings" and _are_ignored():
            return False
        return arguments < _COMPLETE.get(self.name, arguments + 1)


def _are_ignored() -> bool:
    """Whether no warning is shown now, whatever it says."""
    return bool(warnings.filters) and tuple(warnings.filters[0][:3]) == ("ignore", None, Warning)


def _functions() -> dict[int, tuple[Callable[..., Any], Source]]:
    found: dict[int, tuple[Callable[..., Any], Source]] = {}
    for module, kinds in _NAMES.items():
        for kind, names in kinds.items():
            for name in names.split():
                function = getattr(import_module(module), name, None)
                if function is not None:
                    found[id(function)] = (function, Source(module, name, kind))
    return found


FUNCTIONS: Final = _functions()
"""The functions that this platform has, by `id`."""


def names() -> set[str]:
    """Return the names of all these functions."""
    return {source.name for _, source in FUNCTIONS.values()}


def source_of(value: object) -> Source | None:
    """Return the source that a function is, if any."""
    found = FUNCTIONS.get(id(value))
    return found and found[1]


def may_draw_a_seed(value: object) -> bool:
    """Whether a call without arguments makes a generator with a seed of the operating system."""
    return any(value is one for one in _SEEDED)


STREAMS: Final[list[object]] = [sys.__stdin__, sys.__stdout__, sys.__stderr__]
"""Streams that belong to the process as a whole, with those that have been the standard streams."""

STREAM_CALLS: Final[Mapping[str, tuple[Kind, str]]] = {
    **dict.fromkeys(("write", "writelines", "buffer"), ("output", "prints")),
    **dict.fromkeys(("read", "readline", "readlines"), ("file", "reads input")),
}


def is_stream(value: object) -> bool:
    """Whether a value is one of the streams that belong to the process as a whole."""
    return value is not None and any(value is one for one in (sys.stdin, sys.stdout, sys.stderr, *STREAMS))


def asks(value: object) -> bool:
    """Whether a value is one of the functions, or one of the streams."""
    return id(value) in FUNCTIONS or is_stream(value)
