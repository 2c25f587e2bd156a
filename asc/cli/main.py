"""The `asc` command: loads plugins, knows its subcommands, and turns errors into sentences and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Sequence
from functools import cached_property
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console
from rich.text import Text

import asc
from asc.cli.lazy import Lazy, LazyGroup
from asc.errors import AscError
from asc.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from asc.plugins import Plugins

COMMANDS = {
    "demo": Lazy("asc.cli.demo:demo_command", "Show speculation at work, page by page, in about three minutes."),
    "run": Lazy(
        "asc.cli.run:run_command", "Run a computation with speculation; `asc run BACKEND --help` lists the settings."
    ),
    "advise": Lazy(
        "asc.cli.advise:advise_command", "Profile a computation for some seconds and say whether speculation would pay."
    ),
    "bench-predictor": Lazy(
        "asc.cli.bench_predictor:bench_predictor_command",
        "Ask predictors along a recorded run, offline, and say what they would have been worth.",
    ),
    "study": Lazy(
        "asc.cli.study:study_command",
        "Do a study of many runs, in a folder; `asc study NAME --help` lists the settings.",
    ),
    "plugins": Lazy(
        "asc.cli.plugins:plugins_command",
        "List the components that are installed, and the plugins that failed to load.",
    ),
    "explain": Lazy(
        "asc.cli.explain:explain_command", "Explain a component: what it does, its settings, and where it comes from."
    ),
    "new": Lazy("asc.cli.new:new_command", "Write a plugin package of your own, complete with tests, to start from."),
    "runs": Lazy("asc.cli.runs:runs", "List the recorded runs, newest first."),
    "report": Lazy(
        "asc.cli.report:report", 'Write report.html and trace.json for RUN: an id, its beginning, a path, or "latest".'
    ),
}
"""Each command: where it is, and the first sentence of its help. None is imported before it is called."""


class Session:
    """What the commands share: the plugins, loaded when first asked for, and where to print."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.files = files
        self.console = Console(emoji=False)
        self.messages = Console(stderr=True, emoji=False)
        self._warned: list[str] = []

    @cached_property
    def plugins(self) -> Plugins:
        """All plugins; those that fail to load are told of on standard error. Raises AscError where a file fails."""
        from asc.plugins import load  # noqa: PLC0415 - a command that needs no plugin must not wait for them

        plugins = load(self.files)
        for status in plugins.statuses:
            if status.error is not None:
                _tell(self.messages, "warning", status.error)
                self._warned.append(status.error)
        return plugins

    def without_warnings(self, sentence: str) -> str:
        """Return an error that does not repeat what a warning has said already."""
        for warned in self._warned:
            sentence = sentence.replace(warned, "The warning above says why.")
        return sentence


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"asc, version {asc.__version__}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Predict the states that a computation will reach, check the prediction, and jump."""


assert isinstance(cli, LazyGroup)
cli.table = COMMANDS


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 an error told in a sentence, 2 wrong usage, 130 interrupted."""
    gc.freeze()  # what was imported stays: neither now nor at the end is it to be searched for garbage
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console of ASCII has no multiplication sign
    code = _run(arguments)
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C while Python ends comes too late to count
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    messages = Console(stderr=True, emoji=False)
    session = Session(plugin_files(arguments))
    try:
        result = cli.main(list(arguments), prog_name="asc", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except AscError as error:
        _tell(messages, "error", session.without_warnings(str(error)))
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _tell(messages, "stopped", "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has had enough
        _give_up_output()
        return 1
    except OSError as error:
        _give_up_output()
        _tell(messages, "error", f"Something could not be read or written: {error}. Make room, or name another place.")
        return 1


def _give_up_output() -> None:
    """Let nobody try to write what is left when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def plugin_files(arguments: Sequence[str]) -> list[Path]:
    """Find the files given with `--plugin`, wherever it stands: they decide which commands and options there are."""
    files, pending = [], False
    for argument in arguments:
        if pending:
            files.append(Path(argument))
        elif argument.startswith("--plugin="):
            files.append(Path(argument.removeprefix("--plugin=")))
        pending = not pending and argument == "--plugin"
    return files


def _tell(console: Console, kind: str, sentence: str) -> None:
    style = {"error": "bold red", "warning": "yellow"}.get(kind, "bold")
    console.print(Text.assemble((f"{kind}: ", style), sentence), soft_wrap=True)
