"""The results in a study's folder, for people and programs: numbers, tables and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from asc import answers
from asc.errors import AscError, what_it_did
from asc.records.folders import write_json, write_text
from asc.records.numbers import strict
from asc.report.study_tables import csv_text, markdown
from asc.study import Study, Table

T = TypeVar("T")


class Written:
    """The files that were written, relative to the study's folder, and a sentence for each file that was not."""

    def __init__(self, folder: Path) -> None:
        self.files: list[str] = []
        self.warnings: list[str] = []
        self._folder = folder

    def keep(self, name: str, write: Callable[[Path, T], object], content: T) -> None:
        """Write one file, or keep a sentence that says why it could not be written."""
        path = self._folder / name
        try:
            path.parent.mkdir(exist_ok=True)
            write(path, content)
        except (AscError, OSError) as error:
            self.warnings.append(f"The results in {self._folder} are incomplete: {error}.")
        else:
            self.files.append(name)

    def draw(self, study: Study) -> None:
        """Let the study draw its pictures."""
        target = self._folder / "figures"
        try:
            target.mkdir(exist_ok=True)
            drawn = study.pictures(self._folder, target)
            if not isinstance(drawn, list | tuple) or not all(isinstance(path, Path) for path in drawn):
                raise answers.wrong("pictures", drawn, "a list of paths")
            if not any(target.iterdir()):
                target.rmdir()
        except (AscError, OSError) as error:
            self.warnings.append(f"Not all pictures could be drawn: {str(error).rstrip('.')}.")
        except Exception as error:  # noqa: BLE001 -- a study is foreign code, and its tables are there
            self.warnings.append(f"Not all pictures could be drawn: the study {what_it_did(error)}.")
        else:
            self.files += [f"figures/{path.name}" for path in drawn]


def checked_tables(answer: object) -> Sequence[Table]:
    """Return what `Study.tables` has answered. Raises WrongAnswerError where that cannot be shown."""
    tables: Sequence[Table] = answers.instance("tables", answer, list | tuple, "a list of asc.study.Table")
    for table in tables:
        _require_shown(answers.instance("tables", table, Table, "a list of asc.study.Table"))
    return tables


def _require_shown(table: Table) -> None:
    texts = (table.name, table.title, *table.columns, *table.notes)
    listed = all(isinstance(part, list | tuple) for part in (table.columns, table.rows, table.notes, *table.rows))
    if not listed or not all(isinstance(text, str) for text in texts):
        raise answers.wrong("tables", table, "name and title in text, and lists of columns, rows and notes")
    for row in table.rows:
        if len(row) != len(table.columns):
            raise answers.wrong(
                "tables", row, f"{len(table.columns)} cells, as many as the table {table.name} has columns"
            )
        for cell in row:
            if not isinstance(cell, str | Real | None):
                raise answers.wrong("tables", cell, f"a text, a number or None in each cell of the table {table.name}")


def results(about: Mapping[str, Any], tables: Sequence[Table], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `results.json` and `--json` hold, in values of strict JSON: infinity and NaN become null."""
    found = {**about, "tables": [table._asdict() for table in tables], "data": data}
    return {name: strict(value) for name, value in found.items()}


def write_results(folder: Path, found: Mapping[str, Any], tables: Sequence[Table], study: Study) -> Written:
    """Write every file that can be written: a full disk or a failed picture does not keep others from being written."""
    written = Written(folder)
    written.keep("tables.md", write_text, markdown(tables))
    written.keep("results.json", write_json, found)
    for table in tables:
        written.keep(f"tables/{_file_name(table.name)}.csv", write_text, csv_text(table))
    written.draw(study)
    return written


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "table"
