"""Accumulations into the elements of an integer array, recorded apart from the elements themselves."""

from __future__ import annotations

import numpy as np

from asc_toy.state import OPERATIONS, Array


class ElementIncrements:
    """One operation's operands, by flat index in memory order.

    An element has a limited range, and an addition that leaves the range raises in the step. So a sum is applied only
    where no order of its terms could leave the range. The operands of other operations are within the range.
    """

    __slots__ = ("_falls", "operands", "operation")

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.operands: dict[int, int] = {}
        self._falls: dict[int, int] = {}  # by flat index: the sum of the negative terms

    def __len__(self) -> int:
        return len(self.operands)

    def fold(self, index: int, value: int) -> None:
        """Add one operand."""
        operands = self.operands
        operands[index] = OPERATIONS[self.operation](operands[index], value) if index in operands else value
        if value < 0 and self.operation == "add":
            self._falls[index] = self._falls.get(index, 0) + value

    def fits(self, flat: Array) -> bool:
        """Whether the present elements have room for every operand."""
        if self.operation != "add":
            return True
        limits, falls = np.iinfo(flat.dtype), self._falls
        for index, total in self.operands.items():
            present, fall = int(flat[index]), falls.get(index, 0)
            if present + fall < limits.min or present + total - fall > limits.max:
                return False
        return True

    def apply(self, flat: Array) -> None:
        """Apply the operands, which must fit."""
        operate = OPERATIONS[self.operation]
        for index, operand in self.operands.items():
            flat[index] = operate(int(flat[index]), operand)


def suits(operation: str, value: int, buffer: Array) -> bool:
    """Whether an operand may be recorded apart. One beyond the element's range may only be a term of a sum."""
    limits = np.iinfo(buffer.dtype)
    return operation == "add" or limits.min <= value <= limits.max
