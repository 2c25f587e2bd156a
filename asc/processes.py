"""Processes that work for this one: how they start, and that they end with it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from typing import Final, ParamSpec, TypeVar

from asc import single_files

P = ParamSpec("P")
T = TypeVar("T")

_SAFE_PATH: Final = "PYTHONSAFEPATH"
_OURS: Final = "asc"  # any text switches the safe path on; this one says who did


@contextmanager
def deaf_children(signals: Iterable[signal.Signals] = (signal.SIGINT,)) -> Iterator[None]:
    """Block Ctrl-C in processes that start within, until they can ignore it: a terminal sends it to every process."""
    if sys.platform == "win32":  # Windows has no signal masks
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_path() -> Iterator[None]:
    """Let processes of Python that start within import nothing from the current folder while they start.

    Python would look there first, and a `queue.py` of the user would break the process before it works. Once such a
    process has started, it imports from where this process does, and calls `restore_environment`.
    """
    given = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = given or _OURS
    try:
        yield
    finally:
        if given is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = given


@contextmanager
def starting_children() -> Iterator[None]:
    """Let processes of Python that start within be deaf to Ctrl-C, and start on a safe path."""
    with safe_path():
        resource_tracker.ensure_running()  # if it started together with the others, it would lift the signal mask
        with deaf_children():
            yield


def restore_environment() -> None:
    """Give a process that was started within `safe_path` the environment that its parent has."""
    if os.environ.get(_SAFE_PATH) == _OURS:
        del os.environ[_SAFE_PATH]


def end_with(parent: int, finish: Callable[[], object] = int) -> None:
    """End this process when the process `parent` has ended, even if a step never ends. `finish` is called before."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        finish()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="asc-watch").start()


class Processes(ProcessPoolExecutor):
    """Python's own pool of processes that start afresh; they end with this process, whatever happens to it.

    `begin` is called in each at its start, and `finish` in one that has lost this process, before it ends. A shutdown
    that does not wait kills the processes: one of them may be stuck, and Python waits for all of them when it ends.
    """

    def __init__(self, workers: int, begin: Callable[[], object] = int, finish: Callable[[], object] = int) -> None:
        with starting_children():  # Python's resource tracker starts here
            own = pickle.dumps((begin, finish))  # a single file may define them, so it is loaded before they are read
            super().__init__(workers, get_context("spawn"), _begin, (os.getpid(), single_files.loaded(), own))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Send a call to a process; the processes start at the first calls."""
        with starting_children():
            return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the calls, or else lose them."""
        processes = [] if wait else list((self._processes or {}).values())
        super().shutdown(wait, cancel_futures=cancel_futures)
        for process in processes:
            process.kill()


def _begin(parent: int, files: Iterable[tuple[str, str]], own: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    restore_environment()
    for name, path in files:
        single_files.load(name, path)
    begin, finish = pickle.loads(own)
    end_with(parent, finish)
    begin()
