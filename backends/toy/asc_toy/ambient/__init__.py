"""What a step reads and changes beside its state: noticed in this process, compared with other processes.

Watch          of everything that functions reach: what has changed, and digests for other processes
observed       runs a first step, and finds what no state decides: clocks, chance, files
isolated       runs a superstep that must do nothing but change its state
query          marks a function that a step calls and that is not watched, by its author's promise
once           begins a stretch that only a step of the main thread may do; `stretches` counts them
settings       what another process can be given, by `apply`
guard_process  prepares a process that only runs supersteps
"""

from asc_toy.ambient.guard import guard_process
from asc_toy.ambient.impure import isolated, observed
from asc_toy.ambient.query import Query, query
from asc_toy.ambient.scene import ImpureError, Watched, once, stretches
from asc_toy.ambient.surroundings import HASH_SEED, apply, settings
from asc_toy.ambient.watch import Watch

__all__ = [
    "HASH_SEED",
    "ImpureError",
    "Query",
    "Watch",
    "Watched",
    "apply",
    "guard_process",
    "isolated",
    "observed",
    "once",
    "query",
    "settings",
    "stretches",
]
