"""Keeps the journals of finished seeds beside the results, so that other seeds can be added later.

A study's tables are made from its seeds' journals alone. With compressed journals in the folder of results, a study can
run a few seeds at a time on machines that are deleted afterwards.
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
    """Keep the finished seeds of a study with `where` each ran; return where every kept seed ran."""
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
    """Copy kept seeds into a study's folder, except seeds that are finished there."""
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
    """Return where each kept seed ran, by the name of its folder."""
    path = folder / _RUNS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _ended(journal: bytes) -> bool:
    try:
        return bool(json.loads(journal.splitlines()[-1])["kind"] == "end")
    except (LookupError, ValueError):  # empty, or cut short
        return False
