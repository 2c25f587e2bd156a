"""Checkpoints: one folder each, complete or absent; the newest two are kept; no pickle.

A checkpoint holds whole tensors, whatever the number of ranks that trained: `weights.whole` gathers sharded ones, one
after the other, and only the first rank writes. So any number of ranks can resume it, each with its own part. Torch's
distributed checkpoints (DCP) would be written by all ranks at once, but their index is a pickle.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from asc.errors import AscError
from asc_nn_training.training.tree import flatten, unflatten

VERSION = 5  # of the layout
KEPT = 2  # checkpoints
_PREFIX = "step-"
_NAME = re.compile(rf"{_PREFIX}\d{{12}}(-\d{{4,}})?")
_TENSORS, _MANIFEST = "tensors.safetensors", "manifest.json"


def save(folder: Path, position: int, state: Mapping[str, Any]) -> Path:
    """Write a checkpoint and return its folder. A kill at any moment leaves the earlier ones whole. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    name = f"{_PREFIX}{position:012d}"
    before = [int(path.name.removeprefix(name).lstrip("-") or 0) for path in _found(folder) if path.match(f"{name}*")]
    # An earlier checkpoint of this position stays until the new one is complete.
    final = folder / (f"{name}-{max(before) + 1:04d}" if before else name)
    temporary = folder / f".{final.name}.{os.getpid()}"
    written, tensors = flatten(dict(state))
    try:
        temporary.mkdir()
        save_file(_separate(tensors), temporary / _TENSORS)
        manifest = {
            "version": VERSION,
            "position": position,
            "digest": _digest(temporary / _TENSORS),
            "state_digest": _checksum(written),
            "state": written,
        }
        (temporary / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        for file in (temporary / _TENSORS, temporary / _MANIFEST, temporary):
            _sync(file)
        temporary.replace(final)
        _sync(folder)
    except SafetensorError as error:  # safetensors has its own error for a full disk
        raise OSError(str(error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in _found(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load(folder: Path, device: torch.device | str = "cpu") -> tuple[int, dict[str, Any]] | None:
    """Read the newest checkpoint; None if there is none. Raises AscError if it is damaged or has another layout.

    It never falls back to an older checkpoint by itself: the training since then would be lost silently.
    """
    there = _found(folder)
    if not there:
        return None
    newest = there[-1]
    try:
        manifest = _manifest(newest)
        tensors = load_file(newest / _TENSORS, device=str(device))
        return int(manifest["position"]), unflatten(manifest["state"], tensors)
    except _DAMAGE as error:
        good = next((path.name for path in reversed(there[:-1]) if _is_whole(path)), None)
        advice = "there is no other good one: begin a new run, without --resume"
        if good is not None:
            advice = f"the last good one is {good}: delete {newest.name} to resume from there"
        raise AscError(f"The checkpoint {newest} is damaged ({error}); {advice}.") from error


_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF}
"""What is answered where folders or files cannot be synchronised; Windows refuses to open a folder (EACCES)."""
_DAMAGE = (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError)


def _manifest(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint's manifest, and check its digests. Raises one of `_DAMAGE` if a digest is wrong."""
    for name in (_MANIFEST, _TENSORS):
        if not (checkpoint / name).is_file():  # opening a pipe would wait for its writer
            raise ValueError(f"{name} is missing, or no ordinary file")
    manifest: dict[str, Any] = json.loads((checkpoint / _MANIFEST).read_text(encoding="utf-8"))
    if manifest["version"] != VERSION:
        raise AscError(
            f"The checkpoint {checkpoint} has layout {manifest['version']}, and this version of asc-nn-training reads "
            f"layout {VERSION}. Resume it with the version that wrote it, or begin a new run without --resume."
        )
    if _checksum(manifest["state"]) != manifest["state_digest"] or _digest(checkpoint / _TENSORS) != manifest["digest"]:
        raise ValueError("its content does not match its digest")
    return manifest


def _is_whole(checkpoint: Path) -> bool:
    try:
        return bool(_manifest(checkpoint))
    except (*_DAMAGE, AscError):
        return False


def _checksum(written: Any) -> str:
    return hashlib.blake2b(json.dumps(written).encode()).hexdigest()


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors on the CPU, each alone in its storage, as safetensors requires; copied only if needed."""
    separate: dict[str, Tensor] = {}
    addresses: set[int] = set()
    for name, given in tensors.items():
        tensor = given.cpu()
        storage = tensor.untyped_storage()
        if not tensor.is_contiguous() or storage.nbytes() != tensor.nbytes or storage.data_ptr() in addresses:
            tensor = tensor.contiguous().clone()
        addresses.add(tensor.untyped_storage().data_ptr())
        separate[name] = tensor
    return separate


def _found(folder: Path) -> list[Path]:
    """Return the complete checkpoints, oldest first, without copies that people keep, such as `step-40-backup`."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*") if _NAME.fullmatch(path.name) and path.is_dir())


def _sweep(folder: Path) -> None:
    """Remove what killed processes have left incomplete."""
    for path in folder.glob(f".{_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _sync(path: Path) -> None:
    """Write a file or folder through to the disk, where the file system can: some network and FUSE ones cannot."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
