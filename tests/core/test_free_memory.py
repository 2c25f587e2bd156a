"""The memory that is left is the least of what the machine, the container and the process' own limit leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asc import free_memory
from asc.free_memory import free_bytes


def test_some_memory_is_free() -> None:
    assert 0 < free_bytes() < 2**60


def test_a_container_leaves_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "_CONTAINER", tmp_path)
    (tmp_path / "memory.current").write_text("200\n")
    (tmp_path / "memory.max").write_text("1200\n")
    assert free_bytes() == 1000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes() > 1000


def test_a_limit_of_the_process_counts() -> None:
    """In a process of its own: the limit could not be raised again."""
    code = "import resource as r; r.setrlimit(r.RLIMIT_AS, (2**32, 2**32)); from asc.free_memory import free_bytes"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}; print(free_bytes())"], capture_output=True, text=True, check=True
    )
    assert float(found.stdout) <= 2**32
