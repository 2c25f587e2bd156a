"""`asc study NAME`: do a study, which can be stopped and resumed, and report its results."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from pydantic import BaseModel
from rich.text import Text

from asc import answers
from asc.calls import call, watching
from asc.cli.components import ComponentGroup, ConfigFrom
from asc.cli.foreign import blaming
from asc.cli.resume import command_line, given_again, interrupted
from asc.cli.session import CommandSession
from asc.cli.study_folder import StudyFolder, create, resume_in
from asc.errors import AscError
from asc.interrupts import INTERRUPTED, postponing_termination, stoppable
from asc.plugins.entry import Entry
from asc.records.leftovers import sweep
from asc.records.lock import exclusive
from asc.report.study_results import checked_tables, results, write_results
from asc.report.study_tables import rich_table
from asc.study import Study, Table
from asc.views.progress import progress

STUDIES = Path("studies")

OPTIONS = [
    click.Option(
        ["--out"], type=click.Path(path_type=Path), show_default=f"{STUDIES}/NAME", help="folder of the study"
    ),
    click.Option(["--resume"], is_flag=True, help="resume the study in the folder"),
    click.Option(["--quiet"], is_flag=True, help="do not show the progress"),
    click.Option(["as_json", "--json"], is_flag=True, help="print one JSON object; everything else goes to stderr"),
]


def study(
    session: CommandSession,
    name: str,
    config_from: ConfigFrom,
    *,
    out: Path | None,
    resume: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Do a study, or resume it; return the exit code."""

    def make(config: BaseModel) -> Study:
        made: Study = session.plugins.registry.create("study", name, config)
        return made

    entry = session.plugins.registry.get("study", name)
    folder = (resume_in if resume else create)(out or STUDIES / name, name, config_from, make)
    again = given_again(entry.load_config(), folder.config)
    command = command_line(session.files, "study", name, "--resume", "--out", str(folder.path), *again)
    with exclusive(folder.path), postponing_termination():
        return _run(session, entry, folder, command, quiet, as_json)


def _run(session: CommandSession, entry: Entry, folder: StudyFolder, command: str, quiet: bool, as_json: bool) -> int:
    """Do what is left of a study, and print what was found so far."""
    asked = threading.Event()

    def report(part: str, done: float, total: float, doing: str = "") -> None:
        folder.require_in_place()
        tell(part, done, total, doing)

    sweep(folder.path)
    try:
        folder.note("running")
        with blaming(entry, folder.path), watching(session.say, asked.is_set, entry.title):
            with progress(session.messages, quiet) as tell, stoppable(asked.set):
                answer: object = call(entry.title, folder.study.run, folder.path, report, asked.is_set)
            done = answers.instance("run", answer, bool, "True where all is done, or False")
            tables = checked_tables(call(entry.title, folder.study.tables, folder.path))
            found = call(entry.title, folder.study.data, folder.path) if tables else {}
            data = answers.instance("data", found, Mapping, "a dictionary")
    except KeyboardInterrupt as error:
        _note(session, folder, "stopped")
        raise interrupted(error, f"Resume with: {command}") from None
    except Exception as error:
        folder.require_in_place()  # rather than say what came of it
        _note(session, folder, "failed")
        folder.discard_if_unused()
        if isinstance(error, OSError) and folder.path.exists():  # such as a full disk
            session.say(f"What was done is kept. Resume with: {command}")
        raise
    _note(session, folder, "finished" if done else "stopped")
    _report(session, folder, tables, data, as_json)
    if done:
        return 0
    why = "Stopped." if asked.is_set() else "Not all is done yet: the study stopped at a limit that it was given."
    session.say(f"{why} Resume with: {command}")
    return INTERRUPTED if asked.is_set() else 0


def _report(
    session: CommandSession, folder: StudyFolder, tables: Sequence[Table], data: Mapping[str, Any], as_json: bool
) -> None:
    """Print the results, and then write them, so that a full disk does not lose them."""
    if not as_json:
        for table in tables:
            session.console.print(rich_table(table))
            session.console.print()
    found = results(folder.about, tables, data)
    if as_json:
        session.console.out(json.dumps(found, allow_nan=False), highlight=False)
    if not tables:
        session.say("Nothing has been done yet, so there are no results to show.")
        return
    written = write_results(folder.path, found, tables, folder.study)
    for warning in written.warnings:
        session.warn(warning)
    if written.files:
        console = session.messages if as_json else session.console
        names = dict.fromkeys(f"{above}/" if (above := Path(name).parent.name) else name for name in written.files)
        console.print(Text(f"written to {folder.path}: {', '.join(names)}"), soft_wrap=True)


def _note(session: CommandSession, folder: StudyFolder, state: str) -> None:
    try:
        folder.note(state)
    except AscError as error:
        session.warn(f"The record of the study is out of date: {error}.")


study_command = ComponentGroup(
    "study",
    study,
    OPTIONS,
    help="Do a study of many runs, in a folder; `asc study NAME --help` lists the settings.",
    kind="study",
)
