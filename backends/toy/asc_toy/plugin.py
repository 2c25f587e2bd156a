"""Announces the toy backend."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the backend; nothing heavy is imported for that."""
    registry.add(
        "backend",
        "toy",
        "asc_toy.backend:ToyBackend",
        "asc_toy.backend:ToyBackend.Config",
        "speculation over Python step functions: exact, executed by workers",
    )
