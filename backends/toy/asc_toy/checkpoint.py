"""Checkpoints: words as JSON and arrays as safetensors, in one file that is replaced as a whole."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from asc.errors import AscError
from asc.words import Word
from asc_toy.computation import state_digest
from asc_toy.state import Array

FILE = "state.safetensors"


def save(folder: Path, position: int, words: Mapping[str, Word], arrays: Mapping[str, Array]) -> None:
    """Write a checkpoint. A kill at any moment leaves the old one or the new one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{FILE}.{os.getpid()}"
    coded = {name: _encode(value) for name, value in words.items()}
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    metadata = {
        "position": str(position),
        "words": json.dumps(coded),
        "arrays": json.dumps(shapes),
        "digest": state_digest(position, words, arrays),
    }
    try:
        raw = {name: np.frombuffer(array.tobytes(), np.uint8) for name, array in arrays.items()}
        save_file(raw, temporary, metadata)
        os.replace(temporary, folder / FILE)
    except SafetensorError as error:  # safetensors reports a full disk by an error of its own
        raise OSError(str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(folder: Path) -> tuple[int, dict[str, Word], dict[str, Array]] | None:
    """Read the checkpoint; None if there is none. Raises AscError where the file is damaged."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            metadata: dict[str, str] = file.metadata()
            words = {name: _decode(*coded) for name, coded in json.loads(metadata["words"]).items()}
            arrays = {
                name: np.frombuffer(file.get_tensor(name).tobytes(), dtype).reshape(shape)
                for name, (dtype, shape) in json.loads(metadata["arrays"]).items()
            }
        position = int(metadata["position"])
        if state_digest(position, words, arrays) != metadata["digest"]:
            raise ValueError("its contents do not have the digest that was saved with them")
        return position, words, arrays
    except (SafetensorError, LookupError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise AscError(f"The checkpoint {path} is damaged ({error}). Start the run anew, without --resume.") from error


def readable(value: Word) -> Any:
    """Return a word as a value that JSON can hold, for people; it cannot be read back."""
    if isinstance(value, np.generic):
        return readable(value.item())
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and abs(value) >= 2**53:  # more than every JSON reader can hold
        return str(value) if value.bit_length() <= 1024 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


class _Code(NamedTuple):
    """How words of one type are written as text."""

    kind: type
    encode: Callable[[Any], str]
    decode: Callable[[str], Word]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_CODES = {
    "bool": _Code(bool, lambda value: str(int(value)), lambda text: bool(int(text))),
    "int": _Code(int, hex, lambda text: int(text, 16)),
    # A decimal would lose a NaN's payload.
    "float": _Code(float, lambda value: struct.pack("<d", value).hex(), lambda text: _double(bytes.fromhex(text))),
    "bytes": _Code(bytes, _base64, base64.b64decode),
    "str": _Code(str, str, str),
    # numpy's own bytes would lose an empty text, and NULs at the end.
    "numpy.str_": _Code(np.str_, str.__str__, np.str_),
    "numpy.bytes_": _Code(np.bytes_, _base64, lambda text: np.bytes_(base64.b64decode(text))),
}
"""By the name of the type. Any other name is that of a numpy dtype."""


def _encode(value: Word) -> tuple[str, str]:
    for name, code in _CODES.items():
        if type(value) is code.kind:
            return name, code.encode(value)
    scalar = np.asarray(value)
    return scalar.dtype.str, _base64(scalar.tobytes())


def _decode(name: str, text: str) -> Word:
    if name in _CODES:
        return _CODES[name].decode(text)
    scalar: np.generic = np.frombuffer(base64.b64decode(text), name)[0]
    return scalar


def _double(data: bytes) -> float:
    value: float
    (value,) = struct.unpack("<d", data)
    return value
