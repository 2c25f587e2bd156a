"""The settings of a judged backend."""

from __future__ import annotations

from pydantic import Field

from asc.config.run import Component, JudgedConfig
from asc.speculators.judged.scheduler import JudgedScheduler


class Config(JudgedConfig):
    """What a judged backend usually changes."""

    recognizer: Component = Field(Component(name="every", steps=50), description="where to stop and speculate")
    scheduler: JudgedScheduler.Config = Field(
        JudgedScheduler.Config(horizons=(50, 100)), description="how speculation is rationed, and horizons to try"
    )
