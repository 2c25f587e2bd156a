"""Charts as plain SVG that stretches to any width. They hold shapes only, since text would stretch as well."""

from __future__ import annotations

from collections.abc import Sequence

from asc.report.markup import Html, join, tag

HEIGHT = 100
"""Units from a chart's bottom to its top; few enough that flat stretches merge."""


def chart(name: str, title: str, words: str, style: str, width: int, *shapes: Html) -> Html:
    """Return a picture with a title and a description in words; `name` is its id on the page."""
    attributes = {
        "class": style,
        "viewBox": f"0 0 {width} {HEIGHT}",
        "preserveAspectRatio": "none",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-words",
    }
    described = (tag("title", {"id": f"{name}-title"}, title), tag("desc", {"id": f"{name}-words"}, words))
    return tag("svg", attributes, *described, *shapes)


def area(values: Sequence[float], style: str, below: Sequence[float] | None = None) -> Html:
    """Return a stepped area for shares of the height, 0 to 1, above `below` or above the ground.

    A value above zero is drawn at least one unit high, so that a rare event stays visible.
    """
    floors = [round(HEIGHT * _share(low)) for low in below] if below is not None else [0] * len(values)
    heights = [max(round(HEIGHT * _share(value)), int(value > 0)) for value in values]
    commands: list[str] = []
    start = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or (heights[index], floors[index]) != (heights[start], floors[start]):
            if heights[start]:
                top = max(0, HEIGHT - floors[start] - heights[start])
                commands.append(f"M{start} {top}h{index - start}v{heights[start]}h{start - index}z")
            start = index
    return tag("path", {"class": style, "d": "".join(commands)})


def marks(values: Sequence[float], style: str) -> Html:
    """Return full-height marks where values are above zero, stronger where they are larger."""
    most = max(values, default=0.0)
    levels = [0 if value <= 0 else 1 + min(3, int(4 * value / most)) for value in values]
    shapes = []
    for level in (1, 2, 3, 4):
        shown = [float(other == level) for other in levels]
        if any(shown):
            path = area(shown, style)
            shapes.append(tag("g", {"opacity": f"{0.25 + 0.1875 * level:g}"}, path))
    return join(shapes)


def line(points: Sequence[tuple[float, float]], style: str, width: int) -> Html:
    """Return a line through points (share of the width, share of the height), from left to right."""
    placed = [(f"{width * _share(x):.1f}", f"{HEIGHT * (1 - _share(y)):.2f}") for x, y in points]
    path = "M" + "L".join(f"{x} {y}" for x, y in placed) if placed else ""
    return tag("path", {"class": f"{style} line", "d": path})


def strokes(places: Sequence[float], style: str, width: int) -> Html:
    """Return thin vertical lines over the full height at shares of the width."""
    path = "".join(f"M{width * _share(place):.1f} 0v{HEIGHT}" for place in places)
    return tag("path", {"class": f"{style} stroke", "d": path})


def rules(width: int, number: int) -> Html:
    """Return horizontal lines that divide the height into so many parts."""
    commands = "".join(f"M0 {HEIGHT * index / number:g}h{width}" for index in range(1, number))
    return tag("path", {"class": "rule", "d": commands})


def bar(*shares: tuple[float, str]) -> Html:
    """Return a bar for a table's cell: shares of the cell's width side by side, each with its style."""
    filled = [(_share(share), style) for share, style in shares if share > 0]
    inner = [tag("i", {"class": style, "style": f"width:{100 * share:.2f}%"}) for share, style in filled]
    return tag("span", {"class": "bar", "aria-hidden": "true"}, *inner)


def legend(*entries: tuple[str, str]) -> Html:
    """Return a legend of the colours: pairs of style and words."""
    return tag("ul", {"class": "legend"}, *(tag("li", None, tag("i", {"class": s}), words) for s, words in entries))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
