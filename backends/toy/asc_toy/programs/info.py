"""What is known about a built-in program before its module is imported, and what the module provides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from asc.errors import AscError
from asc.free_memory import free_bytes
from asc_toy.program import Program


class Parts(NamedTuple):
    """What a program's module provides. Each function is called with n, seed, and the program's options by name.

    `by_hand` and `by_numpy` return the program's final words and arrays.
    """

    build: Callable[..., Program]
    by_hand: Callable[..., dict[str, Any]]  # a plain loop over local variables
    by_numpy: Callable[..., dict[str, Any]] | None = None  # whole-array operations, where there is such a form


class Option(NamedTuple):
    """A number that a program takes beside its size and seed. It has the type of the default."""

    default: int | float
    low: int | float
    high: int | float
    summary: str

    def checked(self, program: str, name: str, value: object) -> int | float:
        """Return the value as the option's type. Raises AscError where it has another kind or is out of range."""
        kind = type(self.default)
        try:
            given = float(value)  # type: ignore[arg-type]  # from a command line or a file, it may be anything
        except (TypeError, ValueError):
            given = math.nan
        if not self.low <= given <= self.high or (kind is int and not given.is_integer()):
            what = "a whole number" if kind is int else "a number"
            raise AscError(
                f"The option {name} of the program {program} was given {value!r}; it takes {what} from {self.low} to "
                f"{self.high}, such as {name}={self.default}."
            )
        return kind(given)


@dataclass(frozen=True)
class ProgramInfo:
    """A built-in program. `parts` imports the module that defines it."""

    name: str
    where: str  # "module:attribute", within this package
    summary: str
    counts: str  # what n counts
    n: int  # about ten seconds on one core
    demo_n: int  # two to three seconds
    lesson: str  # what it shows
    memory: Callable[[int], int] | None = None  # bytes that its state of size n takes, where that grows with n
    most: int = 10**15  # the largest n
    no_numpy: str = ""  # why there is no `numpy_line`
    options: Mapping[str, Option] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # of a run, in place of defaults that do not suit

    @property
    def parts(self) -> Parts:
        """Import the program."""
        module, _, attribute = self.where.partition(":")
        parts: Parts = getattr(import_module(f"{__package__}.{module}"), attribute)
        return parts

    @property
    def reference(self) -> Callable[..., dict[str, Any]]:
        """The hand-written loop with the same final words and arrays: `reference(n, seed, **options)`."""
        return self.parts.by_hand

    @property
    def numpy_line(self) -> Callable[..., dict[str, Any]] | None:
        """The same with whole-array operations; None where `no_numpy` says why there is none."""
        return self.parts.by_numpy

    def complete(self, n: int | None, seed: int, options: Mapping[str, object]) -> tuple[int, int, dict[str, Any]]:
        """Return size, seed and all options, with defaults. Raises AscError for what the program does not take."""
        size = self.n if n is None else n
        if size < 1:
            raise AscError(
                f"The program {self.name} was given n={size}; n counts {self.counts} and is at least 1, such as "
                f"n={self.demo_n}."
            )
        if size > self.most:
            raise AscError(
                f"The program {self.name} was given n={size}; n counts {self.counts} and is at most {self.most:,}."
            )
        if self.memory is not None and (needed := self.memory(size)) > (free := free_bytes()):
            raise AscError(
                f"The program {self.name} was given n={size}, which takes {needed / 1e9:,.1f} GB of memory, and "
                f"{free / 1e9:,.1f} GB are free: give a smaller n, such as n={self.demo_n}."
            )
        if seed < 0:
            raise AscError(f"The program {self.name} was given seed={seed}; a seed is a whole number, at least 0.")
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            takes = f"it takes {', '.join(self.options)}" if self.options else "it takes none"
            raise AscError(f"The program {self.name} has no option {', '.join(unknown)}; {takes}.")
        known = {
            key: option.checked(self.name, key, options.get(key, option.default))
            for key, option in self.options.items()
        }
        return size, seed, known
