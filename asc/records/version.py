"""A record is read by the version of asc that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asc
from asc.errors import AscError


def require_version(what: str, record: Mapping[str, Any]) -> None:
    """Raise AscError where another minor version of asc made the record; `what` is its subject, "The run x"."""
    version = str(record.get("asc_version") or asc.__version__)
    if version.split(".")[:2] != asc.__version__.split(".")[:2]:
        raise AscError(
            f"{what} was made by asc {version}, and this is asc {asc.__version__}, which has other settings and "
            f"checkpoints. Use asc {version} for it, or start a new one with this version."
        )
