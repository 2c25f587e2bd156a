"""A template: source text with placeholders, drawn for a program's own words.

    s.<+int> = <value>        an int word that statements change all the time gets a value of this step
    s.<list>[<at>]            a list, at a position that it has

`<int2>` is another draw of the same kind. The kinds are in `fuzzing.draw`.
"""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """Something that a step may do."""

    source: str
    may: tuple[str, ...] = ()
    first: str = ""


def templates(text: str, *may: str) -> tuple[Template, ...]:
    """Read templates that are separated by empty lines."""
    return tuple(Template(block.strip("\n"), may) for block in text.strip("\n").split("\n\n"))
