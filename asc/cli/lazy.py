"""Groups that list commands by name and one line, and import the one that is called: a list waits for no import."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import rich_click as click


class LazyGroup(click.RichGroup, metaclass=ABCMeta):
    """A group whose commands are loaded when they are called. `list_commands` names them."""

    @abstractmethod
    def line(self, ctx: click.Context, name: str) -> str | None:
        """Return the line of a command in the list; None where there is no such command."""

    @abstractmethod
    def load(self, ctx: click.Context, name: str) -> click.Command:
        """Return a command of the list, which is being called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return what a list shows of a command: its name and its line."""
        line = self.line(ctx, cmd_name)
        return None if line is None else click.RichCommand(name=cmd_name, short_help=line)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if command is None or name is None else self.load(ctx, name), rest


class Lazy(NamedTuple):
    """Where a command is, as a dotted path `package.module:command`, and its line in the list."""

    path: str
    line: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.path.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class CommandTable(LazyGroup):
    """A group whose commands are known from a table."""

    def __init__(self, table: Mapping[str, Lazy], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of the table."""
        return list(self._table)

    def line(self, ctx: click.Context, name: str) -> str | None:
        """Return the line of a command in the list."""
        known = self._table.get(name)
        return None if known is None else known.line

    def load(self, ctx: click.Context, name: str) -> click.Command:
        """Import the command that is called."""
        return self._table[name].load()
