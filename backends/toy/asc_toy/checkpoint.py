"""Checkpoints: words as JSON and arrays as safetensors, in one file that is replaced whole."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from asc.errors import AscError
from asc.words import Word
from asc_toy.state import Array

FILE = "state.safetensors"


def save(folder: Path, position: int, words: Mapping[str, Word], arrays: Mapping[str, Array]) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{FILE}.{os.getpid()}"
    coded = {name: _encode(value) for name, value in words.items()}
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    metadata = {"position": str(position), "words": json.dumps(coded), "arrays": json.dumps(shapes)}
    try:
        raw = {name: np.frombuffer(array.tobytes(), np.uint8) for name, array in arrays.items()}
        save_file(raw, temporary, metadata)
        os.replace(temporary, folder / FILE)
    except SafetensorError as error:  # safetensors wraps a full disk in an error of its own
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
            return int(metadata["position"]), words, arrays
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise AscError(f"The checkpoint {path} is damaged ({error}). Start the run anew, without --resume.") from error


def readable(value: Word) -> Any:
    """Return a word as a value that JSON can hold, for people rather than for reading back."""
    if isinstance(value, np.generic):
        return readable(value.item())
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and abs(value) >= 2**53:  # more than a JSON reader may hold
        return str(value) if value.bit_length() <= 1024 else f"an integer of {value.bit_length()} bits"
    return value


def _encode(value: Word) -> tuple[str, str]:
    if isinstance(value, np.generic):
        return value.dtype.str, base64.b64encode(value.tobytes()).decode()
    if isinstance(value, bytes):
        return "bytes", base64.b64encode(value).decode()
    if isinstance(value, float):
        return "float", value.hex()
    if isinstance(value, str):
        return "str", value
    return ("bool", str(int(value))) if isinstance(value, bool) else ("int", hex(value))


def _decode(kind: str, text: str) -> Word:
    match kind:
        case "int":
            return int(text, 16)
        case "bool":
            return text == "1"
        case "float":
            return float.fromhex(text)
        case "bytes":
            return base64.b64decode(text)
        case "str":
            return text
    scalar: np.generic = np.frombuffer(base64.b64decode(text), kind)[0]
    return scalar
