"""Seeds that were done elsewhere, or long ago: their journals beside the results, so that later ones join them.

A study's tables are made from its seeds' journals alone. Kept in the folder of results, compressed, they let a study
be done a few seeds at a time on machines that keep nothing.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_JOURNAL, _STUDY, _RUNS = "journal.jsonl", "study.json", "runs.json"


def pack(study: Path, target: Path, where: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the seeds of a study that are done, and `where` each was; return that of all that are kept."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(study / _STUDY, target / _STUDY)
    runs = kept(target)
    for journal in sorted(study.glob(f"seed-*/{_JOURNAL}")):
        name, text = journal.parent.name, journal.read_bytes()
        if name not in runs and _ended(text):
            (target / f"{name}.jsonl.gz").write_bytes(gzip.compress(text, mtime=0))
            runs[name] = {**where, "corpus": json.loads(text.splitlines()[-1]).get("outcome", {}).get("corpus")}
    (target / _RUNS).write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    return runs


def unpack(source: Path, study: Path) -> None:
    """Put the seeds that are kept into a study's folder, but for those that are done there."""
    if not (source / _STUDY).exists():
        return
    study.mkdir(parents=True, exist_ok=True)
    if not (study / _STUDY).exists():
        shutil.copy(source / _STUDY, study / _STUDY)
    for name in kept(source):
        journal = study / name / _JOURNAL
        if not journal.exists() or not _ended(journal.read_bytes()):
            journal.parent.mkdir(exist_ok=True)
            journal.write_bytes(gzip.decompress((source / f"{name}.jsonl.gz").read_bytes()))


def kept(folder: Path) -> dict[str, Any]:
    """Return where each seed was done that is kept, by the name of its folder."""
    path = folder / _RUNS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _ended(journal: bytes) -> bool:
    try:
        return bool(json.loads(journal.splitlines()[-1])["kind"] == "end")
    except (LookupError, ValueError):  # empty, or torn
        return False
