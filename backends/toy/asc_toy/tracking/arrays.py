"""Arrays as a step function sees them once something has written them: tracked by element."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from asc_toy.state import Array
from asc_toy.tracking.operands import is_inert

if TYPE_CHECKING:
    from asc_toy.tracking.elements import ElementTracker

BLIND = frozenset({"bytearray", "shuffle", "type"})
"""Names of what does something else with a `TrackedArray` than with an array, and does not refuse it."""

_SHAPE = frozenset({"shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides"})  # asking for them is no read
_ABOUT_SHAPE = frozenset({np.shape, np.ndim, np.size, np.empty_like, np.zeros_like, np.ones_like})  # nor are these
_SHORTCUTS = frozenset({"__array_interface__", "__array_struct__"})  # numpy prefers them to `__array__`


class TrackedArray:
    """Stands for an array whose elements are tracked, and answers as the array itself.

    Reading or writing an element tracks just that one. A slice is a real view of the memory; it counts as read, and the
    tracker finds out at the end what was written to it. A numpy expression reads all of the array. Anything else that
    an array can do opens the array, and is done to the real one.

    `isinstance(t, np.ndarray)` holds, but compiled code sees another type. Where such code wants memory (`memoryview`,
    `hashlib`, `torch.from_numpy`), it raises TypeError; `np.asarray(t)` is what it accepts. The functions that are
    known not to raise are in `BLIND`. Where a step uses one of them, or catches the TypeError, it gets real arrays.
    """

    __slots__ = ("_tracker",)
    _tracker: ElementTracker
    __hash__ = None  # type: ignore[assignment]  # as an array's

    def __init__(self, tracker: ElementTracker) -> None:
        object.__setattr__(self, "_tracker", tracker)

    @property  # type: ignore[misc]  # isinstance asks for it
    def __class__(self) -> type:
        return np.ndarray

    def __getitem__(self, key: Any) -> Any:
        tracker = self._tracker
        if type(key) is int and tracker.fast:  # the common case: five times as fast as in general
            found = tracker.buffer[key]
            marks = tracker.marks
            if not marks[key]:
                marks[key] = 1
            return found
        return tracker.get(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        tracker = self._tracker
        if type(key) is int and tracker.fast:
            tracker.set_one(key, value)
        else:
            tracker.set(key, _read(value))

    def __delitem__(self, key: Any) -> None:
        del self._tracker.open()[key]  # type: ignore[attr-defined]  # numpy's own refusal

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        tracker = self._tracker
        return np.array(tracker.read() if copy else tracker.open(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        written = (*out, inputs[0]) if method == "at" else out
        writes = any(type(one) is TrackedArray for one in written)
        look = _opened if writes else _look(*inputs, *options.values(), *out)
        inputs = tuple(map(look, inputs))
        options = {name: look(value) for name, value in options.items()}
        if not out:
            return getattr(ufunc, method)(*inputs, **options)
        found = getattr(ufunc, method)(*inputs, out=tuple(map(look, out)), **options)
        results = found if isinstance(found, tuple) else (found,)
        returned = tuple(one if target is None else target for target, one in zip(out, results, strict=True))
        return returned if isinstance(found, tuple) else returned[0]

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in _ABOUT_SHAPE and args and args[0] is self:
            return function(self._tracker.array, *args[1:], **kwargs)
        handles: dict[int, TrackedArray] = {}
        found = function(*_all_opened(args, handles), **_all_opened(kwargs, handles))
        if type(found) is tuple:
            return tuple(handles.get(id(one), one) for one in found)
        return handles.get(id(found), found)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._tracker.open())

    def __contains__(self, value: Any) -> bool:
        return value in _look(value)(self)

    def __len__(self) -> int:
        return len(self._tracker.array)

    def __bool__(self) -> bool:
        return bool(self._tracker.read())

    def __int__(self) -> int:
        return int(self._tracker.read())

    def __float__(self) -> float:
        return float(self._tracker.read())

    def __complex__(self) -> complex:
        return complex(self._tracker.read())

    def __index__(self) -> int:
        return operator.index(self._tracker.read())

    def __bytes__(self) -> bytes:
        return bytes(self._tracker.read())

    def __str__(self) -> str:
        return str(self._tracker.read())

    def __repr__(self) -> str:
        return repr(self._tracker.read())

    def __format__(self, spec: str) -> str:
        return format(self._tracker.read(), spec)

    def __copy__(self) -> Array:
        return self._tracker.read().copy("K")

    def __deepcopy__(self, memo: Any) -> Array:
        return self._tracker.read().copy("K")

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the array itself; from protocol 5 on, a pickle may hold its memory."""
        tracker = self._tracker
        return (tracker.open() if protocol >= 5 else tracker.read()).__reduce_ex__(protocol)

    def __getattr__(self, name: str) -> Any:
        """Do everything else that an array can do to the array itself."""
        if name in _SHAPE:
            return getattr(self._tracker.array, name)
        if name in _SHORTCUTS:
            raise AttributeError(f"an array of the state has no attribute {name!r}; see np.asarray", name=name)
        return getattr(self._tracker.open(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tracker.open(), name, _opened(value))


TrackedArray.__module__, TrackedArray.__qualname__, TrackedArray.__name__ = "numpy", "ndarray", "numpy.ndarray"
# … in messages of Python, such as "unhashable type: 'numpy.ndarray'"


def _read(value: Any) -> Any:
    return value._tracker.read() if type(value) is TrackedArray else value


def _opened(value: Any) -> Any:
    return value._tracker.open() if type(value) is TrackedArray else value


def _look(*others: Any) -> Callable[[Any], Any]:
    """Return how tracked arrays are given to an operation with these: code of other classes may do anything."""
    return _read if all(one is None or type(one) is TrackedArray or is_inert(one) for one in others) else _opened


def _all_opened(value: Any, handles: dict[int, TrackedArray]) -> Any:
    """Replace the tracked arrays in the arguments of a numpy function; `handles` finds them again by their arrays."""
    kind = type(value)
    if kind is TrackedArray:
        array = value._tracker.open()
        handles[id(array)] = value
        return array
    if kind is list or kind is tuple:
        return kind([_all_opened(part, handles) for part in value])
    if kind is dict:
        return {name: _all_opened(part, handles) for name, part in value.items()}
    return value


def _unary(name: str) -> Callable[[Any], Any]:
    operation: Callable[[Any], Any] = getattr(operator, name)
    return lambda self: operation(_read(self))


def _binary(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an array's own operator, which is not always the ufunc: `a ** 0.5` is the square root."""

    def operate(self: TrackedArray, other: Any) -> Any:
        look = _look(other)
        return operation(look(self), look(other))

    return operate


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return _binary(lambda self, other: operation(other, self))


def _in_place(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def operate(self: TrackedArray, other: Any) -> Any:
        array = _opened(self)
        found = operation(array, _look(other)(other))
        return self if found is array else found

    return operate


for _name in ("neg", "pos", "abs", "invert"):
    setattr(TrackedArray, f"__{_name}__", _unary(_name))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(TrackedArray, f"__{_name}__", _binary(getattr(operator, _name)))
for _name in (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "or", "xor"),
):
    _operation = divmod if _name == "divmod" else getattr(operator, f"__{_name}__")
    setattr(TrackedArray, f"__{_name}__", _binary(_operation))
    setattr(TrackedArray, f"__r{_name}__", _reflected(_operation))
    if _name != "divmod":
        setattr(TrackedArray, f"__i{_name}__", _in_place(getattr(operator, f"__i{_name}__")))
