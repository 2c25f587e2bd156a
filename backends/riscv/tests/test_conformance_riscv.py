"""The RISC-V backend under the laws that authors of backends get."""

from __future__ import annotations

from typing import Any, ClassVar

from asc.backend import Backend
from asc.testing import BackendLaws, ExactLaws
from asc_riscv.backend import RiscvBackend, RiscvConfig


class RiscvLaws(BackendLaws, ExactLaws):
    """Without workers, so that a run is over in a moment."""

    __test__ = False
    settings: ClassVar[dict[str, Any]]

    def backend(self) -> Backend[Any]:
        return RiscvBackend(
            RiscvConfig.model_validate({"executor": "none", "memory": 1, "profile": 20_000, **self.settings})
        )


class TestCollatz(RiscvLaws):
    __test__ = True
    settings: ClassVar = {"program": "collatz", "arguments": ["2000"]}


class TestList(RiscvLaws):
    __test__ = True
    settings: ClassVar = {"program": "list_shuffled", "arguments": ["1"], "memory": 2}
