"""What runs in a worker: a replica of the program, and its supersteps from candidates."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

from asc.speculators.pool import NoWorkersError
from asc.types import Transition
from asc_toy.ambient import Watch
from asc_toy.program import Program
from asc_toy.tracking.replica import Replica, Task
from asc_toy.workers.limits import OverTimeError, run_limited


class Supplier(Protocol):
    """Makes replicas of one program, in this process."""

    def replica(self) -> Replica:
        """Make a replica for the thread that asks; raises NoWorkersError where it would not do as the main process."""


_known: WeakValueDictionary[str, Supplier] = WeakValueDictionary()  # of the programs that this process knows, by key
_spoilt: dict[str, str] = {}  # what a superstep has changed in this process, by the program's key
_local = threading.local()


def know(key: str, supplier: Supplier) -> None:
    """Make a program known in this process, for as long as something else holds the supplier."""
    _known[key] = supplier


class Parcel:
    """A program in its main process, with the watch of what it can read beside its state.

    Threads and copies of this process know it by its key. Any other process needs it as a pickle.
    """

    def __init__(self, program: Program, watch: Watch) -> None:
        self.program, self.watch = program, watch
        self.is_used_here = False
        """Whether threads of this process run steps."""
        self.key = uuid.uuid4().hex  # no other program has it, in any process
        know(self.key, self)

    def replica(self) -> Replica:
        """Make a replica that is watched as the program is."""
        self.is_used_here = True
        return Replica(self.program, self.watch)


def run_task(key: str, task: Task, seconds: float | None) -> Iterator[Transition]:
    """Run a task of the program `key`, and yield what each of its parts read and wrote.

    Raises TimeoutError after `seconds`, what the step raises, and NoWorkersError where this process cannot do what the
    main process would do. Such is a process in which a superstep has changed anything beside the state: it never gives
    another result.
    """
    if key in _spoilt:
        raise NoWorkersError(_spoilt[key])
    replica, end = _replica(key), None if seconds is None else time.monotonic() + seconds
    parts = iter(replica.run(task))
    while True:
        try:
            left = None if end is None else max(0.0, end - time.monotonic())
            part = run_limited(partial(next, parts, None), left)
        except BaseException as error:
            _replicas().clear()  # its arrays may hold anything, since the limit strikes anywhere
            if changed := replica.watch.change():
                _spoilt[key] = changed
                raise NoWorkersError(changed) from error
            if isinstance(error, OverTimeError):
                raise TimeoutError(
                    f"{sum(task.lengths)} steps from a predicted state did not end within {seconds:.1f} s"
                ) from error
            raise
        if part is None:
            return
        yield part


def _replicas() -> dict[str, Replica]:
    replicas: dict[str, Replica] = _local.__dict__.setdefault("replicas", {})
    return replicas


def _replica(key: str) -> Replica:
    replicas = _replicas()
    if key not in replicas:
        supplier = _known.get(key)
        if supplier is None:
            raise NoWorkersError("a worker was started for another program and does not know this one")
        replicas.clear()  # one program at a time: arrays may be large
        replicas[key] = supplier.replica()
    return replicas[key]
