"""The configuration of a run: what every backend's own `Config` extends."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asc.cache import TrajectoryCache
from asc.settings import Settings
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.executed.speculator import ExecutedSpeculator
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.judged.speculator import JudgedSpeculator
from asc.speculators.rationing import Rationing
from asc.speculators.speculator import Speculator
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


class RunConfig(Settings):
    """Settings that every backend has. A backend's `Config` extends one of its two kinds, below."""

    recognizer: Component = Field(Component(name="recurring"), description="where to stop and speculate")
    predictors: tuple[Component, ...] = Field((Component(name="linear"),), description="what predicts states")
    cache: TrajectoryCache.Config = Field(TrajectoryCache.Config(), description="bounds of the trajectory cache")
    history: Trajectory.Config = Field(Trajectory.Config(), description="bounds of the history that predictors see")
    checkpoint_seconds: float = Field(30.0, gt=0, description="seconds between resumable checkpoints of a recorded run")

    scheduler: Rationing.Config = Field(Rationing.Config(), description="how speculation is rationed")

    movable: ClassVar[frozenset[str]] = frozenset()
    """The settings that say where a run takes place, so that a resumed run may change them."""
    speculator: ClassVar[type[Speculator]]
    """How candidates are confirmed: everything that depends on it is this class's."""

    @property
    def bound(self) -> dict[str, Any]:
        """The settings that a checkpoint is bound to, in values that JSON can hold."""
        return self.model_dump(mode="json", exclude=set(self.movable))

    @property
    def kept_positions(self) -> int:
        """Positions of the run that are kept for a later replay."""
        return 0


class JudgedConfig(RunConfig):
    """Settings of a backend whose candidates are judged by a validator."""

    validator: Component = Field(Component(name="paired"), description="what judges candidates")
    scheduler: JudgedScheduler.Config = Field(
        JudgedScheduler.Config(), description="how speculation is rationed, and which horizons are tried"
    )
    keep_trajectory: int = Field(
        0, ge=0, description="positions of the run, from its start on, that are kept for `asc bench-predictor`"
    )

    speculator: ClassVar[type[Speculator]] = JudgedSpeculator

    @property
    def kept_positions(self) -> int:
        """Positions of the run that are kept for a later replay."""
        return self.keep_trajectory


class ExecutedConfig(RunConfig):
    """Settings of a backend whose candidates are executed by workers, so that every leap is exact."""

    scheduler: ExecutedScheduler.Config = Field(
        ExecutedScheduler.Config(), description="how speculation is rationed, and how far it looks ahead"
    )

    speculator: ClassVar[type[Speculator]] = ExecutedSpeculator
