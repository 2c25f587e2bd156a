"""Random text for the lexer, in the form of Python source, which Python's own tokenizer can read."""

from __future__ import annotations

from collections.abc import Callable
from random import Random


def name(draw: Random) -> str:
    """Draw a name."""
    return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz_", k=draw.randint(2, 9))) + str(draw.randint(1, 9))


def names(draw: Random, most: int) -> str:
    """Draw some names, with spaces between them."""
    return " ".join(name(draw) for _ in range(draw.randint(2, most)))


def comment(draw: Random) -> str:
    """Draw the end of a line; three in ten have a comment."""
    return "" if draw.random() < 0.7 else f"  # {names(draw, 9)}"


def docstring(draw: Random) -> str:
    """Draw a string over several lines."""
    return '"""' + "\n".join(names(draw, 10) for _ in range(draw.randint(1, 6))) + '\n"""\n'


def assignment(draw: Random) -> str:
    """Draw an assignment with literals of all kinds."""
    numbers = (str(draw.randrange(10**6)), hex(draw.randrange(10**6)), f"{draw.random():.6f}")
    strings = ('""', f"'{name(draw)} # {name(draw)}'", f'"{name(draw)} \\" {name(draw)}"', f"'it\\'s {name(draw)}'")
    value = draw.choice(numbers + strings)
    return f"{name(draw)} = {name(draw)}[{draw.randrange(100)}] + ({value}){comment(draw)}\n"


def function(draw: Random) -> str:
    """Draw a definition on one line."""
    return f"def {name(draw)}({name(draw)}, {name(draw)}=None): return {name(draw)}({name(draw)}){comment(draw)}\n"


FORMS: tuple[tuple[Callable[[Random], str], int], ...] = ((assignment, 8), (function, 3), (docstring, 1))


def source(size: int, seed: int) -> bytes:
    """Return whole statements, at least `size` bytes and an odd number, drawn again and again from a pool."""
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
