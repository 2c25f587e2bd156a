"""The results in a study's folder, for people and programs: numbers, tables and pictures."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from asc.errors import AscError
from asc.records.folders import write_json, write_text
from asc.records.numbers import finite
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
            if not any(target.iterdir()):
                target.rmdir()
        except (AscError, OSError) as error:
            self.warnings.append(f"Not all pictures could be drawn: {str(error).rstrip('.')}.")
        else:
            self.files += [f"figures/{path.name}" for path in drawn]


def results(about: Mapping[str, Any], tables: Sequence[Table], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `results.json` and `--json` hold, in values of strict JSON: infinity and NaN become null."""
    found = {**about, "tables": [table._asdict() for table in tables], "data": data}
    return {name: _strict(value) for name, value in found.items()}


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


def _strict(value: Any) -> Any:
    """Replace values that strict JSON lacks."""
    match value:
        case None | str() | bool():
            return value
        case Mapping():
            return {str(key): _strict(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_strict(inner) for inner in value]
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            return finite(float(value))
    return str(value)
