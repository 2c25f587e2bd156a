"""What all classes of laws share: a law cannot be lost without a reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar
from unittest import SkipTest

from asc.nearest import suggestion
from asc.testing.chance import global_randomness, shaken
from asc.testing.checks import through_json

_DROPPED = "dropped_because"  # an attribute of what stands in a law's place


class Laws:
    """Laws as tests. Subclass one of its kinds in a test module, and give it what it asks for.

    A law that cannot hold is named in `dropped` with the reason, and is then reported as skipped:

        dropped = {"test_beats_standing_still": "the present state is all that it ever predicts"}

    Raises TypeError, as the class is made, where a law is taken away in another way, or dropped without a reason.
    """

    dropped: ClassVar[Mapping[str, str]] = {}
    """Laws that do not apply, each with a sentence that says why."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        inherited = {name for base in cls.__mro__[1:] for name in stated_by(base)}
        for name in sorted(inherited & set(vars(cls))):
            raise TypeError(
                f"{cls.__name__} replaces the law {name}. Give your own test another name; to drop the law, say why: "
                f'dropped = {{"{name}": "because ..."}}'
            )
        for name in sorted(name for name in inherited if not _stands(cls, name)):
            raise TypeError(
                f"{cls.__name__} loses the law {name} to another of its bases. Take that base away, or give its test "
                f'another name; to drop the law, say why: dropped = {{"{name}": "because ..."}}'
            )
        for name, why in vars(cls).get("dropped", {}).items():
            if name not in inherited:
                raise TypeError(f"{cls.__name__} drops {name}, which is no law{suggestion(name, sorted(inherited))}")
            if not why.strip():
                raise TypeError(f"{cls.__name__} drops {name} without a reason: write a sentence that says why.")
            setattr(cls, name, _skipping(name, why))

    def global_randomness(self) -> Hashable:
        """Return a key of the state of all generators that a process shares; extend it by those that are yours."""
        return global_randomness()

    def held_elsewhere(self) -> int:
        """Return the bytes that are held where Python does not count them, such as in tensors."""
        return 0

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a component's state as it comes out of a checkpoint. Raises TypeError where it does not go in."""
        return through_json(state)

    def saved(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a component's state as it comes out of a checkpoint. Raises AssertionError where it does not go in."""
        __tracebackhide__ = True
        try:
            _require_names(state)
            return self.carried(state)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise AssertionError(f"the state does not go into a checkpoint; {why}; it is {state!r}") from error

    def shaken(self, seed: int) -> AbstractContextManager[None]:
        """Seed these generators for a while."""
        return shaken(seed)


def laws_of(kind: type) -> frozenset[str]:
    """Return the laws that a class is under: names of tests."""
    return frozenset().union(*map(stated_by, kind.__mro__))


def stated_by(kind: type) -> frozenset[str]:
    """Return the laws that a class itself states: names of the tests in it, where it is one of these classes."""
    stated = kind.__module__.startswith(__name__.rpartition(".")[0] + ".")
    return frozenset(name for name in vars(kind) if stated and name.startswith("test_"))


def _stands(cls: type, name: str) -> bool:
    """Whether what a class has under a law's name is the law, or what stands in its place where it was dropped."""
    found = getattr(cls, name)
    return hasattr(found, _DROPPED) or any(vars(base)[name] is found for base in cls.__mro__ if name in stated_by(base))


def _require_names(state: Any) -> None:
    """Raise TypeError where a dictionary's keys are no strings, since most checkpoints would turn them into some."""
    if isinstance(state, Mapping):
        for key, value in state.items():
            if not isinstance(key, str):
                raise TypeError(f"keys are strings, not {key!r}")
            _require_names(value)
    elif isinstance(state, list | tuple):
        for value in state:
            _require_names(value)


def _skipping(name: str, why: str) -> Callable[[Laws], None]:
    def skip(_: Laws) -> None:
        raise SkipTest(why)

    skip.__name__, skip.__doc__ = name, f"Dropped: {why}"
    setattr(skip, _DROPPED, why)
    return skip
