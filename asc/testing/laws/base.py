"""What all classes of laws share: a law cannot be lost without a reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial, wraps
from typing import Any, ClassVar, TypeVar
from unittest import SkipTest

from asc.errors import AscError
from asc.nearest import suggestion
from asc.plugins.conform import BASES, conform, require_attributes
from asc.testing.chance import global_randomness, seeded
from asc.testing.checks import through_json
from asc.testing.limit import limited

L = TypeVar("L", bound=Callable[..., None])

_FORM = "law_of_form"  # an attribute of such a law
_DROPPED = "dropped_because"  # an attribute of the test that replaces a dropped law


def form(law: L) -> L:
    """Mark a law of form, which comes before all others: where it is broken, many of them are."""
    setattr(law, _FORM, True)
    return law


class Laws:
    """Laws as tests. Subclass one of its kinds in a test module, and write the methods that it asks for.

    A law that cannot hold is named in `dropped` with the reason, and pytest reports it as skipped:

        dropped = {"test_beats_standing_still": "the present state is all that it ever predicts"}

    Raises TypeError, as the class is made, where a law is removed in another way, or dropped without a reason.
    """

    dropped: ClassVar[Mapping[str, str]] = {}
    """Laws that do not apply, each with a sentence that says why."""

    limit_s: ClassVar[float] = 300.0
    """Seconds after which a law is ended, since something in it hangs; most laws take less than a second."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in stated_by(cls):
            setattr(cls, name, _limited(vars(cls)[name]))
        inherited = {name for base in cls.__mro__[1:] for name in stated_by(base)}
        for name in sorted(inherited & set(vars(cls))):
            raise TypeError(
                f"{cls.__name__} replaces the law {name}. Give your own test another name; to drop the law, say why: "
                f'dropped = {{"{name}": "because ..."}}'
            )
        for name in sorted(name for name in inherited if not _is_law(cls, name)):
            raise TypeError(
                f"{cls.__name__} loses the law {name} to another of its bases. Remove that base, or give its test "
                f'another name; to drop the law, say why: dropped = {{"{name}": "because ..."}}'
            )
        for name, why in vars(cls).get("dropped", {}).items():
            if name not in inherited:
                raise TypeError(f"{cls.__name__} drops {name}, which is no law{suggestion(name, sorted(inherited))}")
            if not why.strip():
                raise TypeError(f"{cls.__name__} drops {name} without a reason: write a sentence that says why.")
            setattr(cls, name, _skipping(name, why))
        _order(cls)

    def global_randomness(self) -> Hashable:
        """Return a key of the state of all generators that a process shares. Extend it by those of your library."""
        return global_randomness()

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        """Seed these generators for a while. Extend it by those of your library."""
        return seeded(seed)

    def held_elsewhere(self) -> int:
        """Return the bytes that Python does not count, such as those of tensors."""
        return 0

    def carried(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a component's state as a checkpoint returns it. Raises TypeError where a checkpoint cannot hold it."""
        return through_json(state)

    def saved(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a component's state as `carried` does. Raises AssertionError where a checkpoint cannot hold it."""
        __tracebackhide__ = True
        try:
            _require_names(state)
            return self.carried(state)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise AssertionError(f"a checkpoint cannot hold the state; {why}; the state is {state!r}") from error


def laws_of(kind: type) -> frozenset[str]:
    """Return the laws that apply to a class, by the names of their tests."""
    return frozenset().union(*map(stated_by, kind.__mro__))


def stated_by(kind: type) -> frozenset[str]:
    """Return the laws that a class itself states; none for a class outside the kit."""
    if not kind.__module__.startswith(__name__.rpartition(".")[0] + "."):
        return frozenset()
    inherited = {vars(base)[name] for base in kind.__mro__[1:] for name in _tests(base)}
    return frozenset(name for name in _tests(kind) if vars(kind)[name] not in inherited)


def conformed(kind: str, made: Any) -> Any:
    """Return a component of a class that extends the base of its kind. Raises AscError where it cannot be one."""
    component_class = _component_class(kind, type(made))  # type: ignore[arg-type]  # a class is hashable
    if component_class is not type(made):  # a run extends a plain class as well, before it makes an instance
        try:
            made.__class__ = component_class
        except TypeError as error:
            raise AscError(
                f"{type(made).__qualname__} extends no class that the laws know, and has __slots__ or is a tuple: let "
                f"it extend {component_class.__mro__[2].__name__}."
            ) from error
    require_attributes(BASES[kind], made, f"The {kind} {type(made).__qualname__} of {type(made).__module__}")
    return made


@cache
def _component_class(kind: str, factory: type[Any]) -> type[Any]:
    return conform(kind, factory)


def _is_law(cls: type, name: str) -> bool:
    """Whether a class has under this name the law itself, or the test that replaces the dropped law."""
    found = getattr(cls, name)
    return hasattr(found, _DROPPED) or any(vars(base)[name] is found for base in cls.__mro__ if name in stated_by(base))


def _tests(kind: type) -> list[str]:
    return [name for name in vars(kind) if name.startswith("test_")]


def _limited(law: Callable[..., None]) -> Callable[..., None]:
    @wraps(law)
    def within(self: Laws, /, **given: Any) -> None:
        __tracebackhide__ = True
        limited(self.limit_s, partial(law, self, **given))

    return within


def _order(cls: type) -> None:
    """Put all laws into the class, those of form first, and its own tests last: pytest takes tests in this order."""
    found = {name: vars(base)[name] for base in reversed(cls.__mro__) for name in _tests(base)}
    laws = laws_of(cls)
    for name in sorted(found, key=lambda name: 1 + (name not in laws) - hasattr(found[name], _FORM)):
        if name in vars(cls):
            delattr(cls, name)
        setattr(cls, name, found[name])


def _require_names(state: Any) -> None:
    """Raise TypeError where a dictionary has keys other than strings: most checkpoints would turn them into strings."""
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
