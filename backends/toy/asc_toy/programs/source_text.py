"""Random text in the shape of Python source, which Python's own tokenizer reads: what the lexer has to lex."""

from __future__ import annotations

from collections.abc import Callable
from random import Random


def word(draw: Random) -> str:
    """Draw a name."""
    return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz_", k=draw.randint(2, 9))) + str(draw.randint(1, 9))


def words(draw: Random, most: int) -> str:
    """Draw some names with blanks between."""
    return " ".join(word(draw) for _ in range(draw.randint(2, most)))


def comment(draw: Random) -> str:
    """Draw the end of a line, three in ten with a comment."""
    return "" if draw.random() < 0.7 else f"  # {words(draw, 9)}"


def docstring(draw: Random) -> str:
    """Draw a string over several lines."""
    return '"""' + "\n".join(words(draw, 10) for _ in range(draw.randint(1, 6))) + '\n"""\n'


def assignment(draw: Random) -> str:
    """Draw a statement with all sorts of literals."""
    numbers = (str(draw.randrange(10**6)), hex(draw.randrange(10**6)), f"{draw.random():.6f}")
    strings = ('""', f"'{word(draw)} # {word(draw)}'", f'"{word(draw)} \\" {word(draw)}"', f"'it\\'s {word(draw)}'")
    value = draw.choice(numbers + strings)
    return f"{word(draw)} = {word(draw)}[{draw.randrange(100)}] + ({value}){comment(draw)}\n"


def function(draw: Random) -> str:
    """Draw a definition on one line."""
    return f"def {word(draw)}({word(draw)}, {word(draw)}=None): return {word(draw)}({word(draw)}){comment(draw)}\n"


FORMS: tuple[tuple[Callable[[Random], str], int], ...] = ((assignment, 8), (function, 3), (docstring, 1))


def source(size: int, seed: int) -> bytes:
    """Return at least `size` bytes, whole statements and an odd number of bytes, drawn over and over from a pool."""
    draw = Random(seed)
    forms, weights = zip(*FORMS, strict=True)
    pool = [form(draw).encode() for form in draw.choices(forms, weights, k=2048)]
    statements: list[bytes] = []
    length = 0
    while length < size:
        picked = draw.choices(pool, k=1 + (size - length) // 100)
        statements += picked
        length += sum(map(len, picked))
    return b"".join(statements) + b"\n" * (1 - length % 2)
