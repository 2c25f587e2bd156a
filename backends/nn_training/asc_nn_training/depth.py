"""How many snapshots predictors look back on."""

from __future__ import annotations

from collections.abc import Iterable

from asc.config.run import Component

_DEPTH = {
    "quadratic": 3,
    "quadratic-as-printed": 3,
    "quadratic-as-coded": 3,
    "polynomial": 5,
    "anderson": 5,
    "tail-average": 4,
}


def depth(parts: Iterable[Component]) -> int:
    """Return the most that any of them needs: its setting `window`, or what is known of its name, or two."""
    return max((_depth(part) for part in parts), default=2)


def _depth(part: Component) -> int:
    name = str(part.settings.get("predictor", "linear")) if part.name == "cascade" else part.name
    return int(part.settings.get("window", _DEPTH.get(name, 2)))
