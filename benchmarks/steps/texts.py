"""Text to work on: made-up words, some of them far more frequent than others, in sentences and lines."""

from __future__ import annotations

from itertools import accumulate
from random import Random

_SYLLABLES = ("ba", "ken", "lo", "mir", "sta", "tu", "ver", "ni", "or", "pal", "qui", "ra", "es", "dom")


def words(count: int, seed: int, vocabulary: int = 2_000) -> list[str]:
    """Draw words by Zipf's law."""
    draw = Random(seed)
    known = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 4))) for _ in range(vocabulary)]
    weights = list(accumulate(1 / rank for rank in range(1, vocabulary + 1)))
    return draw.choices(known, cum_weights=weights, k=count)


def prose(size: int, seed: int) -> str:
    """Write `size` characters of sentences, with numbers, commas and ends of lines."""
    draw = Random(seed)
    parts: list[str] = []
    for number, word in enumerate(words(size // 4 + 1, seed), 1):
        parts.append(str(draw.randrange(10_000)) if number % 23 == 0 else word)
        parts.append(",\n" if number % 41 == 0 else ", " if number % 11 == 0 else ". " if number % 17 == 0 else " ")
    return "".join(parts)[:size]
