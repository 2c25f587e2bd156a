"""Checkpoints of a backend whose states are small: a snapshot and the engine's state, in one JSON file.

    def save(self, computation, folder, state):
        save_checkpoint(folder, computation.snapshot(), state)

    def load(self, computation, folder):
        found = load_checkpoint(folder)
        if found is None:
            return None
        computation.restore(found.snapshot)
        return found.state

A state of large tensors is better kept in safetensors.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asc.errors import AscError
from asc.records.folders import write_text
from asc.types import EngineState, Snapshot

FILE = "checkpoint.json"

_ARRAY, _FLOAT, _TUPLE = "asc:array", "asc:float", "asc:tuple"  # JSON has neither arrays nor NaN nor tuples
_EXPECTED = (
    "dictionaries with string keys, lists, tuples, numbers, strings, truth values, None and numpy arrays of numbers"
)


class Saved(NamedTuple):
    """What a checkpoint holds."""

    snapshot: Snapshot
    state: EngineState


def save_checkpoint(folder: Path, snapshot: Snapshot, state: EngineState = EngineState()) -> None:  # noqa: B008
    """Write a checkpoint into a folder, which is made where there is none. A kill leaves the old one or the new one.

    Raises AscError where the folder cannot be written, and for a value of another type than `load_checkpoint` returns
    bit for bit: dictionaries with string keys, lists, tuples, numbers, strings, None, and numpy arrays of numbers.
    """
    written = {
        "snapshot": _written("snapshot", tuple(snapshot)),
        "state": _written("state", dict(state.state)),
        "history": [_written("history", tuple(earlier)) for earlier in state.history],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AscError(f"The folder {folder} cannot be made ({error.strerror}): name another with --out.") from error
    write_text(folder / FILE, json.dumps(written, allow_nan=False))


def load_checkpoint(folder: Path) -> Saved | None:
    """Return what a folder's checkpoint holds; None where there is no checkpoint. Raises AscError for a damaged one."""
    path = folder / FILE
    try:
        found = json.loads(path.read_bytes())
        history = tuple(Snapshot(*_read(earlier)) for earlier in found["history"])
        return Saved(Snapshot(*_read(found["snapshot"])), EngineState(_read(found["state"]), history))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AscError(f"The checkpoint {path} cannot be read ({error.strerror}): see who may read it.") from error
    except (ValueError, LookupError, TypeError, RecursionError, struct.error) as error:
        raise AscError(f"The checkpoint {path} is damaged ({error}): start a new run, without --resume.") from error


def _written(where: str, value: Any) -> Any:
    """Return a value as JSON holds it. `where` is its place, for the error of a value that cannot be written."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {_FLOAT: struct.pack(">d", value).hex()}
    if kind is list:
        return [_written(f"{where}[{number}]", part) for number, part in enumerate(value)]
    if kind is tuple:
        return {_TUPLE: _written(where, list(value))}
    if isinstance(value, Mapping) and not any(type(name) is not str or name.startswith("asc:") for name in value):
        return {name: _written(f"{where}.{name}", part) for name, part in value.items()}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {_ARRAY: [value.dtype.str, None if isinstance(value, np.generic) else list(value.shape), data]}
    raise AscError(f"A checkpoint cannot hold {where}, of type {kind.__name__}; expected {_EXPECTED}.")


def _read(written: Any) -> Any:
    """Return the value that was written. Raises ValueError and others where nothing was written like this."""
    if isinstance(written, list):
        return [_read(part) for part in written]
    if not isinstance(written, dict):
        return written
    if _FLOAT in written:
        number: float = struct.unpack(">d", bytes.fromhex(written[_FLOAT]))[0]
        return number
    if _TUPLE in written:
        return tuple(_read(written[_TUPLE]))
    if _ARRAY not in written:
        return {name: _read(part) for name, part in written.items()}
    kind, shape, data = written[_ARRAY]
    numbers = np.frombuffer(base64.b64decode(data, validate=True), np.dtype(kind))
    return numbers[0] if shape is None else numbers.reshape(shape).copy()
