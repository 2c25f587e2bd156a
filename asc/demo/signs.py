"""Signs for every terminal: where the encoding lacks one, another of the same width stands for it."""

from __future__ import annotations

from asc.views.encodable import encodable

_INSTEAD = dict(zip("█▒·»×→–µ━─▁▂▃▄▅▆▇±", "#:.>x>-u=-_..-=+*~", strict=True))


def shown(text: str, encoding: str) -> str:
    """Replace what the encoding lacks, sign for sign."""
    if encodable(text, encoding) == text:
        return text
    return encodable(
        "".join(sign if encodable(sign, encoding) == sign else _INSTEAD.get(sign, sign) for sign in text), encoding
    )
