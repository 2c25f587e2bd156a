"""Commands that are known by name and one line, and imported when they are called: listing them waits for none."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import rich_click as click


class Lazy(NamedTuple):
    """Where a command is, as a dotted path `package.module:command`, and the line that tells of it in the list."""

    path: str
    line: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.path.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class LazyGroup(click.RichGroup):
    """Lists the commands of a table and imports the one that is called."""

    table: Mapping[str, Lazy] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return what a list shows of a command: its name and its line."""
        known = self.table.get(cmd_name)
        return None if known is None else click.RichCommand(name=cmd_name, short_help=known.line)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        known = self.table.get(name or "")
        return name, command if known is None else known.load(), rest
