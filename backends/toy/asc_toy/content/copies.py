"""Duplicates: values of the same content that share nothing that can change."""

from __future__ import annotations

from typing import Any, TypeVar

from asc_toy.content.graph import put_together
from asc_toy.content.identity import nodes_of, refusal
from asc_toy.content.sets import OrderError

T = TypeVar("T")


def duplicate(value: T, memo: dict[int, Any] | None = None) -> T:
    """Return a value of the same content. What is held twice in the value is held twice in the duplicate.

    A `memo` that is given to several calls keeps what their values share; the values must live on meanwhile. Raises
    TypeError where a part is unsupported, or is a set that cannot be rebuilt in its order.
    """
    memo = {} if memo is None else memo
    if id(value) not in memo:
        nodes = list(nodes_of(value, known=memo))
        try:
            copies = put_together(nodes)
        except OrderError as error:
            raise refusal(error) from None
        for node, copy in zip(nodes, copies, strict=True):
            if node.kind.fill is not None:
                memo[id(node.value)] = copy
        result: T = copies[0]
        return result
    known: T = memo[id(value)]
    return known
