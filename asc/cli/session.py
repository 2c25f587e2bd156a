"""What all commands share: the plugins, and where to print."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from asc.views.console import TextConsole

if TYPE_CHECKING:
    from asc.plugins import Plugins


class CommandSession:
    """One call of the command line, which click hands to each command.

    `console` prints results on standard output, and `messages` everything else on standard error. `files` are the
    plugin files that were given with `--plugin`.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.files = files
        self.console = TextConsole(emoji=False)
        self.messages = TextConsole(stderr=True, emoji=False)
        self._warned: list[str] = []

    @cached_property
    def plugins(self) -> Plugins:
        """All plugins, loaded at first use, with a warning for each that fails. Raises AscError where a file fails."""
        from asc.plugins import load  # noqa: PLC0415 - a command that needs no plugin must not wait for them

        plugins = load(self.files)
        for status in plugins.statuses:
            if status.error is not None:
                self.warn(status.error)
                self._warned.append(status.error)
        return plugins

    def mute(self) -> None:
        """Print nothing but errors from now on, because another process prints the same."""
        self.console.quiet = self.messages.quiet = True

    def say(self, sentence: str, label: str = "", style: str = "bold") -> None:
        """Print a sentence on standard error, after a label such as "stopped"."""
        self.messages.print(Text.assemble((f"{label}: " if label else "", style), sentence), soft_wrap=True)

    def warn(self, sentence: str) -> None:
        """Print a warning on standard error."""
        self.say(sentence, "warning", "yellow")

    def fail(self, sentence: str) -> None:
        """Print an error on standard error."""
        self.messages.quiet = False
        self.say(sentence, "error", "bold red")

    def without_warnings(self, sentence: str) -> str:
        """Return an error that does not repeat what a warning has said already."""
        for warned in self._warned:
            sentence = sentence.replace(warned, "The warning above says why.")
        return sentence


plugin_option = click.option(
    "--plugin",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    expose_value=False,
    help="load a plugin from a file",
)
"""Accepted by every command that uses plugins; the files were loaded before the command was looked for."""


def plugin_files(arguments: Sequence[str]) -> list[Path]:
    """Find the files given with `--plugin` anywhere on the command line: they decide which commands there are."""
    files, pending = [], False
    for argument in arguments:
        if pending:
            files.append(Path(argument))
        elif argument.startswith("--plugin="):
            files.append(Path(argument.removeprefix("--plugin=")))
        pending = not pending and argument == "--plugin"
    return files
