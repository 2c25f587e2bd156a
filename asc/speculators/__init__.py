"""Speculators turn plans into cache entries: judged on the spot, or executed elsewhere."""

from __future__ import annotations

from asc.speculators.executed import Executed
from asc.speculators.judged import Judged

__all__ = ["Executed", "Judged"]
