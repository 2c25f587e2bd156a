"""What makes a process a worker: it is deaf, silent, and ends with the main process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from asc_toy.ambient import guard_process


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


def serve_only(parent: int) -> None:
    """Make this process a worker of the process `parent`.

    It leaves Ctrl-C to that process, ends when that process ends, reads no input, and shows nothing: what a step does
    from a predicted state has not happened. A step that asks a clock, a file or chance is stopped.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    guard_process()


def end_with(parent: int) -> None:
    """End this process when the process `parent` has ended, even if a step never ends."""
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="asc-watch").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
