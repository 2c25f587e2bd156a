"""What functions with `lru_cache` keep. The cache itself is harmless; a list that it keeps may change."""

from __future__ import annotations

import gc
from functools import lru_cache
from typing import Any

CACHED: type = type(lru_cache(len))


def results(function: Any) -> list[Any]:
    """Return the results that a function with `lru_cache` keeps. Only Python's garbage collector knows them."""
    own = {id(function.__dict__), id(function.__wrapped__)}
    held = [one for one in gc.get_referents(function) if id(one) not in own and type(one) not in (type, object)]
    if function.cache_parameters()["maxsize"] is None:
        return [result for one in held if type(one) is dict for result in one.values()]
    links = [one for one in held if _is_index(one)]
    keys = {id(key) for one in links for key in one}
    return [one for one in held if id(one) not in keys and not _is_index(one)]


def _is_index(one: Any) -> bool:
    """Whether an object is the dict from the keys of a bounded cache to its list."""
    return type(one) is dict and all(type(link).__name__ == "_lru_list_elem" for link in one.values())
