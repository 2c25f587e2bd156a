"""Text for a terminal or a log file: no character makes a view fail or steers a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # control characters, but neither tab nor line feed


def printable(text: str) -> str:
    """Replace control characters by text, such as the one that begins a terminal's escape sequences by `\\x1b`."""
    return _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def encodable(text: str, encoding: str) -> str:
    """Replace characters that the encoding lacks by question marks."""
    return text.encode(encoding, "replace").decode(encoding)


class Encodable:
    """A renderable whose text `replace(text, encoding)` keeps within the console's encoding."""

    def __init__(self, inner: RenderableType, replace: Callable[[str, str], str] = encodable) -> None:
        self._inner, self._replace = inner, replace

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            text = segment.text if segment.control else self._replace(segment.text, options.encoding)
            yield Segment(text, segment.style, segment.control)
