"""Seeds spread over processes of one machine, each with its share of the cores."""

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

import torch

from asc.errors import AscError
from asc.study import Tell
from asc_nn_training.studies import results

_POLL_S = 1.0
_STOP = "stop"  # a file: as long as it exists, every process stops

RunSeed = Callable[[Path, int, Tell, Callable[[], bool]], bool]
"""Called with the study's folder, a seed, and what reports progress and asks for a stop; true if the seed is done."""


def run_seeds(
    run_seed: RunSeed,
    folder: Path,
    seeds: Sequence[int],
    *,
    steps: int,
    workers: int,
    tell: Tell,
    stopped: Callable[[], bool],
) -> bool:
    """Run every seed, of so many steps, in a process; return whether all are done.

    `run_seed` must be picklable. If this process is killed, the others stop soon after.
    """
    stop = folder / _STOP
    stop.unlink(missing_ok=True)
    threads = max(1, (os.cpu_count() or 1) // workers)
    try:
        with ProcessPoolExecutor(min(workers, len(seeds)), get_context("spawn"), _prepare, (threads,)) as pool:
            with _ignoring_interrupts():
                tasks = [pool.submit(_run, run_seed, folder, seed, os.getpid()) for seed in seeds]
            try:
                waiting = set(tasks)
                while waiting:
                    done, waiting = wait(waiting, _POLL_S, FIRST_EXCEPTION)
                    for task in done:
                        task.result()
                    for seed in seeds:
                        tell(f"seed {seed}", results.reached_position(folder, seed), steps)
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
    return run_seed(folder, seed, _silent, partial(_stopped, folder / _STOP, parent))


def _stopped(stop: Path, parent: int) -> bool:
    return stop.exists() or os.getppid() != parent


def _silent(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing: the first process reports, from the journals."""
