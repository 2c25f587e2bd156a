"""Announces the toy backend."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the backend by a dotted path, so that nothing heavy is imported before it is used."""
    registry.add(
        "backend",
        "toy",
        "asc_toy.backend:ToyBackend",
        "speculation over Python step functions: exact, executed by workers",
    )
