"""`asc plugins`: what is installed, and what failed to load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from asc.observers.encodable import Encodable
from asc.plugins import Plugins


class Session(Protocol):
    """What commands find in click's context: the loaded plugins, and where to print."""

    @property
    def plugins(self) -> Plugins:
        """All plugins, loaded."""

    @property
    def console(self) -> Console:
        """Standard output."""


def rows(plugins: Plugins) -> list[dict[str, Any]]:
    """Return one object for each component, and one of kind "plugin" for each plugin that failed to load."""
    components = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "distribution": entry.source.distribution,
            "version": entry.source.version,
            "status": "ok",
            "error": None,
        }
        for entry in plugins.registry.entries()
    ]
    return components + [status._asdict() for status in plugins.statuses if status.error is not None]


plugin_option = click.option(
    "--plugin",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    expose_value=False,
    help="load a plugin from a file",
)
"""Accepted by every command; the files were loaded before any command was looked for."""


@click.command("plugins")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="print a JSON list instead of a table")
@click.pass_obj
def plugins_command(session: Session, as_json: bool) -> None:
    """List the components that are installed, and the plugins that failed to load."""
    if as_json:
        session.console.out(json.dumps(rows(session.plugins), indent=2), highlight=False)  # neither wrapped nor styled
        return
    about = {(entry.kind, entry.name): entry.summary for entry in session.plugins.registry.entries()}
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("name", "kind", "from"):
        table.add_column(heading, no_wrap=True)
    table.add_column("", overflow="fold")
    for row in rows(session.plugins):
        text = Text(row["error"], style="red") if row["error"] else Text(about[row["kind"], row["name"]])
        origin = f"{row['distribution']} {row['version']}".strip()
        table.add_row(Text(row["name"]), f"{row['kind']}, failed" if row["error"] else row["kind"], Text(origin), text)
    session.console.print(Encodable(table))
