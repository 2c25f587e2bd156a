"""Seeds spread over processes of one machine, each with its share of the cores."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from asc.interrupts import stoppable
from asc.processes import Processes
from asc.streams import keep_writable
from asc_nn_training.studies.seeds import RELEASE_S, RunSeed, WorkersLostError, silent

_STOP = "stop"  # a file: as long as it exists, every process stops


class SeedProcesses:
    """Runs seeds in processes, which stop soon after this process if it is killed. `run_seed` must be picklable."""

    def __init__(self, executor: ProcessPoolExecutor, run_seed: RunSeed, folder: Path) -> None:
        self._executor, self._run_seed, self._folder = executor, run_seed, folder

    def start(self, seed: int) -> Future[bool]:
        """Run a seed as soon as a process is free."""
        return self._executor.submit(_run, self._run_seed, self._folder, seed, os.getpid())

    def check(self) -> None:
        """Do nothing: if a process is lost, the executor says so through every seed."""

    def stop(self) -> None:
        """Ask all seeds to stop."""
        (self._folder / _STOP).touch()


@contextmanager
def seed_processes(run_seed: RunSeed, folder: Path, workers: int) -> Iterator[SeedProcesses]:
    """Open so many processes. Raises WorkersLostError if one of them is killed."""
    stop, threads = folder / _STOP, max(1, (os.cpu_count() or 1) // workers)
    stop.unlink(missing_ok=True)
    try:
        with Processes(workers, partial(_prepare, threads), _wait_for_the_end) as executor:
            try:
                yield SeedProcesses(executor, run_seed, folder)
            except KeyboardInterrupt:  # by a second Ctrl-C: a process may be stuck
                executor.shutdown(wait=False)
                raise
    except BrokenProcessPool as error:
        raise WorkersLostError(
            "A process that ran a seed was killed, perhaps because memory ran out: give fewer --workers, and resume "
            "with --resume."
        ) from error
    finally:
        stop.unlink(missing_ok=True)


_running = threading.Lock()  # in a process: held while a seed runs


def _prepare(threads: int) -> None:
    keep_writable()
    torch.set_num_threads(threads)


def _wait_for_the_end() -> None:
    """Let the seed stop that runs in an orphaned process; it writes a checkpoint first."""
    _running.acquire(timeout=RELEASE_S)


def _run(run_seed: RunSeed, folder: Path, seed: int, parent: int) -> bool:
    """Run a seed. SIGTERM stops it with a checkpoint, and then ends the process."""
    asked = threading.Event()
    stopped = partial(_stopped, folder / _STOP, parent, asked)
    with _running, stoppable(asked.set):
        done = not stopped() and run_seed(folder, seed, silent, stopped)
    if asked.is_set():
        signal.raise_signal(signal.SIGTERM)
    return done


def _stopped(stop: Path, parent: int, asked: threading.Event) -> bool:
    return asked.is_set() or stop.exists() or os.getppid() != parent
