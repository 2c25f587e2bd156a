"""The record of a run that lasts: what is being run, and at the end its summary, report and trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asc
from asc.errors import AscError, describe_error
from asc.group import Group
from asc.records.folders import CONFIG, SUMMARY, read_json, write_json
from asc.records.leftovers import sweep
from asc.report.report import write_report
from asc.report.trace import write_trace
from asc.run.run import CHECKPOINTS, Run

OBSERVER = "record"  # the name of the observer that writes the events


def describe(folder: Path, run: Run, origin: Mapping[str, Any], *, anew: bool) -> None:
    """Write down what is being run, so that it can be run again or resumed; of a resumed run, where it runs now.

    Old temporary files of killed processes are removed. `origin` is the `command` line, or the name of the `program`
    that a call from Python has made.
    """
    for place in (folder, folder / CHECKPOINTS):
        sweep(place)
    if not anew:
        (folder / SUMMARY).unlink(missing_ok=True)  # it describes the run up to where it stopped
        write_json(folder / CONFIG, read_json(folder / CONFIG) | {"config": run.config})
        return
    flags = {"shadow": run.shadow, "speculate": run.speculate}
    made = {"asc_version": asc.__version__, "started": run.started, **origin}
    write_json(folder / CONFIG, {"backend": run.backend, "config": run.config, "state": "running"} | flags | made)


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the summary of a run that has finished, of which nothing is left to do; None of any other run."""
    try:
        summary = read_json(folder / SUMMARY)
    except AscError:  # there is none, or it is damaged: a resumed run writes it anew
        return None
    return summary if summary.get("state") == "finished" else None


def keep(run: Run, summary: dict[str, Any], group: Group) -> None:
    """Write summary, report and trace, once; the result is shown even where the disk is full, or the folder is gone."""
    if not group.first:
        return
    folder = run.where()
    summary["run_dir"], warnings = run.run_dir, summary["warnings"]
    warnings += [warning for warning in run.warnings if warning not in warnings]
    if folder is None:
        return
    try:
        write_json(folder / SUMMARY, summary)
        write_report(folder)
        write_trace(folder)
    except Exception as error:  # noqa: BLE001 -- the run is over, and its result is to be shown
        why = str(error) if isinstance(error, AscError | OSError) else f"{describe_error(error)}."
        warnings.append(f"The record of the run is incomplete: {why}")


def require_command(what: str, record: Mapping[str, Any]) -> None:
    """Raise AscError where a call from Python made the record: the record does not have the call's program."""
    if "program" in record:
        raise AscError(
            f"{what} was made by a call from Python, and only that call has its program. To resume the run, make the "
            "same call again with the run's folder and resume=True."
        )
