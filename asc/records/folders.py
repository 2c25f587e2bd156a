"""The folders of runs: create them, write their files, list and find them.

A run's folder holds `config.json` (backend, config, when it started, version, state), `events.jsonl`, `checkpoints/`,
and at the end `summary.json`; `report.html` and `trace.json` are made from these. `trajectory/` has the kept positions
of a judged run, if it was asked to keep any. `texts.jsonl` has the texts that a training generated, if it was asked to.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError, describe_error
from asc.records.events import EVENTS, last_event, position_after
from asc.records.leftovers import sweep_runs, temporary_name
from asc.records.numbers import finite, strict

CONFIG = "config.json"
SUMMARY = "summary.json"


class RunSummary(NamedTuple):
    """A line of `asc runs`."""

    id: str
    folder: Path
    backend: str
    started: float | None  # seconds since the epoch
    state: str  # as the summary says; "running or killed" without one; "unreadable"
    position: int | None
    speedup: float | None
    measured: bool  # the speed-up is net, against a plain run; otherwise it is an estimate
    seconds: float | None


def new_run_folder(out: Path, backend: str) -> Path:
    """Create a folder for a run, such as `2026-11-23T081500-BACKEND-1a2b`, named after the local time.

    Old folders of runs that never began are removed.
    """
    sweep_runs(out)
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", backend).strip("-.") or "run"
    try:
        out.mkdir(parents=True, exist_ok=True)
        while True:
            folder = out / f"{time.strftime('%Y-%m-%dT%H%M%S')}-{name}-{secrets.token_hex(2)}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise AscError(
            f"cannot make a folder for the run in {str(out)!r} ({_why(error)}); name a writable folder with --out"
        ) from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(strict(data), indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file so that a kill at any moment, or a power cut, leaves either the old file or the new one."""
    temporary = path.with_name(temporary_name(path.name))
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise AscError(
            f"cannot write {str(path)!r} ({_why(error)}); make room on the disk, or name another folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises AscError, which says what is wrong with the file."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no ordinary file")  # opening a pipe would wait for its writer
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AscError(
            f"cannot read {str(path)!r} ({_why(error)}); expected a file of a run, see `asc runs`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise AscError(f"{str(path)!r} is damaged ({error}); expected a JSON object, see `asc runs`") from error
    if not isinstance(data, dict):
        raise AscError(f"{str(path)!r} holds a {type(data).__name__}; expected a JSON object, see `asc runs`")
    return data


def read_config(folder: Path) -> dict[str, Any]:
    """Read what a run is. Raises AscError, which says what is wrong with the file."""
    record = read_json(folder / CONFIG)
    if not isinstance(record.get("config"), dict):
        raise AscError(f"{str(folder / CONFIG)!r} is damaged (its config is no object); see `asc runs`")
    return record


@contextlib.contextmanager
def understood(folder: Path) -> Iterator[None]:
    """What is read within from a run's files may hold anything: values of other kinds raise AscError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise AscError(
            f"the files in {str(folder)!r} hold values that no run writes there ({describe_error(error)}); see "
            "`asc runs` for other runs"
        ) from error


def list_runs(out: Path) -> list[RunSummary]:
    """Return the runs in a folder, newest first. A run that cannot be read is listed as unreadable."""
    try:
        folders = [folder for folder in out.iterdir() if is_run(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AscError(
            f"cannot list the runs in {str(out)!r} ({_why(error)}); name another folder with --out"
        ) from error
    runs = [summarise(folder) for folder in folders]
    return sorted(runs, key=lambda run: (run.started or 0.0, run.id), reverse=True)


def find_run(out: Path, run: str) -> Path:
    """Return the folder of a run given as a path, an id, the beginning of an id, or "latest"."""
    if run and is_run(Path(run)):
        return Path(run)
    ids = [found.id for found in list_runs(out)]
    if not ids:
        raise AscError(
            f"no run {run!r}: there are no runs in {str(out)!r}; name their folder with --out, or give a run's path"
        )
    if run == "latest":
        return out / ids[0]
    matches = [run] if run in ids else [found for found in ids if run and found.startswith(run)]
    if len(matches) == 1:
        return out / matches[0]
    if matches:
        raise AscError(f"{run!r} begins {len(matches)} runs: {', '.join(sorted(matches)[:5])}; type more of the name")
    nearest = difflib.get_close_matches(run, ids, n=1, cutoff=0.3)
    hint = f"the nearest is {nearest[0]!r}; " if nearest else ""
    raise AscError(f"no run {run!r} in {str(out)!r}; {hint}`asc runs` lists them")


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, whole or damaged."""
    try:
        return any((folder / name).is_file() for name in (CONFIG, SUMMARY, EVENTS))
    except OSError:
        return False


def summarise(folder: Path) -> RunSummary:
    """Return a run's line of `asc runs`, from those of its files that can be read."""
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    last: dict[str, Any] = {}
    damaged = False
    try:
        last = last_event(folder) or {}
        config = read_json(folder / CONFIG)
        summary = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
    except (AscError, OSError):
        damaged = True
    started = finite(config.get("started"))
    net, estimated = finite(summary.get("net_speedup")), finite(summary.get("estimated_speedup"))
    position = finite(summary.get("position", position_after(last)))
    return RunSummary(
        id=folder.name,
        folder=folder,
        backend=str(config.get("backend", "?")),
        started=started if started is not None else _modified(folder),
        state="unreadable" if damaged else str(summary.get("state", "running or killed")),
        position=None if position is None else int(position),
        speedup=net if net is not None else estimated,
        measured=net is not None,
        seconds=finite(summary.get("seconds", last.get("t1"))),
    )


def _modified(folder: Path) -> float | None:
    try:
        return folder.stat().st_mtime
    except OSError:
        return None


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
