"""Completion in a shell: what can be typed next. It never prints an error, and imports no large package.

Bash, zsh and fish ask by calling `asc` with the variable `_ASC_COMPLETE`, as click defines it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from io import StringIO
from pathlib import Path
from types import ModuleType

import rich_click as click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from asc.cli.session import CommandSession, plugin_files

ASKED = "_ASC_COMPLETE"

_LARGE = 200_000
"""Bytes of the list of a distribution's files from which on the import of its package takes seconds."""

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def respond(cli: click.Command, instruction: str) -> int:
    """Print what a shell asked for, its script or what can be typed next; return the exit code."""
    name, _, wanted = instruction.partition("_")
    kind = get_completion_class(name)
    if kind is None:
        if wanted != "complete":
            CommandSession().fail(f'There is no completion for "{name}"; expected {ASKED}=bash_source, or zsh or fish.')
        return 1
    if wanted == "source":
        click.echo(kind(cli, {}, "asc", ASKED).source())
    else:
        click.echo(_completions(cli, kind))
    return 0


def _completions(cli: click.Command, kind: type[ShellComplete]) -> str:
    nothing_large = _NothingLarge()
    sys.meta_path.insert(0, nothing_large)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            words, _ = kind(cli, {}, "asc", ASKED).get_completion_args()
            session = CommandSession(plugin_files(words))
            session.mute()
            return kind(cli, {"obj": session}, "asc", ASKED).complete()
        except BaseException:  # noqa: BLE001 - the line is not finished, and a message would stand in the middle of it
            return ""
        finally:
            sys.meta_path.remove(nothing_large)


class _NothingLarge(MetaPathFinder):
    """Refuses to import a large package, such as a library for networks: completion does without what needs it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return None, so that others find the module. Raises ImportError for a large package."""
        if path is None and fullname not in sys.stdlib_module_names:
            for folder in map(Path, sys.path):
                for record in folder.glob(f"{fullname}-*.dist-info/RECORD"):
                    if record.stat().st_size > _LARGE:
                        raise ImportError(f"{fullname} is too large to be imported for a completion")
        return None


def components(*kinds: str, besides: Iterable[str] = (), several: bool = False) -> Complete:
    """Return the completion of the name of a component, of some kinds or of any; `several` are joined by commas."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, begun = incomplete.rpartition(",") if several else ("", "", incomplete)
        entries = context.obj.plugins.registry.entries()
        known = {entry.name: entry.summary for entry in entries if not kinds or entry.kind in kinds}
        known |= dict.fromkeys(besides, "")
        return [
            CompletionItem(f"{before}{comma}{name}", help=known[name])
            for name in sorted(known)
            if name.startswith(begun)
        ]

    return complete


def words(known: Iterable[str]) -> Complete:
    """Return the completion of one of these words."""
    return lambda _, __, incomplete: [CompletionItem(word) for word in known if word.startswith(incomplete)]


def runs(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a run: its name in the folder of the runs, newest first, or the path of a folder."""
    from asc.records.folders import is_run  # noqa: PLC0415 - as few imports as possible, for the other completions

    out = Path(context.params.get("out") or "runs")
    names = sorted((folder.name for folder in out.iterdir() if is_run(folder)), reverse=True) if out.is_dir() else []
    found = [name for name in (*(["latest"] if names else []), *names) if name.startswith(incomplete)]
    return [CompletionItem(name) for name in found] or [CompletionItem(incomplete, type="dir")]


def folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the path of a folder."""
    return [CompletionItem(incomplete, type="dir")]


def plugins(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a distribution that provides plugins and can be uninstalled."""
    names = {status.distribution for status in context.obj.plugins.statuses if status.name != "builtin"}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
