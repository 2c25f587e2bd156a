"""Announces the RISC-V backend and its predictor, and adds a page to the tour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asc.hookspecs import Registrar, hookimpl


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce both by dotted paths, so that nothing heavy is imported before it is used."""
    registry.add(
        "backend",
        "riscv",
        "asc_riscv.backend:RiscvBackend",
        "speculation over compiled programs for RISC-V: exact, executed by workers",
    )
    registry.add(
        "predictor",
        "deref",
        "asc_riscv.deref:Deref",
        "follows pointers through the memory; another predictor predicts everything else",
    )


@hookimpl
def asc_demo_pages() -> Sequence[Any]:
    """Add a page about machine code."""
    from asc_riscv.demo import PAGE  # noqa: PLC0415 -- needed by the tour alone

    return [PAGE]
