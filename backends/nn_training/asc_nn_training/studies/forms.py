"""The predictors of the sweep: each as the paper prints it, as the published code has it, and as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from asc.computation import Predictor
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded, MomentumAsPrinted, MomentumDecaying
from asc_nn_training.predictors.published import QuadraticAsCoded, QuadraticAsPrinted

Family = Literal["momentum", "linear", "quadratic"]
As = Literal["published", "corrected", "both"]

SCALES = (0.8, 1.0, 1.2)  # of which the published code takes the best on the batch that judges


Form = Mapping[str, Predictor]
"""One way to predict: of several predictors, the one with the lowest judging loss stands for the form."""


SETS: Mapping[str, Mapping[Family, str]] = {
    "as printed": {"momentum": "momentum-as-printed", "linear": "linear", "quadratic": "quadratic-as-printed"},
    "as coded": {"momentum": "momentum-as-coded", "linear": "linear", "quadratic": "quadratic-as-coded"},
    "corrected": {"momentum": "momentum", "linear": "linear", "quadratic": "quadratic"},
}
"""Which forms make one set of the paper's three predictors."""

FORMS: Mapping[str, Family] = {
    "momentum-as-printed": "momentum",
    "momentum-as-coded": "momentum",
    "momentum": "momentum",
    "momentum-decaying": "momentum",
    "linear": "linear",
    "quadratic-as-printed": "quadratic",
    "quadratic-as-coded": "quadratic",
    "quadratic": "quadratic",
}
"""Every form, in the order in which tables have them."""

_CHOSEN: Mapping[As, tuple[str, ...]] = {
    "published": ("as printed", "as coded"),
    "corrected": ("corrected",),
    "both": ("as printed", "as coded", "corrected"),
}


def sets(chosen: As) -> tuple[str, ...]:
    """Return the names of the sets to sweep."""
    return _CHOSEN[chosen]


def names(chosen: As) -> list[str]:
    """Return the names of the forms to sweep, in the order in which tables have them."""
    wanted = {name for each in sets(chosen) for name in SETS[each].values()}
    wanted |= {"momentum-decaying"} if "corrected" in sets(chosen) else set()
    return [name for name in FORMS if name in wanted]


def forms(chosen: As) -> dict[str, Form]:
    """Return the forms to sweep, by name."""
    single, half = "float32", "float16"
    coded = {f"× {scale:g}": MomentumAsCoded(MomentumAsCoded.Config(scale=scale)) for scale in SCALES}
    known: dict[str, Form] = {
        "momentum-as-printed": {"": MomentumAsPrinted(MomentumAsPrinted.Config(snapshot_dtype=single))},
        "momentum-as-coded": coded,
        "momentum": {"": Momentum()},
        "momentum-decaying": {"": MomentumDecaying()},
        "linear": {"": Linear()},
        "quadratic-as-printed": {"": QuadraticAsPrinted()},
        "quadratic-as-coded": {"": QuadraticAsCoded(QuadraticAsCoded.Config(snapshot_dtype=half))},
        "quadratic": {"": Quadratic()},
    }
    return {name: known[name] for name in names(chosen)}
