"""A lexer over generated Python source, one chunk a step. A chunk needs only the mode from the chunk before."""

from __future__ import annotations

from typing import Any

import numpy as np

from asc_toy.program import Program
from asc_toy.programs.info import Parts
from asc_toy.programs.source_text import source

CHUNK = 4096  # bytes a step
TEXT = 1 << 22  # bytes of text, about; a longer run reads it again, in other chunks, since its length is odd
KINDS = ("names", "numbers", "strings", "comments")
NAME, NUMBER, STRING, COMMENT = 16, 32, 48, 64  # is added to the mode where a token of this kind begins
(
    CODE, IN_NAME, IN_NUMBER, IN_COMMENT, SINGLE, SINGLE_ESCAPE, DOUBLE, DOUBLE_ESCAPE,
    QUOTE, QUOTES, LONG, LONG_ESCAPE, LONG_QUOTE, LONG_QUOTES,
) = range(14)  # fmt: skip
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") | set(range(128, 256))
DIGITS = frozenset(b"0123456789")
BEGINS = {ord("#"): IN_COMMENT + COMMENT, ord("'"): SINGLE + STRING, ord('"'): QUOTE + STRING}
CONTINUES = {
    IN_NAME: LETTERS | DIGITS,
    IN_NUMBER: LETTERS | DIGITS | {ord(".")},
    IN_COMMENT: frozenset(range(256)) - {ord("\n")},
}
# A string's quote, and the next mode after that quote, after a backslash, and after anything else.
STRINGS = {
    SINGLE: (ord("'"), CODE, SINGLE_ESCAPE, SINGLE),
    DOUBLE: (ord('"'), CODE, DOUBLE_ESCAPE, DOUBLE),
    QUOTE: (ord('"'), QUOTES, DOUBLE_ESCAPE, DOUBLE),
    LONG: (ord('"'), LONG_QUOTE, LONG_ESCAPE, LONG),
    LONG_QUOTE: (ord('"'), LONG_QUOTES, LONG_ESCAPE, LONG),
    LONG_QUOTES: (ord('"'), CODE, LONG_ESCAPE, LONG),
}
ESCAPES = {SINGLE_ESCAPE: SINGLE, DOUBLE_ESCAPE: DOUBLE, LONG_ESCAPE: LONG}


def following(mode: int, byte: int) -> int:
    """Return the mode after a byte, plus the kind of token that the byte begins, if it begins one."""
    if mode in ESCAPES:
        return ESCAPES[mode]
    if mode in STRINGS:
        quote, closed, escaped, otherwise = STRINGS[mode]
        return closed if byte == quote else escaped if byte == ord("\\") else otherwise
    if mode == QUOTES and byte == ord('"'):
        return LONG
    if byte in CONTINUES.get(mode, ()):
        return mode
    if byte in LETTERS:
        return IN_NAME + NAME
    return IN_NUMBER + NUMBER if byte in DIGITS else BEGINS.get(byte, CODE)


TABLE = tuple(tuple(following(mode, byte) for byte in range(256)) for mode in range(14))


def step(state: Any) -> None:
    """Lex a chunk; four counters have the number of tokens that began."""
    text, pos, mode = state.text, state.pos, state.mode
    at = pos % len(text)
    chunk = text[at : at + CHUNK].tobytes()
    chunk += text[: CHUNK - len(chunk)].tobytes()
    seen = [0] * (COMMENT + 1)
    for byte in chunk:
        mode = TABLE[mode][byte]
        if mode >= NAME:
            seen[mode & ~15] += 1
            mode &= 15
    for kind, name in enumerate(KINDS, 1):
        state.add(name, seen[kind << 4])
    state.pos = pos + CHUNK
    state.mode = mode


def initial(n: int, seed: int) -> dict[str, Any]:
    """Generate a text of n chunks, or a shorter one that is read several times."""
    text = np.array(bytearray(source(min(n * CHUNK, TEXT), seed)), np.uint8)
    return {"text": text, "pos": 0, "mode": CODE, **dict.fromkeys(KINDS, 0)}


def build(n: int, seed: int) -> Program:
    """Lex n chunks."""
    return Program("lexer", step, initial(n, seed), n)


def by_hand(n: int, seed: int) -> dict[str, Any]:
    """Lex the chunks in one loop."""
    state = initial(n, seed)
    table, mode, seen = TABLE, CODE, [0] * (COMMENT + 1)
    text = state["text"].tobytes()
    laps, rest = divmod(n * CHUNK, len(text))
    for portion in [text] * laps + [text[:rest]]:
        for byte in portion:
            mode = table[mode][byte]
            if mode >= 16:
                seen[mode & 112] += 1
                mode &= 15
    counts = {name: seen[kind << 4] for kind, name in enumerate(KINDS, 1)}
    return {**state, "pos": n * CHUNK, "mode": mode, **counts}


PARTS = Parts(build, by_hand)
