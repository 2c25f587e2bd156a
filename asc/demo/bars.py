"""Bars and little curves of plain characters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

_LEVELS = "▁▂▃▄▅▆▇█"


def bar(share: float, width: int, style: str) -> Text:
    """Return a bar of which so large a share is filled."""
    filled = round(width * min(1.0, max(0.0, share)))
    return Text("━" * filled, style=style).append("─" * (width - filled), style="dim")


def columns(values: Sequence[float | None], low: float, high: float, height: int) -> list[str]:
    """Return rows of signs, the top one first: a column a value, filled to its height; an empty one for None."""
    span = (high - low) or 1.0
    shares = [None if value is None else min(1.0, max(0.0, (value - low) / span)) for value in values]
    eighths = [0 if share is None else max(1, round(8 * height * share)) for share in shares]
    rows = []
    for row in reversed(range(height)):
        left = [min(8, max(0, eighth - 8 * row)) for eighth in eighths]
        rows.append("".join(_LEVELS[part - 1] if part else " " for part in left))
    return rows
