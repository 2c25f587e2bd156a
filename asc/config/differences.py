"""Which settings differ between two configurations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from asc.errors import AscError


class Difference(NamedTuple):
    """A setting with two values, at any depth, and both as JSON."""

    name: str
    before: str
    now: str


def differences(before: Any, now: Any, path: str = "") -> Iterator[Difference]:
    """Yield each setting that differs; its name has a dot at each depth."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from differences(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))
    elif before != now:
        yield Difference(path.rstrip("_"), json.dumps(before), json.dumps(now))  # as its flag is spelt


def require_same(what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise AscError where settings differ that both know; `what` is what was written under those of `before`."""
    known = {name: value for name, value in before.items() if name in now}
    found = list(differences(known, {name: now[name] for name in known}))
    if found:
        values = "; ".join(f"{name} is {then} there, and {given} here" for name, then, given in found[:5])
        raise AscError(
            f"{what} was written under other settings: {values}. Put back the checkpoints of this configuration, or "
            "begin anew, without --resume."
        )
