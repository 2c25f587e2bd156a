"""Seeds of a study in workers: started, watched in their journals, and stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from asc.errors import AscError
from asc.study import Tell
from asc_nn_training.studies import results

POLL_S = 1.0
RELEASE_S = 60.0  # a seed that was told to stop writes a checkpoint first

RunSeed = Callable[[Path, int, Tell, Callable[[], bool]], bool]
"""Called with the study's folder, a seed, and what reports progress and asks for a stop; true if the seed is done."""


class WorkersLostError(AscError):
    """Workers ended before their seeds were done. The seeds can be resumed."""


class Workers(Protocol):
    """What runs seeds. Leaving its context waits until no seed is running."""

    def start(self, seed: int) -> Future[bool]:
        """Run a seed as soon as a worker is free."""

    def check(self) -> None:
        """Raise WorkersLostError if no worker is left to run the seeds."""

    def stop(self) -> None:
        """Ask all seeds to stop, and start no other."""


def run_seeds(
    workers: AbstractContextManager[Workers],
    folder: Path,
    seeds: Sequence[int],
    *,
    steps: int,
    tell: Tell,
    stopped: Callable[[], bool],
    reached: Callable[[Path, int], int] = results.reached_position,
) -> bool:
    """Run every seed, of so many steps, in a worker; return whether all are done.

    `reached` returns how many of these steps a seed in the study's folder has done. What a seed raises stops the
    others, and is raised here.
    """
    try:
        with workers as pool:
            try:
                waiting = {pool.start(seed) for seed in seeds}
                while waiting:
                    done, waiting = wait(waiting, POLL_S, FIRST_EXCEPTION)
                    for task in done:
                        task.result()
                    for seed in seeds:
                        tell(f"seed {seed}", reached(folder, seed), steps)
                    if stopped():
                        pool.stop()
                    pool.check()
            except BaseException:
                pool.stop()
                raise
    except WorkersLostError:
        if not stopped():
            raise
    return all(results.is_done(folder, seed) for seed in seeds)


def silent(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing: the main process reports, from the journals."""
