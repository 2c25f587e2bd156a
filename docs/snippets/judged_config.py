"""The settings of a judged backend."""

from pydantic import Field

from asc.allocator import Allocator
from asc.config.run import Component, RunConfig


class Config(RunConfig):
    """What an exact backend need not change."""

    recognizer: Component = Field(Component(name="every", steps=50), description="where to stop and think")
    validator: Component = Field(Component(name="paired"), description="what confirms a guess")
    allocator: Allocator.Config = Field(Allocator.Config(horizons=(50, 100)), description="how speculation is rationed")
