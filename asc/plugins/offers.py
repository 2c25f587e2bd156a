"""The backends that can be installed: the extras of the core's own distribution name them."""

from __future__ import annotations

import re
from typing import NamedTuple

CORE = "asc-core"

_OF_AN_EXTRA = re.compile(r"""([\w.-]+)[^;]*;.*\bextra\s*==\s*["']([\w.-]+)["']""")


class Offer(NamedTuple):
    """A distribution that an extra of the core brings, and the backend in it."""

    name: str  # of the extra and of the backend
    distribution: str

    @property
    def sentence(self) -> str:
        """Say how to install it; ends in the command."""
        return (
            f"To install \"{self.name}\", type: pip install '{CORE}[{self.name}]', "
            f"or in a checkout: pip install -e backends/{self.name}"
        )


def offers() -> list[Offer]:
    """Return the backends that extras of the core name, installed or not.

    An extra offers a backend where it requires a distribution called after it, as in `mine = ["asc-mine"]`.
    """
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415 - only where something is missing

    try:
        requirements = requires(CORE) or []
    except PackageNotFoundError:  # a checkout on the path that was never installed
        return []
    found = [match.groups() for text in requirements if (match := _OF_AN_EXTRA.match(text))]
    normal = [(normalised(distribution), normalised(extra)) for distribution, extra in found]
    return [Offer(extra.replace("-", "_"), name) for name, extra in normal if name == f"asc-{extra}"]


def normalised(name: str) -> str:
    """Return a name in the one spelling that packaging tools compare."""
    return re.sub(r"[-_.]+", "-", name).lower()
