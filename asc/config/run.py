"""The configuration of a run: what every backend's own `Config` extends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asc.cache import TrajectoryCache
from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.settings import Settings
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.executed.speculator import ExecutedSpeculator
from asc.speculators.executed.workforce import Pool
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.judged.speculator import JudgedSpeculator
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

    timed: ClassVar[bool]
    """Whether the clock may steer (law 6)."""

    @property
    @abstractmethod
    def overdraft(self) -> float:
        """Share of the plain work that speculation may lose at most."""

    @abstractmethod
    def speculator(
        self, predictors: Mapping[str, Predictor], ledger: Ledger, create: Callable[..., Any], pool: Pool | None
    ) -> Speculator:
        """Make the speculator; `create(kind, name, settings)` makes further components."""

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

    timed: ClassVar[bool] = JudgedSpeculator.timed

    @property
    def overdraft(self) -> float:
        """Share of the plain work that speculation may lose at most."""
        return self.scheduler.overdraft

    def speculator(
        self, predictors: Mapping[str, Predictor], ledger: Ledger, create: Callable[..., Any], pool: Pool | None
    ) -> JudgedSpeculator:
        """Make the speculator, with the validator by its name."""
        validator = create("validator", self.validator.name, self.validator.settings)
        return JudgedSpeculator(predictors, validator, ledger, self.scheduler)

    @property
    def kept_positions(self) -> int:
        """Positions of the run that are kept for a later replay."""
        return self.keep_trajectory


class ExecutedConfig(RunConfig):
    """Settings of a backend whose candidates are executed by workers, so that every leap is exact."""

    scheduler: ExecutedScheduler.Config = Field(
        ExecutedScheduler.Config(), description="how speculation is rationed, and how far it looks ahead"
    )

    timed: ClassVar[bool] = ExecutedSpeculator.timed

    @property
    def overdraft(self) -> float:
        """Share of the plain work that speculation may lose at most."""
        return self.scheduler.overdraft

    def speculator(
        self, predictors: Mapping[str, Predictor], ledger: Ledger, create: Callable[..., Any], pool: Pool | None
    ) -> ExecutedSpeculator:
        """Make the speculator, which opens the pool of workers at first need."""
        if pool is None:
            raise AscError(
                "This backend's candidates are executed, and it has no pool of workers: let pool(computation) return "
                "an asc.Pool, or extend asc.JudgedConfig."
            )
        for name, predictor in predictors.items():
            if predictor.in_place:
                raise AscError(
                    f"The predictor {name} updates the present state rather than looking ahead, which skips no steps: "
                    "it serves backends whose candidates are judged. Choose another; `asc plugins` lists them."
                )
        return ExecutedSpeculator(predictors, pool, ledger, self.scheduler)
