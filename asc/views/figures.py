"""Numbers as people read them. A number that is not known, or not finite, is a dash."""

from __future__ import annotations

import time

from asc.records.numbers import finite

UNKNOWN = "–"


def count(value: object) -> str:
    """A whole number with separators: 12,345."""
    number = finite(value)
    return UNKNOWN if number is None else f"{number:,.0f}"


def amount(value: object) -> str:
    """A quantity that may have a fraction: 12,345 or 0.25."""
    number = finite(value)
    if number is None:
        return UNKNOWN
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.3g}"


def ratio(value: object) -> str:
    """A speed-up: 3.21×."""
    number = finite(value)
    return UNKNOWN if number is None else f"{number:.2f}×"


def percent(value: object) -> str:
    """A share between 0 and 1: 93.2 %."""
    number = finite(value)
    return UNKNOWN if number is None else f"{100 * number:.1f} %"


def duration(value: object) -> str:
    """Seconds in a fitting unit: 850 µs, 12.3 ms, 4.56 s, 4 min 05 s, 2 h 03 min."""
    number = finite(value)
    if number is None:
        return UNKNOWN
    if abs(number) < 1e-3:
        return f"{1e6 * number:.0f} µs" if number else "0 s"
    if abs(number) < 1:
        return f"{1e3 * number:.3g} ms"
    if abs(number) < 59.95:
        return f"{number:.3g} s"
    minutes, seconds = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def moment(value: object, *, seconds: bool = False) -> str:
    """Seconds since the epoch as local time: 2026-11-23 08:15. Nothing where there is no such time."""
    number = finite(value)
    try:
        local = None if number is None else time.localtime(number)
    except (OverflowError, OSError, ValueError):
        local = None
    return "" if local is None else time.strftime(f"%Y-%m-%d %H:%M{':%S' if seconds else ''}", local)


def clock(value: object) -> str:
    """Seconds as a clock shows them, for a line that is redrawn: 0:12, 1:02:03."""
    number = finite(value)
    if number is None:
        return "-:--"
    minutes, seconds = divmod(int(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def names(words: object, at_most: int) -> str:
    """The first few names of a list, and how many more there are."""
    if not isinstance(words, list | tuple) or not words:
        return "none"
    shown = ", ".join(str(word) for word in words[:at_most])
    return f"{shown} and {len(words) - at_most:,} more" if len(words) > at_most else shown
