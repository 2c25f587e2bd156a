"""Seeds spread over processes of one machine, each with its share of the cores."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from asc_nn_training.studies.seeds import RunSeed, WorkersLostError, silent

_STOP = "stop"  # a file: as long as it exists, every process stops


class SeedProcesses:
    """Runs seeds in processes, which stop soon after this process if it is killed. `run_seed` must be picklable."""

    def __init__(self, executor: ProcessPoolExecutor, run_seed: RunSeed, folder: Path) -> None:
        self._executor, self._run_seed, self._folder = executor, run_seed, folder

    def start(self, seed: int) -> Future[bool]:
        """Run a seed as soon as a process is free."""
        with _ignoring_interrupts():
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
        with ProcessPoolExecutor(workers, get_context("spawn"), _prepare, (threads,)) as executor:
            yield SeedProcesses(executor, run_seed, folder)
    except BrokenProcessPool as error:
        raise WorkersLostError(
            "A process that ran a seed was killed, perhaps because memory ran out: give fewer --workers, and resume "
            "with --resume."
        ) from error
    finally:
        stop.unlink(missing_ok=True)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes that start within ignore Ctrl-C from their first moment: only this process reacts to it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)


def _run(run_seed: RunSeed, folder: Path, seed: int, parent: int) -> bool:
    stopped = partial(_stopped, folder / _STOP, parent)
    return not stopped() and run_seed(folder, seed, silent, stopped)


def _stopped(stop: Path, parent: int) -> bool:
    return stop.exists() or os.getppid() != parent
