"""What every benchmark needs: the machine's parallel capacity, and a result file that says where it came from."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"
_NAMED = ("numpy", "loky", "torch", "transformers")  # packages whose versions a result tells


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


def in_turns(
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    slices: int,
    clock: Callable[[Callable[[], Any]], float] = seconds,
) -> dict[str, float]:
    """How much longer ours takes than theirs, in pairs whose order alternates: median, and its 95 % interval."""
    ours(), theirs()
    ratios = []
    for number in range(slices):
        first, second = (clock(each) for each in ((ours, theirs) if number % 2 else (theirs, ours)))
        ratios.append(first / second if number % 2 else second / first)
    return with_interval(ratios)


def with_interval(values: Sequence[float]) -> dict[str, float]:
    """Median, and its 95 % interval."""
    ordered, count = sorted(values), len(values)
    reach = round(0.98 * math.sqrt(count))
    low, high = max(0, count // 2 - reach), min(count - 1, count // 2 + reach)
    return {"median": median(ordered), "low": ordered[low], "high": ordered[high]}


def with_origin(rows: Sequence[Mapping[str, Any]], command: str) -> list[dict[str, Any]]:
    """Add to each row how and on what code it was measured: rows may be measured again one by one."""
    return [{**row, "origin": origin(command)} for row in rows]


def origin(command: str) -> dict[str, Any]:
    """How, on what code and when something was measured."""
    changed = _git("status", "--porcelain", "--untracked-files=no", ":/", ":!/benchmarks/results")
    return {
        "command": command,
        "commit": commit(),
        "uncommitted_changes": bool(changed) if _git("rev-parse", "HEAD") else None,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def commit() -> str:
    """What is checked out; in a copy that has no git with it, what `ASC_COMMIT` says."""
    return _git("rev-parse", "HEAD") or os.environ.get("ASC_COMMIT", "unknown")


def write_result(name: str, body: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result file with the machine and the versions beside the figures."""
    path = folder / f"{name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**where(), **body}, indent=1)
    innermost = re.compile(r"[\[{][^\[\]{}]*[\]}]")  # one a line: files stay small, and differences readable
    path.write_text(innermost.sub(lambda found: re.sub(r"\n *", " ", found[0]), text) + "\n", encoding="utf-8")
    return path


def where() -> dict[str, Any]:
    """The machine, with its graphics cards if it has any, and the versions of what matters most."""
    machine: dict[str, Any] = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()}
    cards = _cards()
    return {"machine": machine | ({"cards": cards} if cards else {}), "versions": _versions()}


def read_rows(name: str, folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The rows of a result file by their names; none where it is not there yet."""
    path = folder / f"{name}.json"
    return {row["row"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]} if path.exists() else {}


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in _NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cards() -> list[str]:
    """Name, driver and memory of each of NVIDIA's cards."""
    return _said("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader").splitlines()


def _git(*arguments: str) -> str:
    return _said("git", *arguments)


def _said(*command: str) -> str:
    """What a program says; nothing where it fails, or is not there."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=RESULTS)
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
