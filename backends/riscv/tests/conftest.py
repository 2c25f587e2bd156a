"""Lets tests import what lies beside them, and skips them all where the machine could not be compiled."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asc.errors import AscError
from asc_riscv.native import extension

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def _machine() -> None:
    """Skip where the package was installed without a compiler."""
    try:
        extension()
    except AscError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the session's compiled programs are kept."""
    return tmp_path_factory.mktemp("riscv")
