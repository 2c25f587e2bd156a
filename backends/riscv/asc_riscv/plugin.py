"""Announces the RISC-V backend."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the backend by a dotted path, so that nothing heavy is imported before it is used."""
    registry.add(
        "backend",
        "riscv",
        "asc_riscv.backend:RiscvBackend",
        "speculation over compiled programs for RISC-V: exact, executed by threads",
    )
