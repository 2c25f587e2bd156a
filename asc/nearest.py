"""Finds the word that a misspelt one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like this one, or None where none is alike; case, `-` and `_` do not count."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is misspelt

    plain = {name.lower().replace("-", "_"): name for name in known}
    matches = get_close_matches(word.lower().replace("-", "_"), plain, n=1)
    return plain[matches[0]] if matches else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "…"?`, or a full stop where nothing is alike: the end of a sentence."""
    match = nearest(word, known)
    return "." if match is None else f'; did you mean "{match}"?'
