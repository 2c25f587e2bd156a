"""A program: a step function, the state that it starts from, and where it ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from asc.errors import AscError
from asc_toy.pace import Pace
from asc_toy.state import Accumulating

Step = Callable[[Any], Any]
Until = Callable[[Any], object]


class Program(NamedTuple):
    """Everything that defines a computation: `while not until(state) and position != steps: step(state)`.

    `step` changes the state that it is given and returns nothing. It may be a coroutine function.
    """

    name: str
    step: Step
    state: Mapping[str, Any]  # initial values, by name
    steps: int | None  # None: `until` alone says where the program ends
    until: Until | None = None
    pace: Pace | None = None  # of the steps, whoever takes them

    @property
    def paced(self) -> Step:
        """The step as a run takes it, which waits for its turn where there is a pace."""
        return self.run if self.pace is None else self.pace.of(self.run)

    @property
    def run(self) -> Step:
        """The step as an ordinary function, which runs a coroutine to its end."""
        if not is_coroutine_function(self.step):
            return self.step
        from asc_toy.awaiting import awaited  # noqa: PLC0415 -- seldom needed, and slow to import

        return awaited(self.step)


def require_nothing(returned: object, step: Step) -> None:
    """Refuse a step that returns a value: a plain loop would lose it, so its author expects something else.

    Raises AscError.
    """
    if returned is None:
        return
    expected = "A step changes the state that it is given, and returns nothing"
    kind = type(returned).__name__
    what = f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
    if isinstance(returned, Accumulating):
        what, remedy = "the state", "leave out the return"
    elif inspect.iscoroutine(returned):
        returned.close()  # or Python warns of a coroutine that was never awaited
        remedy = "none of its lines has run; write the step with async def, and await the coroutine in it"
    elif inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        remedy = "none of its lines has run; write a function without yield"
    else:
        remedy = "put the value into the state, as in state.result = …, and leave out the return"
    raise AscError(f"The step {name_of(step)!r} returned {what}. {expected}: {remedy}.")


def name_of(call: Callable[..., Any]) -> str:
    """Return the name of a function, or of what stands for one: a partial function, or an object that can be called."""
    inner = unwrapped(call)
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(inner).__name__


def is_coroutine_function(call: Callable[..., Any]) -> bool:
    """Whether a function, or what stands for one, returns a coroutine."""
    inner: Any = unwrapped(call)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(inner.__call__)


def unwrapped(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a partial function calls in the end."""
    while isinstance(call, partial):
        call = call.func
    return call
