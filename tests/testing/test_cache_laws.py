"""The trajectory cache under the laws that authors get."""

from __future__ import annotations

from asc.cache import TrajectoryCache
from asc.testing import CacheLaws


class TestTrajectoryCache(CacheLaws):
    def cache(self, max_entries: int) -> TrajectoryCache:
        return TrajectoryCache(TrajectoryCache.Config(max_entries=max_entries))
