"""Whether a plugin fits the core that is running, by what its distribution requires of asc-core."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asc.errors import AscError, describe_error
from asc.plugins.entry import Source

_CORE = re.compile(r"asc[-_.]core(?![-_.\w])", re.IGNORECASE)


def require_core(source: Source, requirements: Iterable[str], running: str) -> None:
    """Raise AscError where a distribution requires another version of the core than the running one.

    A requirement that names no version passes, and so does a core that was never installed and has no version.
    """
    for requirement in requirements:
        asked = _CORE.match(requirement)
        if asked is None or not running[:1].isdigit() or "+" in running:
            continue
        if _usual(requirement[asked.end() :], running):
            continue
        wanted = _specifiers(source, requirement, running)
        if wanted:
            raise AscError(
                f"{source.title} requires asc-core {wanted}, and this is asc-core {running}. "
                f"To get versions that fit, type: pip install --upgrade asc-core {source.distribution}"
            )


def _usual(asked: str, running: str) -> bool:
    """Whether the running minor version is asked for in the usual spelling. Importing `packaging` would take longer."""
    major, _, rest = running.partition(".")
    minor, _, patch = rest.partition(".")
    if not (major.isdigit() and minor.isdigit() and patch.isdigit()):
        return False
    parts = {part.strip() for part in asked.strip(" ()").split(",")}
    return parts == {f">={major}.{minor}", f"<{major}.{int(minor) + 1}"}


def _specifiers(source: Source, requirement: str, running: str) -> str:
    """Return the versions that are required where the running version does not fit; empty where it fits."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - as above

    try:
        parsed = Requirement(requirement)
    except InvalidRequirement as error:
        raise AscError(
            f'{source.title} has a requirement that cannot be read, "{requirement}": {describe_error(error)}.'
        ) from error
    if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
        return ""
    return "" if parsed.specifier.contains(running, prereleases=True) else str(parsed.specifier)
