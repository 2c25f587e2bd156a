"""Tasks and answers on their way between two processes, as pickles in which classes have numbers.

A class that was made in a function or in a notebook cannot be imported in another process. Sent by value, it would
arrive as another class than the one that the step function knows. So both processes hold a table of the classes that
both know, and a class travels as its number in that table.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

_tables: dict[str, Mapping[int, type]] = {}
_numbers: dict[str, Mapping[int, int]] = {}  # by the address of the class


def share(key: str, classes: Mapping[int, type]) -> None:
    """Make the classes known here that the other process knows by the same numbers, for the program `key`."""
    _tables[key] = classes
    _numbers[key] = {id(kind): number for number, kind in classes.items()}


def forget(key: str) -> None:
    """Undo `share`."""
    _tables.pop(key, None)
    _numbers.pop(key, None)


def dumps(value: Any, key: str) -> bytes:
    """Return the pickle of a value. Raises what pickling raises, where a class has neither a number nor a module."""
    file = io.BytesIO()
    _Pickler(file, key).dump(value)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, key: str) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._key, self._numbers = key, _numbers[key]

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type):
            number = self._numbers.get(id(value))
            if number is not None:
                return _known, (self._key, number)
        return NotImplemented


def _known(key: str, number: int) -> type:
    return _tables[key][number]
