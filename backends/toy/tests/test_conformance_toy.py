"""The toy backend under the laws that authors of backends get."""

from __future__ import annotations

from typing import Any, ClassVar

from asc.backend import Backend
from asc.testing import BackendLaws, ExactLaws
from asc_toy.backend import ToyBackend, ToyConfig


class ToyLaws(BackendLaws, ExactLaws):
    """Without workers, so that a run is over in a moment."""

    __test__ = False
    settings: ClassVar[dict[str, Any]]

    def backend(self) -> Backend[Any]:
        return ToyBackend(ToyConfig.model_validate({"executor": "none", **self.settings}))


class TestCollatz(ToyLaws):
    __test__ = True
    settings: ClassVar = {"program": "collatz", "n": 600}


class TestCellular(ToyLaws):
    """All cells are the bits of one integer."""

    __test__ = True
    settings: ClassVar = {"program": "cellular", "n": 200}


class TestLogistic(ToyLaws):
    """Chaotic, so that no state comes back before a candidate is made."""

    __test__ = True
    settings: ClassVar = {"program": "logistic", "n": 300, "r": 4.0}


class TestList(ToyLaws):
    __test__ = True
    every = 2
    settings: ClassVar = {"program": "list-shuffled", "n": 2}
