"""`asc study NAME`: do a study, be stopped and go on as often as it takes, and tell what came out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click
from pydantic import BaseModel
from rich.text import Text

from asc.cli.components import ComponentGroup
from asc.cli.going_on import command_line
from asc.cli.plugins import plugin_option
from asc.cli.study_folder import StudyFolder, begin, go_on
from asc.errors import AscError
from asc.interrupts import INTERRUPTED, stoppable
from asc.report.study_results import results, write_results
from asc.report.study_tables import rich_table
from asc.study import Study
from asc.views.encodable import Encodable
from asc.views.progress import progress

STUDIES = Path("studies")

OPTIONS = [
    click.Option(
        ["--out"], type=click.Path(path_type=Path), show_default=f"{STUDIES}/NAME", help="folder of the study"
    ),
    click.Option(["--resume"], is_flag=True, help="go on with the study in the folder"),
    click.Option(["--quiet"], is_flag=True, help="do not show how far it has come"),
    click.Option(["as_json", "--json"], is_flag=True, help="print one JSON object; everything else goes to stderr"),
]


def study(
    session: Any,
    name: str,
    config_from: Callable[..., BaseModel],
    *,
    out: Path | None,
    resume: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Do a study, or go on with it; return the exit code."""

    def make(config: BaseModel) -> Study:
        made: Study = session.plugins.registry.get("study", name).load()(config)
        return made

    folder = (go_on if resume else begin)(out or STUDIES / name, name, config_from, make)
    command = command_line(session.files, "study", name, "--resume", "--out", str(folder.path))
    asked = threading.Event()
    try:
        with progress(session.messages, quiet) as tell, stoppable(asked.set):
            done = folder.study.run(folder.path, tell, asked.is_set)
    except (AscError, OSError):
        _note(session, folder, "failed")
        folder.give_up()
        raise
    except KeyboardInterrupt:
        _note(session, folder, "stopped")
        _say(session, f"Go on with: {command}")
        raise
    _note(session, folder, "finished" if done else "stopped")
    _tell(session, folder, as_json)
    if done:
        return 0
    why = "Stopped." if asked.is_set() else "Not all is done yet: the study stopped at a limit that it was given."
    _say(session, f"{why} Go on with: {command}")
    return INTERRUPTED if asked.is_set() else 0


def _tell(session: Any, folder: StudyFolder, as_json: bool) -> None:
    """Print the results and write them; what is on the screen already cannot be lost to a full disk."""
    tables = folder.study.tables(folder.path)
    if not as_json:
        for table in tables:
            session.console.print(Encodable(rich_table(table)))
            session.console.print()
    found = results(folder.about, tables, folder.study.data(folder.path) if tables else {})
    if as_json:
        session.console.out(json.dumps(found, allow_nan=False), highlight=False)
    if not tables:
        _say(session, "Nothing has been done yet, so there are no results to show.")
        return
    written = write_results(folder.path, found, tables, folder.study)
    for warning in written.warnings:
        _warn(session, warning)
    if written.files:
        console = session.messages if as_json else session.console
        names = dict.fromkeys(f"{above}/" if (above := Path(name).parent.name) else name for name in written.files)
        console.print(Encodable(Text(f"written to {folder.path}: {', '.join(names)}")), soft_wrap=True)


def _note(session: Any, folder: StudyFolder, state: str) -> None:
    try:
        folder.note(state)
    except AscError as error:
        _warn(session, f"The record of the study is out of date: {error}.")


def _warn(session: Any, sentence: str) -> None:
    session.messages.print(Text.assemble(("warning: ", "yellow"), sentence), soft_wrap=True)


def _say(session: Any, sentence: str) -> None:
    session.messages.print(Text(sentence), soft_wrap=True)


@click.group("study", cls=ComponentGroup, subcommand_metavar="NAME [OPTIONS]")
@plugin_option
def study_command() -> None:
    """Do a study of many runs, in a folder; `asc study NAME --help` lists the settings."""


assert isinstance(study_command, ComponentGroup)
study_command.kind = "study"
study_command.chosen = staticmethod(study)
study_command.extra = OPTIONS
