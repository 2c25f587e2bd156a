"""What runs in a worker: a replica of the program's state, and supersteps from guessed states.

A worker keeps one replica a program and thread. The program (step function and initial arrays, pickled once) is
installed when the worker starts; a small one also travels with every task, so that any executor will do.
"""

from __future__ import annotations

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
from asc_toy.limits import OverTimeError, run_limited
from asc_toy.program import Step
from asc_toy.state import Array
from asc_toy.tracking import ArrayStore, run_tracked

_programs: dict[str, bytes] = {}
_threads = threading.local()


class Parcel(NamedTuple):
    """A program in transit: SHA-256 of its pickle, and the pickle where it is small enough to travel each time."""

    key: str
    pickle: bytes | None


class _Replica:
    def __init__(self, step: Step, arrays: dict[str, Array]) -> None:
        self.step, self.store = step, ArrayStore(arrays)


def install(key: str, pickle: bytes) -> None:
    """Make a program known to this process."""
    _programs[key] = pickle


def start_process(parent: int, key: str, pickle: bytes) -> None:
    """Prepare a worker process: Ctrl-C is the affair of the main process, `parent`, whose end is also ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True, name="asc-watch").start()
    install(key, pickle)


def _leave_with(parent: int) -> None:
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
    """Run `steps` from a guessed state and return what they read and wrote.

    `patch` holds the present contents of arrays that the program both reads and writes. Wherever the replica is out of
    date all the same, what was read will not match on arrival, which costs a hit and never exactness. Raises
    TimeoutError where that took more than `seconds`.
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
        _replicas().clear()  # it may have been struck while putting its arrays back
        raise TimeoutError(f"{steps} steps from a guessed state did not end within {seconds:.1f} s") from error


def _replicas() -> dict[str, _Replica]:
    replicas: dict[str, _Replica] = _threads.__dict__.setdefault("replicas", {})
    return replicas


def _replica(parcel: Parcel) -> _Replica:
    replicas = _replicas()
    if parcel.key not in replicas:
        pickle = parcel.pickle or _programs.get(parcel.key)
        if pickle is None:
            raise LookupError("this worker was started for another program and does not know this one")
        replicas.clear()  # one program at a time: arrays may be large
        replicas[parcel.key] = _Replica(*cloudpickle.loads(pickle))
    return replicas[parcel.key]
