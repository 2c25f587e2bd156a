"""The base of replays: predictors are asked along a recorded run."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from asc.assemble import require_depth, require_needs
from asc.backend import Backend
from asc.cli.bench.layouts import Layout
from asc.cli.session import CommandSession
from asc.computation import Computation
from asc.errors import AscError
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluations


class Stop:
    """Answers whether to end: after `ask`, after so many seconds, or where `outer` says so."""

    def __init__(self, seconds: float | None = None, outer: Callable[[], bool] = lambda: False) -> None:
        self.asked, self._outer = False, outer
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def ask(self) -> None:
        """Ask for an end."""
        self.asked = True

    def __call__(self) -> bool:
        """Whether to end now."""
        late = self._deadline is not None and time.monotonic() > self._deadline
        return self.asked or late or self._outer()


class RecordedRun(NamedTuple):
    """A run in its folder, with the settings of the replay."""

    folder: Path
    record: Mapping[str, Any]  # its config.json
    config: Any  # of the run, with the predictors of the replay
    backend: Backend[Any]


class Replay(ABC):
    """Asks predictors along a recorded run. Which of the two replays it is follows from the settings of the backend."""

    beside: ClassVar[str]
    """The other predictors that are asked unless some are named: "all" or "own"."""

    layout: ClassVar[Layout]
    """How the evaluations are shown."""

    def __init__(
        self, session: CommandSession, run: RecordedRun, horizons: Sequence[int] | None, seconds: float | None
    ) -> None:
        """`horizons` and `seconds` are None where they were not typed."""
        self._session, self._run, self._horizons, self._seconds = session, run, horizons, seconds
        self._computation: Computation = run.backend.computation(plain=False)

    @abstractmethod
    def evaluate(
        self, predictors: Mapping[str, Predictor], evaluations: Mapping[str, Evaluations], stop: Stop
    ) -> dict[str, int]:
        """Ask all predictors and fill in their evaluations; return what was replayed, for `headline`."""

    @abstractmethod
    def headline(self, facts: Mapping[str, int], seconds: float) -> str:
        """Say what was replayed."""

    def require(self, name: str, predictor: Predictor) -> None:
        """Raise AscError where a predictor cannot be asked along this run."""
        require_needs("predictor", name, predictor.needs, self._computation)
        require_depth(name, predictor, self._run.config.history)

    def usable(self, name: str, predictor: Predictor) -> bool:
        """Whether a predictor that nobody has named is worth asking."""
        try:
            self.require(name, predictor)
        except AscError:
            return False
        return True

    def _ahead(self, usual: Iterable[int]) -> tuple[int, ...]:
        """Return the horizons that were typed, or the usual ones, ascending."""
        return tuple(sorted({horizon for horizon in self._horizons or usual if horizon}))

    def _require_reach(self, largest: int, what: str) -> None:
        """Refuse a typed horizon that reaches beyond the end, since no predictor would be asked."""
        if self._horizons is not None and max(self._horizons) > largest:
            remedy = f" Type --horizons {largest} or less." if largest > 0 else ""
            raise AscError(
                f"--horizons was given {max(self._horizons)}; the largest possible here is {largest}: {what}.{remedy}"
            )
