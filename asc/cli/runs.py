"""`asc runs`: what was run, when, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click
from rich.table import Table
from rich.text import Text

from asc.cli.session import CommandSession
from asc.records.folders import RunSummary, list_runs
from asc.views import figures
from asc.views.console import TextConsole
from asc.views.encodable import printable

UNBOUNDED = 200
"""Width of the table where there is no terminal, so that names stay whole for other programs."""


@click.command("runs")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="folder of the runs"
)
@click.option("--json", "as_json", is_flag=True, help="print JSON instead of a table")
@click.pass_obj
def runs_command(session: CommandSession, out: Path, as_json: bool) -> None:
    """List the recorded runs, newest first."""
    console = session.console
    found = list_runs(out)
    if as_json:
        text = json.dumps([run._asdict() for run in found], indent=2, default=str)
        console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
    elif not found:
        console.print(f"no runs in {str(out)!r}; `asc run` makes one", markup=False, highlight=False, soft_wrap=True)
    else:
        wide = console if console.is_terminal else TextConsole(file=console.file, width=UNBOUNDED)
        wide.print(_table(found))


def _table(found: list[RunSummary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    table.add_column("started", overflow="fold")
    table.add_column("backend", overflow="fold")
    table.add_column("state", overflow="fold")
    for name in ("position", "speed-up", "time"):
        table.add_column(name, justify="right", overflow="fold")
    for run in found:
        table.add_row(
            Text(printable(run.id)),  # before the widths of the columns are measured
            Text(figures.moment(run.started)),
            Text(printable(run.backend)),
            Text(printable(run.state)),
            figures.count(run.position),
            _speedup(run),
            figures.duration(run.seconds),
        )
    return table


def _speedup(run: RunSummary) -> str:
    if run.speedup is None:
        return figures.UNKNOWN
    return f"{figures.ratio(run.speedup)} {'net' if run.measured else 'estimated'}"
