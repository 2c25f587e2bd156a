"""The folder of a study: created once, resumable, and refused if it belongs to another study."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import asc
from asc.cli.components import ConfigFrom
from asc.config.differences import differences
from asc.config.validate import validate
from asc.errors import AscError
from asc.records.folders import write_json
from asc.records.lock import LOCK, discard_unused
from asc.records.place import Place
from asc.records.version import require_version
from asc.study import Study

RECORD = "study.json"
_TEMPORARY = re.compile(rf"\.{re.escape(RECORD)}\.\d+\.tmp")  # what a kill leaves that comes before there is a record

Make = Callable[[BaseModel], Study]


class StudyFolder:
    """A study's folder and its record: what is studied, with which settings, and in which state the study is."""

    def __init__(self, path: Path, record: Mapping[str, Any], study: Study, created: bool) -> None:
        self.path, self.study, self._created = path, study, created
        self._record = dict(record)
        self._place = Place(path)

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings of the study, in values that JSON can hold."""
        config: dict[str, Any] = self._record["config"]
        return config

    @property
    def about(self) -> dict[str, Any]:
        """The origin of the results: which study, with which settings, in which state, by which version."""
        origin = {name: self._record[name] for name in ("study", "config", "state")}
        return {**origin, "asc_version": asc.__version__}

    def note(self, state: str) -> None:
        """Record the state of the study, such as "finished". Raises AscError where that fails."""
        self._record["state"] = state
        write_json(self.path / RECORD, self._record)

    def require_in_place(self) -> None:
        """Raise AscError where the folder was removed or renamed, which leaves the study without its results."""
        found = self._place.now()
        if found is None:
            raise AscError(
                f"The folder {self.path} was removed while the study was running, so the study has ended. To start "
                "another one, name a folder with --out."
            )
        if found != self.path:
            raise AscError(
                f"The folder {self.path} was renamed while the study was running, so the study has stopped. To resume "
                f"it, type: asc study {self._record['study']} --resume --out {found}"
            )

    def discard_if_unused(self) -> None:
        """Remove a folder that was created now and holds nothing but the record."""
        with suppress(OSError):
            if self._created and {file.name for file in self.path.iterdir()} <= {RECORD, LOCK}:
                (self.path / RECORD).unlink(missing_ok=True)
        discard_unused(self.path)


def create(path: Path, name: str, config_from: ConfigFrom, make: Make) -> StudyFolder:
    """Create the folder of a new study. Raises AscError where the folder holds something already."""
    if _is_study(path):
        raise AscError(
            f"There is a study in {path} already. To resume it, add --resume; to start another one, name another "
            "folder with --out."
        )
    config = config_from()
    study = make(config)  # before there is a folder, so that a mistake leaves none behind
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(file.name != LOCK and not _TEMPORARY.fullmatch(file.name) for file in path.iterdir()):
            raise AscError(f"{path} holds other files and no study; name a new folder, or an empty one, with --out.")
    except OSError as error:
        raise AscError(
            f"{path} cannot be the folder of a study ({error.strerror}); name one that can be written with --out."
        ) from error
    origin = {"asc_version": asc.__version__, "command": sys.argv[1:], "started": time.time()}
    return StudyFolder(path, {"study": name, "config": config.model_dump(mode="json"), **origin}, study, created=True)


def resume_in(path: Path, name: str, config_from: ConfigFrom, make: Make) -> StudyFolder:
    """Resume the study in a folder; settings that are given now take precedence over its own.

    Raises AscError where the folder holds no study, another study, or one of another version, and where a setting
    differs that the study does not let change.
    """
    if not _is_study(path):
        raise AscError(
            f"There is no study in {path} to resume. To start one, leave --resume out; to resume one in another "
            "folder, name the folder with --out."
        )
    record = _read(path)
    if record["study"] != name:
        raise AscError(
            f'The study in {path} is "{record["study"]}", not "{name}". '
            f"To resume it, type: asc study {record['study']} --resume --out {path}"
        )
    require_version(f"The study in {path}", record)
    config = config_from(record["config"])
    study = make(config)
    before = validate(type(config), record["config"]).model_dump(mode="json")
    given = config.model_dump(mode="json")
    fixed = [setting for setting in given if setting not in study.free]
    changed = [
        f"{name} {then}, and {now} was given"
        for setting in fixed
        for name, then, now in differences(before[setting], given[setting], setting)
    ]
    if changed:
        may = f"; only {', '.join(sorted(study.free))} may change" if study.free else ""
        raise AscError(
            f"The study in {path} was started with {'; with '.join(changed)}. It keeps its settings{may}. "
            "Leave the others out to resume it, or start another one with --out FOLDER."
        )
    return StudyFolder(path, {**record, "config": given}, study, created=False)


def _is_study(path: Path) -> bool:
    try:
        return (path / RECORD).is_file()
    except OSError:
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        record: Any = json.loads((path / RECORD).read_text(encoding="utf-8"))
        sound = isinstance(record["study"], str) and isinstance(record["config"], dict)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not sound:
        raise _damaged(path, "no study, or no settings")
    return dict(record)


def _damaged(path: Path, why: str) -> AscError:
    return AscError(
        f"{path / RECORD} is damaged ({why}); expected the record that a study writes at its start. "
        "Start another one with --out FOLDER."
    )
