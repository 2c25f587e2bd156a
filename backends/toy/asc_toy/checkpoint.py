"""Checkpoints: the state as JSON, the bytes of its arrays as safetensors, in one file that is replaced as a whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from asc.config.differences import require_same
from asc.errors import AscError
from asc.records.leftovers import temporary_name
from asc_toy.content import Bytes, OrderError, UnknownClassError, classes_of, decode, encode, named

FILE = "state.safetensors"
_TEXT = "state"  # the name of the tensor that has the JSON; arrays have numbers
_ANEW = "Start the run anew, without --resume."


def save(folder: Path, position: int, state: Mapping[str, Any], origin: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint of words in their order, with what they share. A kill leaves the old one or the new one.

    `origin` says in values of JSON which run this is, so that `load` refuses another one's checkpoint.

    Raises OSError, and AscError where a word cannot be saved.
    """
    arrays: list[Bytes] = []
    try:
        text = json.dumps(encode(dict(state), arrays)).encode()
    except TypeError:
        _refuse(state)
        raise
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / temporary_name(FILE)
    tensors = {_TEXT: np.frombuffer(text, np.uint8), **{str(number): array for number, array in enumerate(arrays)}}
    metadata = {"position": str(position), "checksum": _checksum(position, text, arrays), "origin": json.dumps(origin)}
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, folder / FILE)
    except SafetensorError as error:  # safetensors reports a full disk by an error of its own
        raise OSError(str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(
    folder: Path, like: Mapping[str, Any], known: Iterable[type] = (), origin: Mapping[str, Any] | None = None
) -> tuple[int, dict[str, Any]] | None:
    """Read position and state from the checkpoint; None if there is none.

    The classes of values are those in `like`, the program's initial state, and the `known` ones: nothing is imported.
    Raises AscError where the file is damaged or of another origin, and where a set gets another order.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        position, text, arrays, found = _read(path)
    except (SafetensorError, LookupError, ValueError, TypeError, RecursionError) as error:
        raise AscError(f"The checkpoint {path} is damaged ({error}). {_ANEW}") from error
    require_same(f"The checkpoint {path}", found or {}, origin or {})
    classes = {named(cls): cls for cls in known} | classes_of(like.values())
    try:
        return position, decode(json.loads(text), classes, arrays)
    except UnknownClassError as error:
        raise AscError(
            f"The checkpoint {path} holds a `{error}`, and the program's initial state holds none. Put one into the "
            f"initial state. {_ANEW}"
        ) from error
    except OrderError as error:
        raise AscError(
            f"The checkpoint {path} holds a set whose order depends on the hashes of one process. Set PYTHONHASHSEED=0 "
            f"in the environment. {_ANEW}"
        ) from error
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise AscError(f"The checkpoint {path} belongs to another program ({error}). {_ANEW}") from error


def _read(path: Path) -> tuple[int, bytes, list[Bytes], Mapping[str, Any] | None]:
    """Return position, JSON, arrays and origin as they were written. Raises ValueError and others at damage."""
    if not path.is_file():  # opening a pipe would wait for its writer
        raise ValueError("it is no ordinary file")
    with safe_open(path, "numpy") as file:
        metadata: dict[str, str] = file.metadata()
        arrays = [file.get_tensor(str(number)) for number in range(len(file.keys()) - 1)]
        text = file.get_tensor(_TEXT).tobytes()
    position = int(metadata["position"])
    if _checksum(position, text, arrays) != metadata["checksum"]:
        raise ValueError("its contents do not have the checksum that was saved with them")
    return position, text, arrays, json.loads(metadata.get("origin", "null"))


def _checksum(position: int, text: bytes, arrays: Iterable[Bytes]) -> str:
    sha = hashlib.sha256(f"{position} {len(text)}\n".encode() + text)
    for array in arrays:
        sha.update(f"{array.dtype} {array.shape}\n".encode())
        sha.update(array.data)
    return sha.hexdigest()


def _refuse(state: Mapping[str, Any]) -> None:
    """Raise the error for the word that cannot be encoded."""
    for name, value in state.items():
        try:
            encode(value)
        except TypeError as error:
            raise AscError(f"The state word {name!r} cannot be saved in a checkpoint. {error}") from error
