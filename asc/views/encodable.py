"""Text for a terminal or a log file that cannot show every character: no view may fail because of a character."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


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
