"""Announces the network backend and its components."""

from __future__ import annotations

from asc.hookspecs import Registrar, hookimpl

_PREDICTORS = {
    "momentum": ("momentum:Momentum", "AdamW's own next steps, its moments held: fp32, bias-corrected"),
    "momentum-decaying": ("momentum:MomentumDecaying", "AdamW's own next steps, its first moment shrinking each step"),
    "momentum-as-printed": (
        "momentum:MomentumAsPrinted",
        "AdamW's next steps by Leap+Verify's Eq. 3: no learning rate, for study",
    ),
    "momentum-as-coded": (
        "momentum:MomentumAsCoded",
        "AdamW's next steps as Leap+Verify's code computes them: half precision, for study",
    ),
    "quadratic-as-printed": (
        "published:QuadraticAsPrinted",
        "the parabola through three snapshots by Leap+Verify's Eq. 5, for study",
    ),
    "quadratic-as-coded": (
        "published:QuadraticAsCoded",
        "the parabola through three snapshots as Leap+Verify's code computes it, for study",
    ),
    "nesterov-outer": ("nesterov:NesterovOuter", "an outer Nesterov step over the distance that training has covered"),
    "ema-increments": ("ema:EmaIncrements", "continues along the running average of increments"),
    "ema-nesterov": ("ema_nesterov:EmaNesterov", "a way of going on: each step moves on along the average of steps"),
    "tail-average": ("average:TailAverage", "the mean of the last snapshots"),
    "anderson": ("anderson:Anderson", "the combination of snapshots with the smallest increment"),
    "autoregression": (
        "autoregression:Autoregression",
        "continues the moves as earlier moves of this run went on, by least squares",
    ),
    "rank-one": (
        "rank_one:RankOne",
        "continues the one direction in which the weights have moved most by a line: RELEX",
    ),
    "line-search": ("line_search:LineSearch", "scales the last increment while a held-out loss falls"),
}
_RECOGNIZERS = {
    "activation-cosine": (
        "activation_cosine:ActivationCosine",
        "regimes of training, by how far activations turn between boundaries",
    ),
    "lyapunov": ("lyapunov:Lyapunov", "how far ahead a prediction can be right, by how fast a twin drifts apart"),
}
_VALIDATORS = {
    "held-out-loss": ("held_out_loss:HeldOutLoss", "accepts what a loss on held-out sequences finds better"),
    "probation": ("probation:Probation", "accepts what is still better after a few real steps"),
}
_STUDIES = {
    "leap-verify": (
        "leap_verify:LeapVerify",
        "the Leap+Verify paper's tables beside ours, and the worth of a leap in real steps",
    ),
    "departures": (
        "departures:Departures",
        "where Leap+Verify's code differs from its text: scored padding, zeroed moments",
    ),
    "verdicts": ("verdicts:Verdicts", "which verdict on a candidate predicts the end of the run"),
    "rates": ("rates:Rates", "the best learning rate, by successive halving on the predicted annealed loss"),
    "momentum": ("momentum:MomentumStudy", "why leaps from Adam's moments exploded: every formula in every precision"),
    "collapse": (
        "collapse:Collapse",
        "seeds that become one training once they are calm and connected, beside data parallel",
    ),
}


@hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce everything by its path, so that nothing heavy is imported before it is used."""
    package = "asc_nn_training"
    summary = "training of networks: predicts weights, and leaps to those that held-out data accepts"
    registry.add("backend", "nn_training", f"{package}.backend:NetworkBackend", summary)
    for kind, folder, parts in (
        ("predictor", "predictors", _PREDICTORS),
        ("recognizer", "recognizers", _RECOGNIZERS),
        ("validator", "validators", _VALIDATORS),
        ("study", "studies", _STUDIES),
    ):
        for name, (path, line) in parts.items():
            registry.add(kind, name, f"{package}.{folder}.{path}", line)
