"""The content of Python values: compared by digest, duplicated, taken apart into scalars, and saved.

Supported are immutable values, Python's containers, arrays of every kind, generators of random numbers, and instances
of classes written in Python. Anything else is named by `unsupported`.
"""

from asc_toy.content.arrays import Bytes, same_array
from asc_toy.content.coding import UnknownClassError, classes_of, decode, encode
from asc_toy.content.copies import duplicate
from asc_toy.content.identity import SharedError, claim, content, nodes_of, unsupported, write_node
from asc_toy.content.memory import memories_of, overlaps
from asc_toy.content.order import holds_set
from asc_toy.content.renewal import MOST, renew
from asc_toy.content.scalars import leaves, with_leaves
from asc_toy.content.sets import OrderError
from asc_toy.content.values import dtype_name, is_simple, is_word, named

__all__ = [
    "MOST",
    "Bytes",
    "OrderError",
    "SharedError",
    "UnknownClassError",
    "claim",
    "classes_of",
    "content",
    "decode",
    "dtype_name",
    "duplicate",
    "encode",
    "holds_set",
    "is_simple",
    "is_word",
    "leaves",
    "memories_of",
    "named",
    "nodes_of",
    "overlaps",
    "renew",
    "same_array",
    "unsupported",
    "with_leaves",
    "write_node",
]
