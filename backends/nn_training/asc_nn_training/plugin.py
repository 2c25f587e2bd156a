"""Announces the network backend and its components."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl

_PREDICTORS = {
    "momentum": ("momentum:Momentum", "AdamW's own next steps, its moments held: fp32, bias-corrected"),
    "momentum-decaying": ("momentum:MomentumDecaying", "the same with a first moment that shrinks each step"),
    "momentum-as-printed": ("momentum:MomentumAsPrinted", "Leap+Verify's Eq. 3: no learning rate, for study"),
    "momentum-as-coded": ("momentum:MomentumAsCoded", "the code published with it: half precision, for study"),
    "quadratic-as-printed": ("published:QuadraticAsPrinted", "Leap+Verify's Eq. 5, for study"),
    "quadratic-as-coded": ("published:QuadraticAsCoded", "the code published with it, for study"),
    "nesterov-outer": ("nesterov:NesterovOuter", "an outer Nesterov step over what training has moved"),
    "ema-increments": ("ema:EmaIncrements", "goes on along the running average of increments"),
    "tail-average": ("average:TailAverage", "the mean of the last snapshots"),
    "anderson": ("anderson:Anderson", "the combination of snapshots that leaves the least increment"),
    "line-search": ("line_search:LineSearch", "scales the last increment while a held-out loss falls"),
}
_VALIDATORS = {
    "held-out-loss": ("held_out_loss:HeldOutLoss", "accepts what a loss on held-out sequences finds better"),
    "probation": ("probation:Probation", "accepts what is still better after a few real steps"),
}
_STUDIES = {
    "leap-verify": ("leap_verify:LeapVerify", "the Leap+Verify paper's tables beside ours, and what a leap is worth"),
    "departures": (
        "departures:Departures",
        "what the paper's code does beside its text: scored padding, zeroed moments",
    ),
    "momentum": ("momentum:MomentumStudy", "why leaps from Adam's moments exploded: every formula in every precision"),
}


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce everything by its path; nothing heavy is imported for that."""
    package = "asc_nn_training"
    backend = f"{package}.backend:NetworkBackend"
    summary = "training of networks: weights predicted, judged on held-out data, and leapt to"
    registry.add("backend", "nn_training", backend, f"{backend}.Config", summary)
    recognizer = f"{package}.recognizer:ActivationCosine"
    told = "regimes of training, by how far activations turn between boundaries"
    registry.add("recognizer", "activation-cosine", recognizer, f"{recognizer}.Config", told)
    for kind, folder, parts in (
        ("predictor", "predictors", _PREDICTORS),
        ("validator", "validators", _VALIDATORS),
        ("study", "studies", _STUDIES),
    ):
        for name, (path, line) in parts.items():
            factory = f"{package}.{folder}.{path}"
            registry.add(kind, name, factory, f"{factory}.Config", line)
