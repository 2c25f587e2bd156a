"""The predictors of a sweep, each in three forms: as the paper prints it, as its code has it, and corrected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.predictors.quadratic import Quadratic
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded, MomentumAsPrinted, MomentumDecaying
from asc_nn_training.predictors.published import QuadraticAsCoded, QuadraticAsPrinted

Family = Literal["momentum", "linear", "quadratic"]
As = Literal["published", "corrected", "both"]

SCALES = (0.8, 1.0, 1.2)  # the published code uses the best of these on the batch that judges

Form = Mapping[str, Predictor]
"""One or several predictors by name; of several, the one with the lowest judging loss counts."""


SETS: Mapping[str, Mapping[Family, str]] = {
    "as printed": {"momentum": "momentum-as-printed", "linear": "linear", "quadratic": "quadratic-as-printed"},
    "as coded": {"momentum": "momentum-as-coded", "linear": "linear", "quadratic": "quadratic-as-coded"},
    "corrected": {"momentum": "momentum", "linear": "linear", "quadratic": "quadratic"},
}
"""The paper's three predictors, once in each set."""

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
"""The family of each form, in the order of the tables."""

_CHOSEN: Mapping[As, tuple[str, ...]] = {
    "published": ("as printed", "as coded"),
    "corrected": ("corrected",),
    "both": ("as printed", "as coded", "corrected"),
}


def set_names(chosen: As) -> tuple[str, ...]:
    """Return the names of the sets to sweep."""
    return _CHOSEN[chosen]


def form_names(chosen: As) -> list[str]:
    """Return the names of the forms to sweep, in the order of the tables."""
    wanted = {name for each in set_names(chosen) for name in SETS[each].values()}
    wanted |= {"momentum-decaying"} if "corrected" in set_names(chosen) else set()
    return [name for name in FORMS if name in wanted]


def make_forms(chosen: As) -> dict[str, Form]:
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
    return {name: known[name] for name in form_names(chosen)}
