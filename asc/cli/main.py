"""The `asc` command: loads plugins, knows its subcommands, and turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.text import Text

import asc
from asc.cli.advise import advise_command
from asc.cli.explain import explain_command
from asc.cli.plugins import plugins_command
from asc.cli.report import report
from asc.cli.run import run_command
from asc.cli.runs import runs
from asc.cli.study import study_command
from asc.errors import AscError
from asc.interrupts import INTERRUPTED
from asc.plugins import Plugins, load


class Session:
    """What the commands share: the loaded plugins, and where to print."""

    def __init__(self, plugins: Plugins, files: Sequence[Path] = ()) -> None:
        self.plugins, self.files = plugins, files
        self.console = Console()
        self.messages = Console(stderr=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(asc.__version__, package_name="asc-core", prog_name="asc")
def cli() -> None:
    """Predict the states that a computation will reach, check the prediction, and jump."""


for command in (run_command, advise_command, study_command, plugins_command, explain_command, runs, report):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 an error told in a sentence, 2 wrong usage, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console of ASCII has no multiplication sign
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str]) -> int:
    messages = Console(stderr=True)
    try:
        files = plugin_files(arguments)
        session = Session(load(files), files)
        for status in session.plugins.statuses:
            if status.error is not None:
                _tell(session.messages, "warning", status.error)
        result = cli.main(list(arguments), prog_name="asc", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except AscError as error:
        _tell(messages, "error", str(error))
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
