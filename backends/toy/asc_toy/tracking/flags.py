"""The flags of the decimal context: a calculation raises them, so they are part of what a superstep changes."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Signal = type[decimal.DecimalException]
_LOOKS_AT = frozenset({"flags", "clear_flags"})
_CONTEXTS = frozenset({"getcontext", "localcontext", "setcontext", "Context"})


def looks_at_flags(names: frozenset[str]) -> bool:
    """Whether code with these names may ask for the flags that earlier steps have raised, or clear them."""
    return not _LOOKS_AT.isdisjoint(names) and not _CONTEXTS.isdisjoint(names)


@contextmanager
def collected_flags() -> Iterator[list[Signal]]:
    """Collect the flags that are raised within, which stay raised."""
    context, raised = decimal.getcontext(), list[Signal]()
    before = _raised(context)
    context.clear_flags()
    try:
        yield raised
    finally:
        raised += _raised(context)
        raise_flags(before)


def raise_flags(signals: Iterable[Signal]) -> None:
    """Raise flags in the context of this thread."""
    for signal in signals:
        decimal.getcontext().flags[signal] = True


def _raised(context: decimal.Context) -> list[Signal]:
    return [signal for signal, is_raised in context.flags.items() if is_raised]
