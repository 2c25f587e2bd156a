"""The console that every command prints on."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from asc.views.encodable import encodable, printable


class TextConsole(Console):
    """Prints whatever names and files hold as text, which can neither steer the terminal nor fail to be encoded.

    A name from elsewhere, such as that of a folder, may have the escape sequences of a terminal in it.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything as rich does. The styles and movements of the views themselves are no part of a text."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(encodable(printable(segment.text), self.encoding), segment.style)
