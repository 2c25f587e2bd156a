"""`asc report`: a run as a page to read and a trace to open."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from asc.cli.completion import runs
from asc.cli.session import CommandSession
from asc.records.folders import find_run
from asc.report.report import write_report
from asc.report.trace import write_trace


@click.command("report")
@click.argument("run", shell_complete=runs)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="folder of the runs"
)
@click.pass_obj
def report_command(session: CommandSession, run: str, out: Path) -> None:
    """Write report.html and trace.json for RUN: an id, its beginning, a path, or "latest"."""
    folder = find_run(out, run)
    for path in (write_report(folder), write_trace(folder)):
        session.console.print(str(path), markup=False, highlight=False, emoji=False, soft_wrap=True)
