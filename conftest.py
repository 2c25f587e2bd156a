"""Hypothesis without its clock: on a busy machine an example may take its time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("asc", deadline=None)
settings.load_profile("asc")
