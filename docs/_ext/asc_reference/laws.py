"""The laws: what each says, and what to do where it fails. Both come from the docstrings of the tests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from asc import testing
from asc.testing.laws import ComponentLaws, Laws, laws_of, stated_by
from asc_reference.markdown import code, escaped, page, table

PAGE = "laws.md"
"""Included in a page that is written by hand."""


def kinds() -> list[type[Laws]]:
    """Return the classes of laws that `asc.testing` exports."""
    classes = (getattr(testing, name) for name in testing.__all__)
    return [kind for kind in classes if isinstance(kind, type) and issubclass(kind, Laws) and laws_of(kind)]


def pages() -> Iterator[tuple[str, str]]:
    """Yield the tables of all laws."""
    yield PAGE, page(*(part for kind in kinds() for part in _one(kind)))


def _one(kind: type[Laws]) -> Iterator[str]:
    yield f"### {kind.__name__}"
    if issubclass(kind, ComponentLaws) and kind is not ComponentLaws:
        yield f"Beside those of [{ComponentLaws.__name__}](#{ComponentLaws.__name__.lower()}):"
    rows = []
    for name in [name for name in vars(kind) if name in stated_by(kind)]:
        law, _, hint = (inspect.getdoc(getattr(kind, name)) or "").partition("If it fails: ")
        rows.append((code(name), escaped(law), escaped(hint[:1].upper() + hint[1:])))
    yield table(("law", "what it says", "if it fails"), rows)
