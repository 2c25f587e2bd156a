"""The environment that runs asc: what pip adds to it or removes from it, and which components asc then finds there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asc
from asc.errors import AscError
from asc.plugins.loader import CHOICE
from asc.plugins.offers import CORE, normalised
from asc.plugins.tracing import CHOICE as TRACE

Show = Callable[[str], object]
"""Takes each line that pip prints."""

_PIP = ("-m", "pip", "--no-input", "--no-color", "--disable-pip-version-check")
_OFFLINE = re.compile(r"Retrying \(|Max retries exceeded|Could not fetch URL|Connection ?Error|name resolution")
_NO_MATCH = re.compile(r"ERROR: Could not find a version that satisfies the requirement (.*) \(from versions: (.*)\)")
_CAUSES = re.compile(r"^ {4}(\S.*)$")


class Installed(NamedTuple):
    """A distribution that pip has installed."""

    name: str
    version: str
    requested: bool  # rather than a requirement of another one


class Component(NamedTuple):
    """What a fresh process of asc finds: a component, or a plugin that failed to load."""

    kind: str
    name: str
    distribution: str
    version: str
    error: str | None


def install(what: str, options: Sequence[str], show: Show) -> list[Installed]:
    """Install a package or a folder with pip, which keeps asc itself as it is; return what was not there before.

    Raises AscError, with what to do, where pip could not.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, constraint = Path(folder, "report.json"), Path(folder, "constraints.txt")
        constraint.write_text(f"{CORE}=={asc.__version__}\n", encoding="utf-8")
        command = ["install", "--report", str(report), "--constraint", str(constraint), *options, what]
        code, lines = _pip(command, show)
        if code != 0:
            raise AscError(why_not(what, code, lines))
        found: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return [
        Installed(one["metadata"]["name"], one["metadata"]["version"], bool(one["requested"]))
        for one in found["install"]
    ]


def uninstall(name: str, show: Show) -> None:
    """Uninstall a distribution with pip. Raises AscError, with what to do, where pip could not."""
    code, lines = _pip(["uninstall", "--yes", name], show)
    if code != 0:
        raise AscError(why_not(name, code, lines, "uninstall"))


def components() -> list[Component]:
    """Return what a fresh process of asc finds in this environment, whatever this process has loaded.

    Raises AscError where it finds nothing out.
    """
    environ = {name: value for name, value in os.environ.items() if name not in (CHOICE, TRACE)}
    command = [sys.executable, "-P", "-m", "asc", "plugins", "--json"]
    found = subprocess.run(command, env=environ, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if found.returncode != 0:
        raise AscError(f"What is installed now could not be found out. To see why, type: asc plugins\n{found.stderr}")
    return [
        Component(row["kind"], row["name"], row["distribution"], row["version"], row["error"])
        for row in json.loads(found.stdout)
    ]


def same(name: str, other: str) -> bool:
    """Whether two names are of one distribution."""
    return normalised(name) == normalised(other)


def why_not(what: str, code: int, lines: Sequence[str], action: str = "install") -> str:
    """Return a sentence on why pip failed, and what to do, from the lines that it printed."""
    text = "\n".join(lines)
    if "No module named pip" in text:
        return (
            f"The environment that runs asc has no pip, so nothing can be {action}ed. To add pip, type: "
            f"{sys.executable} -m ensurepip"
        )
    if "externally-managed-environment" in text:
        return (
            "The environment that runs asc is managed by the operating system, so pip must not change it. Install asc "
            "and its plugins into an environment of your own, which this makes: python3 -m venv FOLDER"
        )
    missing = _NO_MATCH.search(text)
    if _OFFLINE.search(text) is not None:
        return (
            f'"{missing[1] if missing else what}" was not found, since no package index could be reached. Check the '
            "network, and try again."
        )
    if missing is not None:
        return _unknown(missing[1], missing[2])
    if "ResolutionImpossible" in text or "conflicting dependencies" in text:
        causes = [found[1] for line in lines if (found := _CAUSES.match(line))]
        return (
            f'"{what}" cannot be installed beside what is there: {"; ".join(causes) or "see what pip printed above"}. '
            "Ask for another version of it, such as NAME==VERSION."
        )
    return f'"{what}" could not be {action}ed: pip ended with code {code}, and what it printed above says why.'


def _unknown(requirement: str, versions: str) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    if versions == "none":
        return (
            f'There is no package "{requirement}" for Python {version} in the package index. Check the name; a folder '
            "is given by its path, such as ./asc-mine."
        )
    return f'The package index has no "{requirement}" for Python {version}; it has the versions {versions}.'


def _pip(arguments: Sequence[str], show: Show) -> tuple[int, list[str]]:
    """Run pip of this environment; return its exit code and its lines. A Ctrl-C ends pip as well."""
    command = [sys.executable, "-P", *_PIP, *arguments]  # -P: a `queue.py` in the current folder is none of pip's
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                show(lines[-1])
        except BaseException:
            process.terminate()
            raise
    return process.returncode, lines
