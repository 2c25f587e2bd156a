"""`asc plugins`: what is installed, and what failed to load."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import rich_click as click
from rich.text import Text

from asc.cli.session import CommandSession, plugin_option
from asc.plugins import Plugins

GAP = 2
"""Spaces between two columns of the list."""

NARROWEST = 20
"""Characters that the last column of the list has even where the terminal is too narrow."""


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


@click.command("plugins")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="print a JSON list instead of a table")
@click.pass_obj
def plugins_command(session: CommandSession, as_json: bool) -> None:
    """List the components that are installed, and the plugins that failed to load."""
    plugins = session.plugins
    for sentence in plugins.slow:
        session.warn(sentence)
    if as_json:
        session.console.out(json.dumps(rows(plugins), indent=2), highlight=False)  # neither wrapped nor styled
        return
    session.console.print(_listing(plugins, session.console.width), soft_wrap=True)


def _listing(plugins: Plugins, width: int) -> Text:
    """Arrange the list in columns. A table of rich takes longer than loading all that is listed."""
    about = {(entry.kind, entry.name): entry.summary for entry in plugins.registry.entries()}
    lines = [("name", "kind", "from", "", "bold")]
    for row in rows(plugins):
        origin = f"{row['distribution']} {row['version']}".strip()
        if row["error"]:
            lines.append((row["name"], f"{row['kind']}, failed", origin, row["error"], "red"))
        else:
            lines.append((row["name"], row["kind"], origin, about[row["kind"], row["name"]], ""))
    columns = [max(len(line[column]) for line in lines) + GAP for column in range(3)]
    room = max(NARROWEST, width - sum(columns))
    text = Text()
    for *cells, told, style in lines:
        beginning = "".join(cell.ljust(column) for cell, column in zip(cells, columns, strict=True))
        first, *others = textwrap.wrap(told, room, break_on_hyphens=False) or [""]
        text.append(beginning, "bold" if style == "bold" else "")
        text.append("\n".join([first, *(" " * sum(columns) + other for other in others)]).rstrip() + "\n", style)
    text.right_crop()
    return text
