"""The components of the core, announced as any plugin announces its own."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl

_COMPONENTS = {
    "recognizer": {
        "always": ("always:Always", "stops at every step"),
        "every": ("every:Every", "stops at every n-th step"),
        "recurring": ("recurring:Recurring", "stops at a recurring point, at a distance that is worth predicting"),
        "similarity": ("similarity:Similarity", "tells chaotic from stable regimes by comparing fingerprints"),
    },
    "predictor": {
        "affine": ("affine:Affine", "finds x' = ax + c in state words, strides included"),
        "cascade": ("cascade:Cascade", "predicts from its own predictions, link by link"),
        "ensemble": ("ensemble:Ensemble", "weighs the predictors' forecasts of each state word by their success"),
        "last-value": ("last_value:LastValue", "predicts that nothing changes"),
        "linear": ("linear:Linear", "continues at the rate of the last two snapshots"),
        "logistic": ("logistic:BitLogistic", "learns each excited bit by logistic regression"),
        "mean": ("mean:Mean", "predicts the mean of the last snapshots"),
        "memory": ("memory:Memory", "predicts that what followed a visited state follows it again"),
        "most-frequent": ("most_frequent:MostFrequent", "predicts the value that a word has had most often"),
        "polynomial": ("polynomial:Polynomial", "continues a least-squares polynomial through the last snapshots"),
        "quadratic": ("quadratic:Quadratic", "continues the parabola through three snapshots"),
    },
    "validator": {
        "adaptive": ("adaptive:Adaptive", "accepts a held-out loss within the noise of recent ones"),
        "paired": ("paired:Paired", "accepts what a paired test on held-out sequences finds better"),
        "proximity": ("proximity:Proximity", "accepts a held-out loss close to the current one"),
        "strict": ("strict:Strict", "accepts a lower held-out loss"),
        "synthetic": ("synthetic:Synthetic", "accepts at a set rate, at random: for planning, with --shadow"),
    },
}
"""By kind and name: module and class within the folder of the kind, and a summary. Paths import nothing."""


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce the recognizers, predictors and validators of the core."""
    for kind, components in _COMPONENTS.items():
        for name, (factory, summary) in components.items():
            path = f"asc.{kind}s.{factory}"
            registry.add(kind, name, path, summary)
