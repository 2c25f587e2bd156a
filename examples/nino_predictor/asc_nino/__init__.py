"""A plugin for asc: a predictor that a small network, trained on recorded trajectories, makes for each weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asc import hookimpl

if TYPE_CHECKING:
    from asc.hookspecs import Registrar


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the predictor by name and dotted path. Its module is imported when the predictor is first used."""
    registry.add(
        "predictor",
        "nino-mlp",
        "asc_nino.predictor:NinoMLP",
        "a small network, trained on recorded trajectories, that nowcasts each weight",
    )
