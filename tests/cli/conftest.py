from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ASC = str(Path(sys.executable).with_name("asc"))
Asc = Callable[..., subprocess.CompletedProcess[str]]


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "PYTHONWARNINGS": "error", **extra}


@pytest.fixture
def asc(tmp_path: Path) -> Asc:
    """Run `asc` as a user does, in an empty folder."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ASC, *arguments],
            cwd=tmp_path,
            env=environment(**extra),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def parsed(found: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert found.returncode == 0, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def one_sentence(found: subprocess.CompletedProcess[str], *parts: str) -> None:
    """What went wrong is said once, on standard error, without a traceback."""
    assert found.returncode in (1, 2)
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    for part in parts:
        assert part in found.stderr
