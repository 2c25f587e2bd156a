"""What runs in a worker: a replica of the program, and supersteps from candidates.

Each thread of a worker keeps one replica. The program is installed when the worker starts. A small program also travels
with every task, so that any executor will do.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import cloudpickle

from asc.types import Transition
from asc.words import Word
from asc_toy.program import Step
from asc_toy.state import Array
from asc_toy.tracking.tracked import ArrayStore, run_tracked
from asc_toy.workers.limits import OverTimeError, run_limited

_SMALL = 64 * 1024  # bytes of a pickle that may travel with every task

_installed: dict[str, bytes] = {}  # pickles of programs, by key
_local = threading.local()


class Parcel(NamedTuple):
    """A program on its way to workers."""

    key: str  # SHA-256 of the pickle
    pickle: bytes  # of step function and initial arrays; empty for a worker that has it installed

    @classmethod
    def of(cls, step: Step, arrays: Mapping[str, Array]) -> Parcel:
        """Pickle a program."""
        pickle = cloudpickle.dumps((step, arrays))
        return cls(hashlib.sha256(pickle).hexdigest(), pickle)

    def for_task(self) -> Parcel:
        """Return what travels with every task: the key alone where the pickle is large."""
        return self if len(self.pickle) <= _SMALL else self._replace(pickle=b"")


class _Replica:
    def __init__(self, step: Step, arrays: dict[str, Array]) -> None:
        self.step, self.store = step, ArrayStore(arrays)


def install(parcel: Parcel) -> None:
    """Make a program known to this process."""
    _installed[parcel.key] = parcel.pickle


def start_process(parent: int, parcel: Parcel) -> None:
    """Prepare a worker process: it leaves Ctrl-C to the main process, `parent`, and ends when that process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True, name="asc-watch").start()
    install(parcel)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def run_task(
    parcel: Parcel,
    start: int,
    steps: int,
    *,
    words: Mapping[str, Word],
    patch: Mapping[str, Array],
    written: frozenset[str],
    seconds: float | None,
) -> Transition:
    """Run `steps` from the words of a candidate and return what they read and wrote.

    `patch` has the main thread's contents of arrays that the program both reads and writes, `written` the names of all
    arrays that it has written. Where the replica is out of date nevertheless, what was read will not agree on arrival:
    that costs a hit and never exactness. Raises TimeoutError after `seconds`.
    """
    replica = _replica(parcel)
    store = replica.store
    for name in written:
        store.mark_written(name)
    for name, array in patch.items():
        store.buffers[name][...] = array
    try:
        return run_limited(partial(run_tracked, replica.step, words, store, start, steps), seconds)
    except OverTimeError as error:
        _replicas().clear()  # the limit may have struck while the arrays were being restored
        raise TimeoutError(f"{steps} steps from a predicted state did not end within {seconds:.1f} s") from error


def _replicas() -> dict[str, _Replica]:
    replicas: dict[str, _Replica] = _local.__dict__.setdefault("replicas", {})
    return replicas


def _replica(parcel: Parcel) -> _Replica:
    replicas = _replicas()
    if parcel.key not in replicas:
        pickle = parcel.pickle or _installed.get(parcel.key)
        if pickle is None:
            raise LookupError("this worker was started for another program and does not know this one")
        replicas.clear()  # one program at a time: arrays may be large
        replicas[parcel.key] = _Replica(*cloudpickle.loads(pickle))
    return replicas[parcel.key]
