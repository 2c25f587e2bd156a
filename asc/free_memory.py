"""How much memory this process may still take, so that what does not fit is refused before it is begun."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from math import inf
from pathlib import Path

_CONTAINER = Path("/sys/fs/cgroup")


def free_bytes() -> float:
    """Return the least of what the machine, the container and the process' own limit leave; infinity where unknown."""
    return min(_machine(), _container(), _process())


def _machine() -> float:
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    with suppress(OSError, ValueError, AttributeError):  # Windows has no sysconf
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return inf


def _container() -> float:
    with suppress(OSError, ValueError):  # no limit is the word "max"
        most, used = ((_CONTAINER / f"memory.{name}").read_text(encoding="ascii") for name in ("max", "current"))
        return float(int(most) - int(used))
    return inf


def _process() -> float:
    if sys.platform == "win32":
        return inf
    import resource  # noqa: PLC0415 -- Windows has none

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return inf if limit == resource.RLIM_INFINITY else float(limit)
