"""Instances of classes written in Python: dataclasses, and all others whose attributes are all that they have."""

from __future__ import annotations

import types
from typing import Any

from asc_toy.content.kind import Columns, Head, Kind
from asc_toy.content.values import described, named

_Slot = types.MemberDescriptorType
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE of object.h
_C_DESCRIPTORS = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)


def is_python_class(cls: type) -> bool:
    """Whether a class statement made the class, so that attributes and slots are all that it adds to its bases."""
    if not cls.__flags__ & _HEAP_TYPE:
        return False
    for name, value in vars(cls).items():
        own = getattr(value, "__objclass__", None) is cls
        if own and isinstance(value, _C_DESCRIPTORS):
            return False
        if own and isinstance(value, types.GetSetDescriptorType) and name not in ("__dict__", "__weakref__"):
            return False
    return True


def hindrance(cls: type) -> str:
    """Return why instances of a class cannot be taken apart, as a phrase; "" where they can."""
    name = described(cls)
    if cls is object:
        return "a bare `object()`"
    for base in cls.__mro__[:-1]:
        if not is_python_class(base):
            return name if base is cls else f"{name}, which extends {named(base).removeprefix('builtins.')}"
        if any(isinstance(vars(base).get(hidden), property) for hidden in ("__class__", "__dict__")):
            return f"{name}, which stands for another object"
    if getattr(cls, "__del__", None) is not None:
        return f"{name}, whose class has a `__del__`"
    make: object = cls.__new__
    if make is not object.__new__:
        return f"{name}, whose class has a `__new__`"
    return ""


def slots_of(cls: type) -> list[types.MemberDescriptorType]:
    """Return the slots of a class and its bases."""
    return [slot for base in cls.__mro__ for slot in vars(base).values() if isinstance(slot, _Slot)]


def object_kind(cls: type[Any]) -> Kind:
    """Return the kind of the instances of a class that `hindrance` allows.

    A frozen dataclass is closed, as a tuple is: its identity is no content. But `object.__setattr__` can change it, so
    duplicates do not share it.
    """
    slots = slots_of(cls)
    has_dict = cls.__dictoffset__ != 0

    def head(value: Any) -> Head:
        return tuple([_is_set(slot, value) for slot in slots]), tuple(vars(value)) if has_dict else ()

    def columns(value: Any) -> Columns:
        filled = [slot.__get__(value) for slot in slots if _is_set(slot, value)]
        return filled, list(vars(value).values()) if has_dict else []

    def new(_head: Head, _columns: Columns) -> Any:
        return object.__new__(cls)

    def fill(value: Any, head: Head, columns: Columns) -> None:
        filled, attributes = columns
        for slot, part in zip(_filled(head), filled, strict=True):
            slot.__set__(value, part)
        if has_dict:
            # Attributes are quick to reach in a dictionary of its own, and slow in one that `vars` has made of slots.
            object.__setattr__(value, "__dict__", dict(zip(head[1], attributes, strict=True)))

    def new_filled(head: Head, columns: Columns) -> Any:
        value = new(head, columns)
        fill(value, head, columns)
        return value

    def place(head: Head, _columns: Columns, column: int, index: int) -> str:
        return f".{head[1][index] if column else _filled(head)[index].__name__}"

    def _filled(head: Head) -> list[types.MemberDescriptorType]:
        return [slot for slot, is_set in zip(slots, head[0], strict=True) if is_set]

    name = f"object {named(cls)}"
    if is_frozen(cls):
        return Kind(name, head, new_filled, columns, place=place, renewed=True)
    return Kind(name, head, new, columns, fill, place)


def is_frozen(cls: type) -> bool:
    """Whether a class is a frozen dataclass itself, not only by a base."""
    parameters = vars(cls).get("__dataclass_params__")
    return parameters is not None and bool(parameters.frozen)


def _is_set(slot: types.MemberDescriptorType, value: Any) -> bool:
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True


def _fill_namespace(value: Any, head: Head, columns: Columns) -> None:
    vars(value).update(zip(head, columns[0], strict=True))


NAMESPACE = Kind(
    "SimpleNamespace",
    lambda value: tuple(vars(value)),
    lambda _, __: types.SimpleNamespace(),
    lambda value: (list(vars(value).values()),),
    _fill_namespace,
    lambda head, _columns, _column, index: f".{head[index]}",
)
