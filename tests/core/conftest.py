"""What all tests of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from asc.speculators.executed import speculator


@pytest.fixture(scope="session", autouse=True)
def _no_sleep() -> Iterator[None]:
    """Nothing here needs the interpreter while the main thread yields it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speculator, "_HAND_OVER_S", 0.0)
        yield
