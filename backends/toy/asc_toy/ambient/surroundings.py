"""State of a process that results may depend on, whatever a step names: generators, modes, settings."""

from __future__ import annotations

import decimal
import locale
import os
import sys
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np

from asc_toy.ambient import generators

HASH_SEED: Final = "the seed of hashes (set PYTHONHASHSEED=0 before you start Python)"


class Aspect(NamedTuple):
    """One thing of the surroundings."""

    name: str
    read: Callable[[], Any]  # what is compared by ==
    change: str  # what a step does that changes it, and what to do instead
    apply: Callable[[Any], object] | None = None  # sets what was read, in another process or thread
    names: frozenset[str] = frozenset()  # only code with one of these names can ask for it
    is_shared: bool = True  # whether other processes must have the same


def _decimal() -> tuple[Any, ...]:
    """Return what decides results. The flags are left out: nearly every operation sets one."""
    now = decimal.getcontext()
    traps = tuple(now.traps.values())
    return traps, now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp


def _set_decimal(kept: tuple[Any, ...]) -> None:
    traps, *numbers = kept
    signals = decimal.getcontext().traps
    decimal.setcontext(decimal.Context(*numbers, [], [name for name, on in zip(signals, traps, strict=True) if on]))  # type: ignore[call-arg]


def _filters() -> list[Any]:
    """Return the filters of warnings. They decide results only where a filter makes an error of a warning."""
    filters = warnings.filters
    return list(filters) if any(entry[0] == "error" for entry in filters) else []


def _set_filters(kept: list[Any]) -> None:
    warnings.resetwarnings()
    for action, message, category, module, line in reversed(kept):
        warnings.filterwarnings(action, _pattern(message), category, _pattern(module), line)


def _pattern(expression: Any) -> str:
    return getattr(expression, "pattern", expression) or ""


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _set_folder(kept: str) -> None:
    with suppress(OSError):  # the fingerprint tells
        os.chdir(kept)


def _environment() -> dict[Any, Any]:
    known: dict[Any, Any] = os.environ._data  # type: ignore[attr-defined]  # os.environ itself decodes every text
    return known


def _set_environment(kept: dict[Any, Any]) -> None:
    given = {os.fsdecode(name): os.fsdecode(value) for name, value in kept.items()}
    for name in os.environ.keys() - given.keys():
        del os.environ[name]
    os.environ.update(given)


def _set_limits(kept: tuple[int, int]) -> None:
    sys.setrecursionlimit(kept[0])
    sys.set_int_max_str_digits(kept[1])


def _torch() -> tuple[Any, ...]:
    torch = sys.modules.get("torch")
    if torch is None:
        return True, "torch.float32", False  # as it will be imported
    return torch.is_grad_enabled(), str(torch.get_default_dtype()), torch.are_deterministic_algorithms_enabled()


def _set_torch(kept: tuple[Any, ...]) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_grad_enabled(kept[0])
        torch.set_default_dtype(getattr(torch, kept[1].removeprefix("torch.")))
        torch.use_deterministic_algorithms(kept[2])  # imports modules that set filters of warnings


_SHARED: Final = (
    Aspect("the modes of torch", _torch, "changes a mode of torch: set it before the run", _set_torch),
    Aspect(
        "the decimal context",
        _decimal,
        "changes the decimal context: set it before the run, or use `with decimal.localcontext()`",
        _set_decimal,
    ),
    Aspect(
        "numpy's handling of floating-point errors",
        np.geterr,
        "changes numpy's handling of errors: call np.seterr before the run, or use `with np.errstate(...)`",
        lambda kept: np.seterr(**kept),
    ),
    Aspect(
        "numpy's print options",
        np.get_printoptions,
        "changes numpy's print options: set them before the run, or use `with np.printoptions(...)`",
        lambda kept: np.set_printoptions(**kept),
    ),
    Aspect(
        "the filters of warnings",
        _filters,
        "changes the filters of warnings: set them before the run, or use `with warnings.catch_warnings()`",
        _set_filters,
    ),
    Aspect(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        "changes the locale: set it before the run",
        lambda kept: locale.setlocale(locale.LC_ALL, kept),
    ),
    Aspect(
        "the limits of recursion and of digits",
        lambda: (sys.getrecursionlimit(), sys.get_int_max_str_digits()),
        "changes a limit of `sys`: set it before the run",
        _set_limits,
    ),
    Aspect("the time zone", lambda: time.tzname, "changes the time zone: set it before the run"),
    Aspect(
        "the environment",
        _environment,
        "changes os.environ: set it before the run, or put the value into the state",
        _set_environment,
        frozenset({"environ", "environb", "getenv", "getenvb", "expandvars", "expanduser", "home"}),
    ),
    Aspect(
        "the current folder",
        _folder,
        "changes the current folder: change it before the run",
        _set_folder,
        frozenset({"getcwd", "getcwdb", "cwd", "abspath", "realpath", "resolve", "absolute", "relpath"}),
    ),
)
_OF_IMPORTS: Final = frozenset({"the filters of warnings", "the environment", "the limits of recursion and of digits"})
"""Modules change these while they are imported, which may be in the middle of a step."""


def _aspects() -> list[Aspect]:
    """Return all aspects that this process has."""
    draws = "draws from the generator of {}: put {} into the state, and draw from it"
    found = [
        Aspect("random", generators.of_python, draws.format("`random`", "random.Random(seed)"), is_shared=False),
        Aspect(
            "np.random",
            generators.of_numpy(),
            draws.format("`np.random`", "np.random.default_rng(seed)"),
            is_shared=False,
        ),
        *_SHARED,
    ]
    if "torch" in sys.modules:
        change = draws.format("`torch`", "np.random.default_rng(seed)")
        found.append(Aspect("torch", generators.of_torch, change, is_shared=False))
    return found


class Surroundings:
    """The surroundings as they are now, to be compared with later ones."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._modules = len(sys.modules)
        self._kept = [(aspect, _kept(aspect.read())) for aspect in _aspects()]

    def change(self) -> str:
        """Return what a step has done that changes them, as a phrase with advice; "" where they are the same."""
        excused: Collection[str] = _OF_IMPORTS if len(sys.modules) != self._modules else ()
        for aspect, kept in self._kept:
            if aspect.read() != kept and aspect.name not in excused:
                return aspect.change
        if excused:
            self._begin()
        return ""


def _kept(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def is_known(value: object) -> bool:
    """Whether an object is part of the surroundings, or changes with every import."""
    torch = sys.modules.get("torch")
    known = (
        *generators.objects(),
        os.environ,
        sys.modules,
        warnings.filters,
        getattr(torch, "default_generator", None),
    )
    return value is not None and any(value is one for one in known)


def settings(names: Collection[str] = ()) -> dict[str, Any]:
    """Return what `apply` can set in another process or thread, for code with these names."""
    return {aspect.name: _kept(aspect.read()) for aspect in _shared(names) if aspect.apply is not None}


def apply(kept: Mapping[str, Any]) -> None:
    """Set what `settings` has returned, as far as it differs here."""
    for aspect in _aspects():
        if aspect.apply is not None and aspect.name in kept and aspect.read() != kept[aspect.name]:
            aspect.apply(kept[aspect.name])


def fingerprint(names: Collection[str], *, hashes: bool) -> dict[str, bytes]:
    """Return what must be equal in two processes that run code with these names."""
    found = {aspect.name: _bytes(aspect.read()) for aspect in _shared(names)}
    return found | ({HASH_SEED: str(hash("seed")).encode()} if hashes else {})


def _shared(names: Collection[str]) -> list[Aspect]:
    return [one for one in _aspects() if one.is_shared and (not one.names or not one.names.isdisjoint(names))]


def _bytes(value: Any) -> bytes:
    """Return bytes that are equal where the value is."""
    if isinstance(value, dict):
        value = sorted(value.items())
    elif isinstance(value, list):  # filters
        value = [(entry[0], _pattern(entry[1]), entry[2].__qualname__, _pattern(entry[3]), entry[4]) for entry in value]
    return repr(value).encode("utf-8", "surrogateescape")
