"""The plugins that distributions announce; a distribution that is damaged is reported, and the others are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import NamedTuple

from asc.errors import AscError, describe_error
from asc.plugins.entry import Source

GROUP = "asc"

_FILE = "entry_points.txt"
_NAMELESS = "unknown distribution"
_PROJECT = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
"""Names of distributions that can be installed; what is left of an interrupted installation has other names."""


class Found(NamedTuple):
    """A plugin that is installed, and what its distribution requires."""

    source: Source
    point: EntryPoint
    requirements: tuple[str, ...]


class Damaged(NamedTuple):
    """A distribution that cannot be read, and a sentence that says why and what to do."""

    source: Source
    why: str


def installed() -> tuple[list[Found], list[Damaged]]:
    """Return the plugins that are installed, and the distributions that cannot be read, each sorted by its source.

    Python reads the entry points of all distributions or of none, so a damaged one would hide every plugin. Where that
    happens, the distributions are read one by one.
    """
    damaged: list[Damaged] = []
    try:
        found = [_found(point) for point in entry_points(group=GROUP)]
    except Exception:  # noqa: BLE001 - Python raises many things there; `_one_by_one` finds out which distribution it is
        found, damaged = _one_by_one()
    return sorted(found, key=lambda one: one.source), sorted(damaged)


def _found(point: EntryPoint) -> Found:
    distribution = point.dist
    if distribution is None:
        return Found(Source(point.name, _NAMELESS), point, ())
    about = distribution.metadata  # read once: it is parsed each time
    name, version = ((about.get_all(field) or [""])[0] for field in ("Name", "Version"))
    if not name:
        raise AscError("its metadata have no name")
    source = Source(point.name, name, version)
    return Found(source, point, tuple(about.get_all("Requires-Dist") or ()))


def _one_by_one() -> tuple[list[Found], list[Damaged]]:
    found: list[Found] = []
    damaged: list[Damaged] = []
    seen: set[str] = set()
    for distribution in distributions():
        folder = _folder(distribution)
        name, _, version = re.sub(r"\.(dist|egg)-info$", "", folder.name).partition("-")
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if normal and normal in seen:
            continue  # Python takes the one that comes first on its path
        seen.add(normal)
        try:
            if not name:
                raise AscError("its folder has no name")
            found += [_found(point) for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:  # noqa: BLE001 - as above
            source = Source(normal or _NAMELESS, normal or _NAMELESS, version)
            damaged.append(Damaged(source, _sentence(source, folder, error)))
    return found, damaged


def _folder(distribution: Distribution) -> Path:
    """Return the folder of a distribution's metadata, for which Python has no public name; "/" where there is none."""
    return Path(str(getattr(distribution, "_path", "/"))).absolute()


def _sentence(source: Source, folder: Path, error: Exception) -> str:
    named = _PROJECT.fullmatch(source.distribution)
    title = f"The distribution {source.label}" if named else f'A distribution in "{folder}"'
    told = str(error) if isinstance(error, AscError) else describe_error(error)
    why = next(_faults(folder), told)
    remedy = f"Reinstall it: pip install --force-reinstall {source.distribution}" if named else "Delete that folder."
    return f"{title} cannot be read, so none of its plugins is loaded: {why}. {remedy}"


def _faults(folder: Path) -> Iterator[str]:
    """Say what is wrong with the files of a distribution, where that is known."""
    for file in (folder / _FILE, folder / "METADATA"):
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            yield f"{file} is not UTF-8 ({error.reason} at byte {error.start})"
        except OSError:
            continue
        else:
            if file.name == _FILE:
                yield from _wrong_lines(file, text)


def _wrong_lines(file: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        section = line.startswith("[") and line.endswith("]")
        if line and not section and not line.startswith("#") and "=" not in line:
            yield f'line {number} of {file} is "{line}"; expected NAME = PACKAGE.MODULE'
