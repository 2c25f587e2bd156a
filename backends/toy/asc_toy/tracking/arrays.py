"""Arrays as a step function sees them once something has written them: tracked by element.

Before its first write an array is a guarded view: it is read at numpy's own speed, and all of it counts as read. A
tracked array marks the elements that are read before they are written. Both return values or guarded views.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from asc_toy.state import Array
from asc_toy.tracking.elements import ElementTracker


class TrackedArray(NDArrayOperatorsMixin):
    """Stands for an array whose elements are tracked. A numpy expression reads all of it.

    Every question and conversion gives what the array itself would give.
    """

    __slots__ = ("_flat", "_tracker")

    def __init__(self, tracker: ElementTracker) -> None:
        self._tracker = tracker
        tracker.track()
        self._flat = tracker.buffer.ndim == 1

    @property  # type: ignore[misc]  # isinstance asks for it
    def __class__(self) -> type:
        return np.ndarray

    def __getitem__(self, key: Any) -> Any:
        tracker = self._tracker
        if type(key) is int and self._flat:  # the common case: three times as fast as with masks
            found = tracker.buffer[key]
            if not tracker.written_flags[key]:
                tracker.read_flags[key] = 1
            return found
        return tracker.get(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._tracker.write(key, value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._tracker.whole(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        options = {name: _plain(value) for name, value in options.items()}
        if not out:
            return getattr(ufunc, method)(*map(_plain, inputs), **options)
        targets = tuple(None if target is None else np.array(target) for target in out)
        found = getattr(ufunc, method)(*map(_plain, inputs), out=targets, **options)
        results = found if isinstance(found, tuple) else (found,)
        for target, result in zip(out, results, strict=True):
            if target is not None:
                target[...] = result
        given = tuple(result if target is None else target for target, result in zip(out, results, strict=True))
        return given if isinstance(found, tuple) else given[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._tracker.get(...))

    def __contains__(self, value: Any) -> bool:
        return value in self._tracker.whole()

    def __len__(self) -> int:
        return len(self._tracker.buffer)

    def __bool__(self) -> bool:
        return bool(self._tracker.whole())

    def __int__(self) -> int:
        return int(self._tracker.whole())

    def __float__(self) -> float:
        return float(self._tracker.whole())

    def __complex__(self) -> complex:
        return complex(self._tracker.whole())

    def __index__(self) -> int:
        return operator.index(self._tracker.whole())

    def __bytes__(self) -> bytes:
        return bytes(self._tracker.whole())

    def __str__(self) -> str:
        return str(self._tracker.whole())

    def __repr__(self) -> str:
        return repr(self._tracker.whole())

    def __format__(self, spec: str) -> str:
        return format(self._tracker.whole(), spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy and pickle the array itself."""
        return np.array(self).__reduce_ex__(protocol)

    def __getattr__(self, name: str) -> Any:
        """Do everything else that an array can do on a guarded view of the whole."""
        if name in _SHAPE:
            return getattr(self._tracker.buffer, name)
        if name.startswith("_"):  # protocols that would reach the memory unnoticed
            raise AttributeError(f"an array of the state has no attribute {name!r}", name=name)
        return getattr(self._tracker.get(...), name)


_SHAPE = frozenset(
    {"shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides"}
)  # they never change, so asking for them is no read


def _plain(value: Any) -> Any:
    return value._tracker.whole() if type(value) is TrackedArray else value
