"""The configuration of a run: what every backend's own `Config` extends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asc.allocator import Allocator
from asc.cache import TrajectoryCache
from asc.errors import AscError
from asc.settings import Settings
from asc.trajectory import Trajectory


class Component(BaseModel):
    """A named component with its settings: `linear`, or `{"name": "polynomial", "degree": 3}`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = Field(description="as listed by `asc plugins`")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but the name, to be validated by the component's own `Config`."""
        return dict(self.model_extra or {})


def require_distinct(names: Sequence[str]) -> None:
    """Refuse a predictor that is named twice: outcomes are kept by name."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise AscError(f"The predictor {twice} is named twice, and outcomes are kept by name: leave one out.")


class RunConfig(Settings):
    """Settings that every backend has; a backend's `Config` adds its own fields and changes defaults."""

    recognizer: Component = Field(Component(name="recurring"), description="where to stop and think")
    predictors: tuple[Component, ...] = Field((Component(name="linear"),), description="what guesses the future")
    validator: Component = Field(Component(name="exact"), description="what confirms a guess")
    cache: TrajectoryCache.Config = Field(TrajectoryCache.Config(), description="bounds of the trajectory cache")
    history: Trajectory.Config = Field(Trajectory.Config(), description="bounds of the history that predictors see")
    allocator: Allocator.Config = Field(Allocator.Config(), description="how speculation is rationed")
    checkpoint_seconds: float = Field(30.0, gt=0, description="seconds between resumable checkpoints of a recorded run")
    keep_trajectory: int = Field(
        0, ge=0, description="places of a judged run, from its start on, that are kept for `asc bench-predictor`"
    )
