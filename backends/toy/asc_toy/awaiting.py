"""Steps that are coroutine functions: each call is run to its end, in an event loop of the thread that takes the step.

So a step may await several things at once. Steps of other workers run in other threads, which wait side by side.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from asc.errors import AscError

_local = threading.local()
_inherited: list[object] = []  # loops of the main process: a copy must not even close them


class _Loop:
    """A thread's event loop, which is closed with the thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __del__(self) -> None:
        self.loop.close()


def _begin_anew() -> None:
    """A copy of this process shares the selector of its loop."""
    _inherited.append(_local.__dict__.pop("own", None))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def awaited(step: Callable[[Any], Coroutine[Any, Any, object]]) -> Callable[[Any], object]:
    """Return an ordinary function that runs a coroutine function to its end.

    The function raises AscError within a running event loop, and where tasks that the coroutine has started go on after
    its end.
    """

    def run(state: Any) -> object:
        _require_no_loop()
        loop, coroutine = _own_loop(), step(state)
        try:
            returned = loop.run_until_complete(coroutine)
        except BaseException:
            _drop(loop, coroutine)
            raise
        if asyncio.all_tasks(loop):
            _drop(loop, coroutine)
            raise AscError(
                f"The step {getattr(step, '__name__', 'step')!r} has started tasks that go on after its end. Await all "
                "of them, as asyncio.gather and asyncio.TaskGroup do."
            )
        return returned

    return run


def _require_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AscError(
        "The step is a coroutine function, and accelerate was called within a running event loop, which waits for it. "
        "Call it in a thread, as in await asyncio.to_thread(accelerate, step, state, steps), or outside of the loop."
    )


def _own_loop() -> asyncio.AbstractEventLoop:
    own: _Loop | None = getattr(_local, "own", None)
    if own is None:
        own = _local.own = _Loop()
    return own.loop


def _drop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, object]) -> None:
    """Give up a loop with all that runs in it: what the step has raised may have struck anywhere."""
    _local.__dict__.pop("own", None)
    started = [task.get_coro() for task in asyncio.all_tasks(loop) if _quiet(task)]
    for each in (coroutine, *started):
        if each is not None:
            with suppress(BaseException):  # the coroutine may do anything at its end
                each.close()
    loop.close()


def _quiet(task: Any) -> bool:
    task._log_destroy_pending = False
    return True
