"""`asc run BACKEND`: run with speculation, watch it, keep a record."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import rich_click as click
from rich.table import Table
from rich.text import Text

from asc.backend import Backend
from asc.calls import watching
from asc.cli.completion import runs
from asc.cli.components import ComponentGroup, ConfigFrom, make_backend
from asc.cli.foreign import blaming
from asc.cli.resume import command_line, given_again, interrupted
from asc.cli.session import CommandSession
from asc.config.run import RunConfig
from asc.config.validate import validate
from asc.errors import AscError
from asc.group import Group
from asc.interrupts import INTERRUPTED, postponing_termination
from asc.plugins.entry import Entry
from asc.records.event_writer import EventWriter
from asc.records.folders import find_run, new_run_folder, read_config
from asc.records.lock import discard_unused, exclusive
from asc.records.texts import TEXTS
from asc.records.version import require_version
from asc.run.compare import NOT_COMPARED, compare_pairs
from asc.run.record import OBSERVER, describe, finished, keep, require_command
from asc.run.run import Run
from asc.views import figures
from asc.views.encodable import printable
from asc.views.lines import Lines
from asc.views.live import Live

RUNS = Path("runs")
_PAIRS = 100  # of runs to compare, at most; a larger number was meant for the program behind it
_OUTCOMES = 8  # values of the final state that are shown at most

OPTIONS = [
    click.Option(
        ["--out"], type=click.Path(path_type=Path), default=RUNS, show_default=True, help="folder of the runs"
    ),
    click.Option(
        ["--resume"], metavar="RUN", shell_complete=runs, help="resume a run: an id, its beginning, a path, or latest"
    ),
    click.Option(["--shadow"], is_flag=True, help="judge everything, apply nothing"),
    click.Option(["plain", "--no-speculation"], is_flag=True, help="run plainly, with no engine in between"),
    click.Option(
        ["pairs", "--compare"],
        is_flag=False,
        flag_value="1",
        default="0",
        type=click.IntRange(0, _PAIRS),
        metavar="[N]",
        help="run plainly as well and compare; N pairs of runs, at most 100, take turns in who goes first",
    ),
    click.Option(["--quiet"], is_flag=True, help="no view while it runs"),
    click.Option(["as_json", "--json"], is_flag=True, help="print one JSON object; everything else goes to stderr"),
]


def run(
    session: CommandSession,
    name: str,
    config_from: ConfigFrom,
    *,
    out: Path,
    resume: str | None,
    shadow: bool,
    plain: bool,
    pairs: int,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a backend; return the exit code."""
    if plain and (shadow or pairs):
        other = "--shadow" if shadow else "--compare"
        raise click.UsageError(f"--no-speculation and {other} exclude each other; leave one of them out.")
    if resume is not None and pairs:
        raise click.UsageError("--resume and --compare exclude each other: only whole runs can be compared.")
    if resume is None:
        backend = make_backend(session, name, config_from())
        folder = Path(backend.group.agree(str(new_run_folder(out, name)) if backend.group.first else ""))
    else:
        config, folder, shadow, plain = _resumed(name, config_from, find_run(out, resume))
        backend = make_backend(session, name, config)
    if not backend.group.first:
        session.mute()
    with exclusive(folder) if backend.group.first else nullcontext():
        if resume is not None and backend.group.agree(finished(folder) is not None):
            return _leave(session, folder, as_json)
        first = _first_run(
            session, name, backend, folder, quiet=quiet, resume=resume is not None, shadow=shadow, plain=plain
        )
        with postponing_termination() as terminated:
            with blaming(session.plugins.registry.get("backend", name), folder):
                try:
                    summary = _watched(session, first)
                except KeyboardInterrupt as error:
                    raise _ended(session, first, first.where() or folder, backend.group, error) from None
                except Exception:
                    keep(first, first.failure(), backend.group)
                    raise
                try:
                    if pairs and summary["state"] == "finished":
                        _compare(session, name, backend, first, summary, pairs, terminated)
                finally:
                    keep(first, summary, backend.group)
            _print_result(session, summary, as_json, backend.group)
    return INTERRUPTED if summary["state"] == "interrupted" else 0


def _leave(session: CommandSession, folder: Path, as_json: bool) -> int:
    """Say that a run is finished, and change nothing."""
    session.say(f"The run {folder.name} is finished: nothing is left to resume, and nothing was changed.")
    if as_json:
        session.console.out(json.dumps(finished(folder)), highlight=False)
    else:
        session.console.print(Text(f"record  {folder}/report.html"), soft_wrap=True)
    return 0


def _watched(session: CommandSession, run: Run) -> dict[str, Any]:
    """Execute a run, and say meanwhile which component it waits for, where it does."""
    with watching(session.say, lambda: run.stop_asked, f'the backend "{run.backend}"'):
        return run.execute()


def _ended(
    session: CommandSession, run: Run, folder: Path, group: Group, error: KeyboardInterrupt
) -> KeyboardInterrupt:
    """Close what the end of a run would have closed, and say how to resume after a second Ctrl-C."""
    for observing in ("view", OBSERVER):
        observer = session.plugins.remove(observing)
        if isinstance(observer, Live | EventWriter):
            observer.close()
    resume = _resume_command(session, run.backend, run.config, folder, group)
    without = "Start it again without that component, or resume" if str(error) else "Resume"
    return interrupted(error, f"{without} with: {resume}")


def _first_run(
    session: CommandSession,
    name: str,
    backend: Backend[Any],
    folder: Path,
    *,
    quiet: bool,
    resume: bool,
    shadow: bool,
    plain: bool,
) -> Run:
    """Make the run that is recorded; the first process shows and records it."""
    plugins, first = session.plugins, backend.group.first
    if first and not quiet:
        plugins.observe(Live(session.messages) if session.messages.is_terminal else Lines(session.messages), "view")
    if first:
        plugins.observe(EventWriter(folder), OBSERVER)
    try:
        with blaming(plugins.registry.get("backend", name)):
            run = Run(backend, name, plugins, folder=folder, resume=resume, shadow=shadow, speculate=not plain)
    except BaseException:  # Ctrl-C, too
        if first:
            discard_unused(folder)
        raise
    for remark in (*run.computation.remarks, *run.engine.speculator.remarks):  # known beforehand; repeated at the end
        session.warn(remark)
    if first:
        describe(folder, run, {"command": sys.argv[1:]}, anew=not resume)
    return run


def _compare(
    session: CommandSession,
    name: str,
    backend: Backend[Any],
    first: Run,
    summary: dict[str, Any],
    pairs: int,
    terminated: Callable[[], bool],
) -> None:
    """Make the other runs of the pairs, which are not recorded, and put their figures into the first run's summary."""
    plugins, group = session.plugins, backend.group
    if group.first:
        plugins.remove(OBSERVER)

    def again(speculate: bool) -> dict[str, Any]:
        if group.any(terminated()):
            raise KeyboardInterrupt
        session.say(f"The same again, {'with' if speculate else 'without'} speculation.")
        return _watched(session, Run(backend, name, plugins, speculate=speculate))

    try:
        compare_pairs(summary, again, pairs, first.engine.speculator, backend)
    except KeyboardInterrupt:  # before a run handles Ctrl-C itself; the first result is there all the same
        summary["warnings"].append(NOT_COMPARED)


def _print_result(session: CommandSession, summary: dict[str, Any], as_json: bool, group: Group) -> None:
    """Print the warnings, the result, and how to resume a run that was stopped."""
    for warning in summary["warnings"]:
        session.warn(warning)
    if as_json:
        session.console.out(json.dumps(summary, allow_nan=False), highlight=False)
    else:
        _show(session, summary)
    if summary["identical"] is False:
        raise AscError(different(session.plugins.registry.get("backend", summary["backend"])))
    if summary["state"] == "interrupted":
        stopped, folder = f"Stopped at position {summary['position']}.", summary["run_dir"]
        if folder is not None:
            resume = _resume_command(session, summary["backend"], summary["config"], folder, group)
            stopped += f" Resume with: {resume}"
        session.say(stopped)


def _resume_command(
    session: CommandSession, name: str, config: Mapping[str, Any], folder: str | Path, group: Group
) -> str:
    again = given_again(session.plugins.registry.config_class("backend", name), config)
    return command_line(session.files, "run", name, "--resume", str(folder), *again, start=group.command)


def different(entry: Entry) -> str:
    """Say that a leap was not exact, and what to do about it."""
    return (
        f'The speculative run and the plain run ended in different states: the backend "{entry.name}" of '
        f"{entry.source.label} breaks the law that a leap is exact. Report this to its authors. If you are one of "
        "them, write a test that subclasses ExactLaws of asc.testing: it finds out where. Mostly, `causal` lacks "
        "something that a step reads."
    )


def _resumed(name: str, config_from: ConfigFrom, folder: Path) -> tuple[RunConfig, Path, bool, bool]:
    """Read everything from the run's own record. A resumed run does not change its settings."""
    record = read_config(folder)
    if record.get("backend") != name:
        raise AscError(
            f"The run {folder.name} is of the backend {record.get('backend')!r}: "
            f"asc run {record.get('backend')} --resume {folder.name}"
        )
    require_version(f"The run {folder.name}", record)
    require_command(f"The run {folder.name}", record)
    config: RunConfig = config_from(record["config"])
    recorded = validate(type(config), record["config"])
    if config != recorded.model_copy(update={setting: getattr(config, setting) for setting in config.movable}):
        raise AscError(
            f"A resumed run keeps its settings, and these options would change those of {folder.name}. "
            f"Type only: asc run {name} --resume {folder.name}"
        )
    return config, folder, bool(record.get("shadow")), not record.get("speculate", True)


def _show(session: CommandSession, summary: dict[str, Any]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for label, value in _lines(summary):
        table.add_row(label, Text(printable(value)))  # before the widths of the columns are measured
    session.console.print(table)


def _lines(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the summary says, as label and value."""
    outcome = list(summary["outcome"].items())[:_OUTCOMES]
    yield "position", f"{summary['position']:,}"
    yield from ((name, str(value)) for name, value in outcome)
    yield "digest", summary["final_digest"]
    yield "time", figures.duration(summary["seconds"])
    if summary["plain_seconds"] is not None:
        same = {True: ", identical end", False: ", DIFFERENT END", None: ""}[summary["identical"]]
        yield "plain time", figures.duration(summary["plain_seconds"]) + same
        reached = list(summary.get("plain_outcome", {}).items())[:_OUTCOMES]
        yield from ((f"plain {name}", str(value)) for name, value in reached if (name, value) not in outcome)
        yield "net speed-up", figures.ratio(summary["net_speedup"])
    elif summary["estimated_speedup"] is not None:
        yield "speed-up", f"{figures.ratio(summary['estimated_speedup'])}, estimated (--compare measures it)"
    if summary["hit_rate"] is not None:
        yield "hit rate", f"{summary['hit_rate']:.0%}"
    if summary["acceptance_rate"] is not None:
        settled = summary["accepted"] + summary["rejected"]
        yield "acceptance rate", f"{summary['accepted']} of {settled} ({100 * summary['acceptance_rate']:.0f} %)"
    if summary["mean_accepted_horizon"] is not None:
        yield "mean accepted horizon", f"{figures.amount(summary['mean_accepted_horizon'])} steps"
    yield "why", summary["reason"]
    if (texts := summary.get("texts")) and summary["run_dir"] is not None:
        took = figures.duration(texts["seconds"])
        yield "texts", f"{summary['run_dir']}/{TEXTS}, generated in {took}. {texts['reason']}"
    if trajectory := summary.get("trajectory"):
        megabytes = figures.amount(trajectory["bytes"] / 1e6)
        yield "trajectory", f"{trajectory['positions']} positions kept for asc bench-predictor, {megabytes} MB"
    if summary["run_dir"] is not None:
        yield "record", f"{summary['run_dir']}/report.html"


run_command = ComponentGroup(
    "run",
    run,
    OPTIONS,
    help="Run a computation with speculation; `asc run BACKEND --help` lists the settings.",
)
