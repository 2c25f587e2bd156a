"""Checkpoints: a folder for each, whole or not there, of which the newest two are kept; no pickle."""

from __future__ import annotations

import hashlib
import json
import os
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

VERSION = 2  # of the layout
KEPT = 2
_PREFIX = "step-"
_TENSORS, _MANIFEST = "tensors.safetensors", "manifest.json"


def save(folder: Path, position: int, state: Mapping[str, Any]) -> Path:
    """Write a checkpoint and return its folder; a kill at any moment leaves those that were there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    name = f"{_PREFIX}{position:012d}"
    before = [int(path.name.removeprefix(name).lstrip("-") or 0) for path in folder.glob(f"{name}*")]
    # What was written at this place before stays until this is whole.
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
    except SafetensorError as error:  # safetensors wraps a full disk in an error of its own
        raise OSError(str(error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in _found(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load(folder: Path, device: torch.device | str = "cpu") -> tuple[int, dict[str, Any]] | None:
    """Read the newest checkpoint; None where there is none. Raises AscError where it is damaged or of another version.

    It never goes back to an older one by itself: what was trained since would be lost without a word.
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
        good = next((path.name for path in reversed(there[:-1]) if _whole(path)), None)
        rest = "there is no other that is whole: start anew, without --resume"
        if good is not None:
            rest = f"the last good one is {good}: delete {newest.name} to go on from there"
        raise AscError(f"The checkpoint {newest} is damaged ({error}); {rest}.") from error


_DAMAGE = (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError)


def _manifest(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint's manifest, once it and the tensors are what was written. Raises one of `_DAMAGE` otherwise."""
    manifest: dict[str, Any] = json.loads((checkpoint / _MANIFEST).read_text(encoding="utf-8"))
    if manifest["version"] != VERSION:
        raise AscError(
            f"The checkpoint {checkpoint} has layout {manifest['version']}, and this version of asc-nn-training reads "
            f"layout {VERSION}. Resume it with the version that wrote it, or start anew."
        )
    if _checksum(manifest["state"]) != manifest["state_digest"] or _digest(checkpoint / _TENSORS) != manifest["digest"]:
        raise ValueError("it does not have the digest that was noted down with it")
    return manifest


def _whole(checkpoint: Path) -> bool:
    try:
        return bool(_manifest(checkpoint))
    except (*_DAMAGE, AscError):
        return False


def _checksum(written: Any) -> str:
    return hashlib.blake2b(json.dumps(written).encode()).hexdigest()


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return them on the CPU, each alone in its storage, as safetensors wants them; copied only where they are not."""
    separate: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, given in tensors.items():
        tensor = given.cpu()
        storage = tensor.untyped_storage()
        if not tensor.is_contiguous() or storage.nbytes() != tensor.nbytes or storage.data_ptr() in places:
            tensor = tensor.contiguous().clone()
        places.add(tensor.untyped_storage().data_ptr())
        separate[name] = tensor
    return separate


def _found(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*") if path.is_dir())


def _sweep(folder: Path) -> None:
    """Remove what a killed process has left half-written."""
    for path in folder.glob(f".{_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
