"""Queries: calls that a step may make early, twice or in vain, by the promise of their author."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar

from asc.errors import AscError
from asc_toy.ambient.scene import Watched, unwatched

P = ParamSpec("P")
T = TypeVar("T")


_LATER = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


class Query(Generic[P, T]):
    """A function that is not watched, by its author's promise. `query` makes it."""

    def __init__(self, function: Callable[P, T]) -> None:
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask. Raises AscError where an argument is the state, and what the function raises."""
        if any(isinstance(one, Watched) for one in (*args, *kwargs.values())):
            raise AscError(
                f"The query {self.function.__name__!r} was given the state, and a run must see what a step reads of "
                "it. Give it the values that it needs, as in page(state.number)."
            )
        with unwatched():
            return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an object, as a method."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        """Pickle by name, as functions are, where the name is found; a script's own name is of no use elsewhere."""
        module, name = self.function.__module__, self.function.__qualname__
        if module != "__main__" and getattr(sys.modules.get(module), name, None) is self:
            return name
        return Query, (self.function,)


def query(function: Callable[P, T]) -> Query[P, T]:
    """Mark a function whose answer depends on its arguments alone, as long as the run takes, and that changes nothing.

    Use it as a decorator of a function that a step calls, such as one that fetches a page or starts another program:

        @query
        def page(number: int) -> bytes: ...

    This is a promise, which nothing can check. What happens within is not watched: a query may use the network, files,
    other programs, clocks, locks and connections of its own. A run may make the call early, twice, or with arguments
    that the program never comes to, in any worker. Each call returns a value of its own, which nothing changes later.

    Raises AscError where it is given anything but an ordinary function.
    """
    if not inspect.isfunction(function):
        raise AscError(f"A query is a function, and this is {function!r}. Write @query before the def of a function.")
    if any(is_kind(function) for is_kind in _LATER):
        raise AscError(
            f"The query {function.__name__!r} does its work after it has returned. Write it without yield and async, "
            "and return the whole answer."
        )
    return Query(function)
