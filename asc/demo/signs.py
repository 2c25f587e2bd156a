"""Signs for every terminal: where the encoding lacks one, another of the same width stands for it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from asc.observers.encodable import encodable

_INSTEAD = dict(zip("█▒·»×→–µ━─▁▂▃▄▅▆▇±", "#:.>x>-u=-_..-=+*~", strict=True))


class Signs:
    """A renderable whose signs can all be shown by the console."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            text = segment.text if segment.control else shown(segment.text, options.encoding)
            yield Segment(text, segment.style, segment.control)


def shown(text: str, encoding: str) -> str:
    """Replace what the encoding lacks, sign for sign."""
    if encodable(text, encoding) == text:
        return text
    return encodable(
        "".join(sign if encodable(sign, encoding) == sign else _INSTEAD.get(sign, sign) for sign in text), encoding
    )
