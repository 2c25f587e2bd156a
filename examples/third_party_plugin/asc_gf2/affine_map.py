"""An affine map x' = A·x + b over GF(2), learnt from examples. Bit vectors are Python integers, and addition is XOR."""

from __future__ import annotations


class AffineMap:
    """Knows x' where x differs from the first example by a sum of differences seen so far.

    A and b are never computed. Since A·(x + x₀) = x' + x₀', each example gives a difference and its image. Gaussian
    elimination keeps them in echelon form, one row for each leading bit.
    """

    def __init__(self) -> None:
        self._origin: tuple[int, int] | None = None
        self._rows: dict[int, tuple[int, int]] = {}  # by leading bit: a difference and its image

    def learn(self, before: int, after: int) -> int:
        """Learn an example. Return the bits of `after` that contradict the earlier examples."""
        if self._origin is None:
            self._origin = before, after
            return 0
        return self._add(before ^ self._origin[0], after ^ self._origin[1])

    def follow(self, vector: int) -> int | None:
        """Return the image of a vector; None where the examples do not determine it."""
        if self._origin is None:
            return None
        rest, image = self._reduce(vector ^ self._origin[0], 0)
        return None if rest else image ^ self._origin[1]

    def restricted(self, mask: int) -> tuple[AffineMap, int]:
        """Return the map of the masked bits alone, and those masked bits that depend on bits outside the mask."""
        smaller, unexplained = AffineMap(), 0
        if self._origin is not None:
            smaller.learn(self._origin[0] & mask, self._origin[1] & mask)
            for difference, image in self._rows.values():
                unexplained |= smaller._add(difference & mask, image & mask)
        return smaller, unexplained

    def _add(self, difference: int, image: int) -> int:
        difference, image = self._reduce(difference, image)
        if not difference:
            return image  # zero maps to zero, so every bit that is left is a contradiction
        self._rows[difference.bit_length()] = difference, image
        return 0

    def _reduce(self, difference: int, image: int) -> tuple[int, int]:
        while row := self._rows.get(difference.bit_length()):
            difference, image = difference ^ row[0], image ^ row[1]
        return difference, image
