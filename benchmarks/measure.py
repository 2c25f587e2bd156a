"""What every benchmark needs: the machine's parallel capacity, and a result file that says where it came from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(call: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def capacity(pair: Executor, work: Callable[[], float]) -> float:
    """Two plain runs one after the other over the same two side by side: between 1 and 2 on a machine with two cores.

    `pair` has two idle workers; `work` returns the seconds that it took.
    """
    alone = pair.submit(work).result() + pair.submit(work).result()
    both = [pair.submit(work), pair.submit(work)]
    return alone / max(future.result() for future in both)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": median(values), "low": min(values), "high": max(values)}


def with_origin(rows: Sequence[Mapping[str, Any]], command: str) -> list[dict[str, Any]]:
    """Add to each row how and on what code it was measured: rows may be measured again one by one."""
    origin = {
        "command": command,
        "commit": commit(),
        "uncommitted_changes": bool(
            _git("status", "--porcelain", "--untracked-files=no", ":/", ":!/benchmarks/results")
        ),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    return [{**row, "origin": origin} for row in rows]


def commit() -> str:
    """What is checked out."""
    return _git("rev-parse", "HEAD")


def write_result(name: str, body: Mapping[str, Any]) -> Path:
    """Write a result file with the machine and the versions beside the figures."""
    where = {
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {"python": sys.version.split()[0], "numpy": version("numpy"), "loky": version("loky")},
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**where, **body}, indent=1) + "\n", encoding="utf-8")
    return path


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=RESULTS)
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
