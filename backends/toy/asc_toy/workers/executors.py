"""The executors that can run tasks: threads, processes, Dask."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Literal

from asc.speculators.explain import as_fault
from asc.speculators.pool import NO_WORKERS, NoWorkersError, Pool
from asc_toy.ambient import Watch
from asc_toy.workers.forked import Forked, forks_safely, shares
from asc_toy.workers.threads import Threads, require_unshared
from asc_toy.workers.worker import Parcel

Kind = Literal["none", "threads", "processes", "dask"]

_ROUND_TRIP_S: dict[Kind, float] = {"none": 4e-5, "threads": 2e-4, "processes": 2e-4, "dask": 1.2e-2}
_START_S: dict[Kind, float] = {"none": 0.0, "threads": 0.0, "processes": 0.04, "dask": 1.5}
_OPENING_S = 0.008  # of the main thread, to copy itself
_SPAWNED_ROUND_TRIP_S, _SPAWNED_START_S, _SPAWNED_OPENING_S = 6e-4, 0.8, 0.03  # where this process cannot be copied


def round_trip_s(kind: Kind) -> float:
    """Typical seconds for one task there and back; for "none", a boundary's own cost. Supersteps are sized by it."""
    return _SPAWNED_ROUND_TRIP_S if kind == "processes" and not forks_safely() else _ROUND_TRIP_S[kind]


def pool_of(kind: Kind, workers: int, dask: str | None, parcel: Callable[[], Parcel], threads: int = 1) -> Pool:
    """Return `workers` of a kind, which are started at first need and then know the program.

    Of processes, each has so many `threads`, and `workers` is the number of all threads. `dask` is the address of a
    running Dask scheduler; None starts a local cluster. `parcel` is asked for when the workers start.
    """

    def program() -> Parcel:
        found = parcel()
        if hindrance := found.watch.hindrance:
            raise NoWorkersError(as_fault(hindrance))
        if found.program.pace is not None and found.program.pace.is_reached:
            raise NoWorkersError(
                "the main thread's own steps reach the rate, so that workers could begin no more steps"
            )
        return found

    if kind == "none" or not workers:
        return NO_WORKERS
    if kind == "threads":
        return Pool(lambda: _threads(workers, program()), workers, _START_S[kind], inline=True, warm_ups=1)
    if kind == "dask":
        return Pool(lambda: _dask(workers, dask, program()), workers, _START_S[kind])
    processes = len(shares(workers, threads))
    pool = Pool(
        lambda: _processes(workers, threads, program()), workers, _SPAWNED_START_S, _SPAWNED_OPENING_S, inline=True
    )
    if not forks_safely():
        return pool
    return pool._replace(start_s=_START_S[kind], opening_s=_OPENING_S, hand_over_s=0.0, warm_ups=processes)


def _threads(workers: int, parcel: Parcel) -> Executor:
    require_unshared(parcel.watch.reach, "the executor processes")
    return Threads(workers, parcel.watch.reach.names)


def _processes(workers: int, threads: int, parcel: Parcel) -> Executor:
    """Copy this process where that is safe; otherwise start Python anew."""
    if threads > 1:
        require_unshared(parcel.watch.reach, "processes of one thread each, threads=1")
    if multiprocessing.current_process().daemon:
        raise NoWorkersError(
            "this process is itself a worker of multiprocessing (a daemonic process), which may have no children"
        )
    if not forks_safely() or uses_torch_s_threads(parcel.watch):
        if threads > 1:
            raise NoWorkersError(
                "worker processes have several threads only where they are copies of this process: on Linux, in the "
                "main thread of a program without other threads, for a step that does not compute in torch. Choose "
                "the executor threads, or threads=1"
            )
        from asc_toy.workers.elsewhere import pack  # noqa: PLC0415 -- seldom needed, and slow to import
        from asc_toy.workers.spawned import Spawned  # noqa: PLC0415

        return Spawned(workers, pack(parcel))
    return Forked(workers, parcel.key, threads, parcel.watch.reach.names)


def uses_torch_s_threads(watch: Watch) -> bool:
    """Whether the step may compute in torch's threads, which a copy of the process lacks and would wait for for ever.

    One thread instead of several is no way out: then sums have other bits.
    """
    torch = sys.modules.get("torch")
    return torch is not None and torch.get_num_threads() > 1 and id(vars(torch)) in watch.reach.spaces


def _dask(workers: int, address: str | None, parcel: Parcel) -> Executor:
    from asc_toy.workers.dask_pool import DaskPool  # noqa: PLC0415 -- an optional extra, slow to import
    from asc_toy.workers.elsewhere import pack  # noqa: PLC0415

    pool = DaskPool(workers, address, pack(parcel))
    try:
        if pool.threads > 1:
            require_unshared(parcel.watch.reach, "a cluster with one thread a worker, dask worker --nthreads 1")
    except BaseException:
        pool.shutdown()
        raise
    return pool
