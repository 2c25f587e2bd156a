"""Text for a terminal or log that cannot show every character: an observer must not fail over a sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


def encodable(text: str, encoding: str) -> str:
    """Replace what the encoding lacks by question marks."""
    return text.encode(encoding, "replace").decode(encoding)


class Encodable:
    """A renderable whose text is kept within the console's encoding, by `replace(text, encoding)`."""

    def __init__(self, inner: RenderableType, replace: Callable[[str, str], str] = encodable) -> None:
        self._inner, self._replace = inner, replace

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            text = segment.text if segment.control else self._replace(segment.text, options.encoding)
            yield Segment(text, segment.style, segment.control)
