"""The recent past: snapshots by segments, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Snapshot


class Trajectory:
    """The newest segment's snapshots, oldest first, bounded by number and bytes."""

    class Config(Settings):
        """Bounds of the history that predictors see."""

        max_snapshots: int | None = Field(
            None, ge=1, description="snapshots kept at most; by default as many as the predictors look back on"
        )
        max_bytes: int = Field(2**30, ge=0, description="bytes of snapshots kept at most; the newest is always kept")

    def __init__(self, config: Config | None = None, depth: int = 2) -> None:
        """`depth` is how many snapshots the predictors look back on."""
        self._config = config or self.Config()
        self._most = self._config.max_snapshots or depth
        self._snapshots: deque[Snapshot] = deque()
        self._bytes = 0
        self.segment = 0

    def append(self, snapshot: Snapshot) -> None:
        """Take a snapshot into the newest segment; one at the same position replaces its predecessor."""
        snapshots = self._snapshots
        while snapshots and snapshots[-1].position >= snapshot.position:
            self._bytes -= snapshots.pop().nbytes
        snapshots.append(snapshot if snapshot.segment == self.segment else snapshot._replace(segment=self.segment))
        self._bytes += snapshot.nbytes
        most, room = self._most, self._config.max_bytes
        while len(snapshots) > most or (self._bytes > room and len(snapshots) > 1):
            self._bytes -= snapshots.popleft().nbytes

    def new_segment(self) -> None:
        """Start a new segment: differences across a judged leap mean nothing."""
        self.segment += 1
        self._snapshots.clear()
        self._bytes = 0

    def restore(self, snapshots: Iterable[Snapshot], segment: int) -> None:
        """Continue from the newest segment of the run that is resumed."""
        self.segment = segment
        self._snapshots.clear()
        self._bytes = 0
        for snapshot in snapshots:
            self.append(snapshot)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return the newest segment, oldest first."""
        return tuple(self._snapshots)


class SegmentHistory:
    """What a predictor sees of a segment: positions, the Gram matrix, and what it declared that it needs."""

    def __init__(
        self, snapshots: Sequence[Snapshot], computation: Computation, needs: frozenset[str] | None = None
    ) -> None:
        """`needs` is what may be read, as the predictor declares it; None: everything."""
        self._snapshots, self._computation, self._needs = tuple(snapshots), computation, needs

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions in steps, ascending."""
        return tuple(snapshot.position for snapshot in self._snapshots)

    def gram(self) -> Any:
        """Inner products, (n-1, n-1) float64, of the differences of n snapshots to the newest."""
        return self._computation.gram(self._snapshots)

    def read(self, need: str) -> Any:
        """Answer a declared need; "words" gives one mapping of name to value a snapshot.

        Raises LookupError for a need that the predictor has not declared.
        """
        if self._needs is not None and need not in self._needs:
            raise LookupError(f'"{need}" is read and not declared: write needs = frozenset({{"{need}"}})')
        return self._computation.read(need, self._snapshots)
