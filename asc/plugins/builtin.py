"""The components of the core, announced exactly as any plugin announces its own."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl

_COMPONENTS = {
    "recognizer": {
        "always": ("always:Always", "stops at every step"),
        "every": ("every:Every", "stops at every n-th step"),
        "recurring": ("recurring:Recurring", "stops at a recurring point, at a distance worth guessing over"),
        "similarity": ("similarity:Similarity", "tells chaotic from stable regimes by comparing fingerprints"),
    },
    "predictor": {
        "affine": ("affine:Affine", "finds x' = ax + c in machine words, strides included"),
        "cascade": ("cascade:Cascade", "predicts from its own predictions, link by link"),
        "ensemble": ("ensemble:Ensemble", "lets predictors vote on each word, by their success"),
        "last-value": ("last_value:LastValue", "everything stays as it is"),
        "linear": ("linear:Linear", "goes on at the rate of the last two snapshots"),
        "logistic": ("logistic:BitLogistic", "learns each excited bit by logistic regression"),
        "mean": ("mean:Mean", "the mean of the last snapshots"),
        "memory": ("memory:Memory", "what followed a visited state follows again"),
        "polynomial": ("polynomial:Polynomial", "goes on along a least-squares polynomial"),
        "quadratic": ("quadratic:Quadratic", "goes on along the parabola through three snapshots"),
    },
    "validator": {
        "adaptive": ("adaptive:Adaptive", "accepts a held-out loss within the noise of recent ones"),
        "exact": ("exact:Exact", "accepts what was computed from the same bits"),
        "paired": ("paired:Paired", "accepts what a paired test on held-out sequences finds better"),
        "proximity": ("proximity:Proximity", "accepts a held-out loss close to the current one"),
        "strict": ("strict:Strict", "accepts a lower held-out loss"),
    },
}
"""Kind, name, module and class within the folder of that kind, summary. Paths only: nothing is imported here."""


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the recognizers, predictors and validators of the core."""
    for kind, components in _COMPONENTS.items():
        for name, (factory, summary) in components.items():
            path = f"asc.{kind}s.{factory}"
            registry.add(kind, name, path, f"{path}.Config", summary)
