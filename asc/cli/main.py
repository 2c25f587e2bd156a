"""The `asc` command: loads plugins, knows its subcommands, and turns errors into sentences and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import re
import signal
import sys
from collections.abc import Sequence

import rich_click as click

import asc
from asc.cli.lazy import CommandTable, Lazy
from asc.cli.session import CommandSession, plugin_files
from asc.errors import AscError
from asc.interrupts import ENDING, INTERRUPTED, end_as_by_ctrl_c, press_again
from asc.streams import failure, keep_writable
from asc.views.encodable import printable

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
    "install": Lazy(
        "asc.cli.install:install_command",
        "Install a plugin into the environment that runs `asc`, from a package index or from a folder.",
    ),
    "uninstall": Lazy(
        "asc.cli.install:uninstall_command",
        "Uninstall a plugin from the environment that runs `asc`.",
    ),
    "new": Lazy("asc.cli.new:new_command", "Write a plugin package of your own, complete with tests, to start from."),
    "runs": Lazy("asc.cli.runs:runs_command", "List the recorded runs, newest first."),
    "report": Lazy(
        "asc.cli.report:report_command",
        'Write report.html and trace.json for RUN: an id, its beginning, a path, or "latest".',
    ),
}
"""Each command: where it is, and the first sentence of its help. None is imported before it is called."""


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"asc, version {asc.__version__}")
        context.exit()


cli = CommandTable(
    COMMANDS,
    name="asc",
    help="Predict the states that a computation will reach, check the prediction, and jump.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code that `call` returns."""
    if (instruction := os.environ.get("_ASC_COMPLETE")) is not None:  # a shell asks what can be typed next
        from asc.cli.completion import respond  # noqa: PLC0415 - every other command does without

        sys.exit(respond(cli, instruction))
    sys.unraisablehook = press_again
    try:
        code = _called(arguments)
    except KeyboardInterrupt:  # just before the command, or just after it
        code = INTERRUPTED
    for asking in (signal.SIGINT, *ENDING):  # while Python ends, they come too late to count
        atexit.register(signal.signal, asking, signal.SIG_IGN)
    sys.exit(code)


def _called(arguments: Sequence[str] | None) -> int:
    gc.freeze()  # what was imported stays, so the collector need not search it, now or at the end
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    keep_writable()
    end_as_by_ctrl_c()
    for size in ("COLUMNS", "LINES"):  # of 0 columns, rich would show nothing at all
        if not re.fullmatch("[1-9][0-9]{0,3}", os.environ.get(size, "")):
            os.environ.pop(size, None)
    return call(arguments)


def call(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code: 0 done, 1 an error in a sentence, 2 wrong usage, 130 interrupted."""
    session = CommandSession(plugin_files(arguments))
    try:
        result = cli.main(list(arguments), prog_name="asc", standalone_mode=False, obj=session)
        sys.stdout.flush()
        code = result if isinstance(result, int) else 0
        if code == 0 and (lost := failure(sys.stdout)):
            session.fail(f"The output could not be written ({lost.strerror}). Make room, or send it elsewhere.")
            code = 1
    except AscError as error:
        session.fail(session.without_warnings(str(error)))
        code = 1
    except click.ClickException as error:
        vars(error)["message"] = printable(error.message)  # click prints it by itself
        error.show()
        code = error.exit_code
    except SystemExit as leaving:  # rich_click leaves by itself where a group is called without a command
        code = leaving.code if isinstance(leaving.code, int) else 2
    except (KeyboardInterrupt, click.Abort) as error:
        pressed = error.__context__ if isinstance(error, click.Abort) else error  # click hides what it aborts for
        session.say(str(pressed or "") or "interrupted", "stopped")
        code = INTERRUPTED
    except OSError as error:
        session.fail(f"Something could not be read or written: {error}. Make room, or name another place.")
        code = 1
    return code
