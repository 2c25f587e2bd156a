"""Nested values as JSON and named tensors: the content of a checkpoint."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asc.errors import AscError


def flatten(value: Any) -> tuple[Any, dict[str, Tensor]]:
    """Return a value as JSON can hold it, and its tensors and arrays by name.

    `unflatten` returns dictionaries with string or whole-number keys, lists, tuples, strings, bytes, numbers, None,
    fractions, numpy scalars and arrays, and tensors with the types that they had. Raises AscError for other types.
    """
    tensors: dict[str, Tensor] = {}
    return _write(value, tensors), tensors


def unflatten(written: Any, tensors: Mapping[str, Tensor]) -> Any:  # noqa: PLR0911 -- one for each kind
    """Return the value. Raises LookupError, TypeError or ValueError if `flatten` did not write it."""
    if not isinstance(written, list):
        return written
    kind, content = written
    match kind:
        case "dict":
            return {key: unflatten(inner, tensors) for key, inner in content}
        case "list":
            return [unflatten(inner, tensors) for inner in content]
        case "tuple":
            return tuple(unflatten(inner, tensors) for inner in content)
        case "float":
            return float(content)
        case "bytes":
            return base64.b64decode(content)
        case "fraction":
            return Fraction(content)
        case "tensor":
            return tensors[content]
        case "array":
            name, dtype = content
            return tensors[name].cpu().numpy().view(np.dtype(dtype))
        case "scalar":
            dtype, data = content
            return np.frombuffer(base64.b64decode(data), np.dtype(dtype))[0]
    raise ValueError(f"there is no kind of value {kind!r}")


def transformed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a value with each of its tensors changed, in their order."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: transformed(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [transformed(each, change) for each in value]
        return inner if isinstance(value, list) else tuple(inner)
    return value


def _write(value: Any, tensors: dict[str, Tensor]) -> Any:  # noqa: PLR0911 -- one for each kind
    if isinstance(value, Tensor):
        return ["tensor", _keep(value.detach(), tensors)]
    if isinstance(value, np.ndarray):
        bits = np.array(value, order="C").view(_carrier(value.dtype))
        return ["array", [_keep(torch.from_numpy(bits), tensors), value.dtype.str]]
    if isinstance(value, np.generic):
        return ["scalar", [value.dtype.str, base64.b64encode(value.tobytes()).decode()]]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ["float", str(value)]
    if isinstance(value, Fraction):
        return ["fraction", str(value)]
    if isinstance(value, bytes):
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, Mapping) and all(isinstance(key, str | int) for key in value):
        return ["dict", [[key, _write(inner, tensors)] for key, inner in value.items()]]
    if isinstance(value, list | tuple):
        return ["list" if isinstance(value, list) else "tuple", [_write(inner, tensors) for inner in value]]
    raise AscError(
        f"A checkpoint cannot hold a {type(value).__name__}: give dictionaries, lists, numbers, strings, numpy arrays "
        "and tensors."
    )


def _carrier(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the signed integer type of the same size, which holds the same bits."""
    if dtype.itemsize not in (1, 2, 4, 8):
        raise AscError(f"A checkpoint cannot hold an array of {dtype}: give numbers of at most 64 bits.")
    return np.dtype(f"i{dtype.itemsize}")


def _keep(tensor: Tensor, tensors: dict[str, Tensor]) -> str:
    name = f"{len(tensors):06d}"
    tensors[name] = tensor
    return name
