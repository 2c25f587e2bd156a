"""Tokens on disk: one memory-mapped file a set, under a key of everything they depend on, complete or absent."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc.records.leftovers import sweep, temporary_name
from asc_nn_training.data.files import require_file
from asc_nn_training.data.splits import SETS
from asc_nn_training.data.tokenizer import Tokenizer, from_text

Tokens = NDArray[np.unsignedinteger[Any]]
VERSION = 2  # of how text becomes tokens
_META, _TOKENIZER = "meta.json", "tokenizer.json"
_FILES = (*(f"{name}.npy" for name in SETS), _TOKENIZER)


class Tokenized(NamedTuple):
    """Each set's documents in a row, the end token after each: (tokens,), uint16 or uint32."""

    sets: Mapping[str, Tokens]
    tokenizer: Tokenizer


def cache_folder(given: Path | None) -> Path | None:
    """Return the folder of the token cache: as given, `$ASC_CACHE`, or `~/.cache/asc`; None without a home folder."""
    folder = os.path.expanduser(given or os.environ.get("ASC_CACHE") or "~/.cache/asc")
    return None if folder.startswith("~") else Path(folder)


def cached(root: Path | None, key: Mapping[str, Any], make: Callable[[], Tokenized], remarks: list[str]) -> Tokenized:
    """Return the cached tokens of this key; make and cache them if they are absent or damaged.

    If they cannot be cached, they stay in memory, and there is a remark.
    """
    if root is None:
        remarks.append(
            "There is no home folder for a cache, so every run makes its tokens again. Name a folder with --data-cache."
        )
        return make()
    named = hashlib.sha256(json.dumps({**key, "version": VERSION}, sort_keys=True).encode()).hexdigest()[:32]
    folder = root / "tokens" / named
    found = _read(folder, key)
    if found is not None:
        return found
    made = make()
    try:
        _write(folder, made, key)
    except OSError as error:
        remarks.append(
            f"The tokens could not be written to {folder} ({error.strerror or error}), so the next run makes them "
            "again. Free some disk space, or name another folder with --data-cache."
        )
    return _read(folder, key) or made


def _write(folder: Path, made: Tokenized, key: Mapping[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _share(folder.parent)
    sweep(folder.parent)
    temporary = folder.with_name(temporary_name(f"{folder.name}-{secrets.token_hex(4)}"))
    temporary.mkdir()
    try:
        for name, tokens in made.sets.items():
            np.save(temporary / f"{name}.npy", tokens)
        (temporary / _TOKENIZER).write_text(made.tokenizer.to_text(), encoding="utf-8")
        meta = {
            "key": dict(key),
            "digests": {name: _digest(temporary / name) for name in _FILES},
            "end": made.tokenizer.end,
            "vocabulary": made.tokenizer.vocabulary,
        }
        meta["digest"] = _checksum(meta)
        (temporary / _META).write_text(json.dumps(meta), encoding="utf-8")
        for path in (temporary, *temporary.iterdir()):
            _share(path)
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or just written by another process
        temporary.replace(folder)
    except OSError:
        if not _read(folder, key):  # another process may have written the same tokens first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _share(path: Path) -> None:
    """Let the group of a folder that hands its group on (setgid) use what is made in it as it may use the folder.

    Anywhere else, only the umask decides who may read the tokens.
    """
    above, own = path.parent.stat().st_mode, path.stat().st_mode
    group = above & (0o070 if stat.S_ISDIR(own) else 0o060)
    if above & stat.S_ISGID and own | group != own:
        with suppress(PermissionError):  # another member of the group has made it
            path.chmod(stat.S_IMODE(own) | group)


def _read(folder: Path, key: Mapping[str, Any]) -> Tokenized | None:
    try:
        for name in (_META, *_FILES):
            require_file(folder / name)  # a pipe would wait for its writer
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        if meta.pop("digest") != _checksum(meta) or meta["key"] != dict(key):
            return None
        if any(_digest(folder / name) != meta["digests"][name] for name in _FILES):
            return None
        sets = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in SETS}
        tokenizer = from_text((folder / _TOKENIZER).read_text(encoding="utf-8"), meta["end"])
        tokenizer.vocabulary = meta["vocabulary"]
        return Tokenized(sets, tokenizer)
    except Exception:  # noqa: BLE001 -- whatever is wrong with the cached tokens, they are made again
        return None


def _checksum(meta: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(meta, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
