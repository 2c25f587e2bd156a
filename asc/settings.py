"""The base of every component's `Config`: one model for config file, flags, documentation and record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Described fields, nothing unknown, no change after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True)
