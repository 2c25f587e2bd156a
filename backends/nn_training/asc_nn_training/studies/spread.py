"""Seeds spread over processes of one machine: each with its share of the cores, and a word from the first to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import torch

from asc.errors import AscError
from asc.study import Tell
from asc_nn_training.studies import results

_POLL_S = 1.0
_STOP = "stop"  # a file: while it is there, every process ends where it is


class OneSeed(Protocol):
    """A study whose seeds can be done one by one; it travels to a process by pickle."""

    config: Any

    def one(self, folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Do one seed; return whether it is done."""


def spread(
    study: OneSeed, folder: Path, seeds: Sequence[int], workers: int, tell: Tell, stopped: Callable[[], bool]
) -> bool:
    """Do every seed; return whether all are done. A study that was killed leaves no process behind for long."""
    stop = folder / _STOP
    stop.unlink(missing_ok=True)
    threads = max(1, (os.cpu_count() or 1) // workers)
    try:
        with ProcessPoolExecutor(min(workers, len(seeds)), get_context("spawn"), _prepare, (threads,)) as pool:
            with _deaf():
                tasks = [pool.submit(_one, study, folder, seed, os.getpid()) for seed in seeds]
            try:
                waiting = set(tasks)
                while waiting:
                    done, waiting = wait(waiting, _POLL_S, FIRST_EXCEPTION)
                    for task in done:
                        task.result()
                    for seed in seeds:
                        tell(f"seed {seed}", results.reached(folder, seed), study.config.steps)
                    if stopped():
                        stop.touch()
            except BaseException:
                stop.touch()
                for task in tasks:
                    task.cancel()
                raise
            return all(task.result() for task in tasks)
    except BrokenProcessPool as error:
        if stopped():
            return False
        raise AscError(
            "A process that did a seed was killed, perhaps for want of memory: take fewer --workers, and go on with "
            "--resume."
        ) from error
    finally:
        stop.unlink(missing_ok=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that begin within do not hear Ctrl-C, from their first moment: it is for this one to pass on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)


def _one(study: OneSeed, folder: Path, seed: int, parent: int) -> bool:
    return study.one(folder, seed, _quiet, partial(_ended, folder / _STOP, parent))


def _ended(stop: Path, parent: int) -> bool:
    return stop.exists() or os.getppid() != parent


def _quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """The first process tells, from what is in the journals."""
