"""Distributions made up on the spot: real metadata in a folder on the path, so that real entry points are found."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest


class Install(Protocol):
    def __call__(
        self,
        name: str,
        version: str,
        points: Mapping[str, str],
        modules: Mapping[str, str],
        requires: Sequence[str] = (),
    ) -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    site = tmp_path / "site"
    site.mkdir()
    before = set(sys.modules)

    def add(
        name: str,
        version: str,
        points: Mapping[str, str],
        modules: Mapping[str, str],
        requires: Sequence[str] = (),
    ) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        lines = [f"{point} = {target}" for point, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[asc]", *lines]) + "\n")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(site))

    yield add
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[module]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    before = set(sys.modules)

    def file(name: str, source: str) -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    yield file
    for module in set(sys.modules) - before:
        if module.startswith("_asc_plugin_"):
            del sys.modules[module]


class Write(Protocol):
    def __call__(self, name: str, source: str) -> Path: ...
