"""Whether a value has an order that depends on more than its members."""

from __future__ import annotations

from asc_toy.content.identity import nodes_of


def holds_set(value: object) -> bool:
    """Whether a value is a set or holds one."""
    return any(isinstance(node.value, set | frozenset) for node in nodes_of(value))
