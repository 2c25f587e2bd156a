"""Announces the RISC-V backend and its predictor."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce both by dotted paths, so that nothing heavy is imported before it is used."""
    registry.add(
        "backend",
        "riscv",
        "asc_riscv.backend:RiscvBackend",
        "speculation over compiled programs for RISC-V: exact, executed by threads",
    )
    registry.add(
        "predictor",
        "deref",
        "asc_riscv.deref:Deref",
        "follows pointers through the memory; another predictor predicts everything else",
    )
