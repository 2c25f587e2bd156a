"""A plugin for asc: a predictor that solves for affine maps over GF(2)."""

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
        "gf2-affine",
        "asc_gf2.predictor:GF2Affine",
        "affine map over GF(2), by elimination: shift registers, CRCs, additive automata",
    )
