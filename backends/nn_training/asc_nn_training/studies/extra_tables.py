"""The tables that the paper does not have: where regimes start, what a leap is worth and costs, what cascades do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asc.study import Table
from asc_nn_training.studies.formats import mean_std, percent, plus_minus
from asc_nn_training.studies.paper_tables import CALM, Row
from asc_nn_training.studies.predictor_forms import form_names
from asc_nn_training.studies.results import (
    CRITERIA,
    JudgedCandidate,
    Labelling,
    Results,
    SeedLog,
    SweepSettings,
    acceptance,
    leap_worth,
    regime_starts,
    select,
)

_EXPLODED = 10.0  # nats a token above the present loss


def extra_tables(results: Results) -> list[Table]:
    """Return the tables."""
    config, logs, candidates = results.config, results.logs, results.candidates[0]
    found = [_regime_starts(logs, results.labellings)]
    found.append(_worth(candidates, config, "any", "table-6", notes=_left_out(logs)))
    for way, here in results.shown:
        found += [_worth(here, config, regime, f"table-6-{regime}-{way.name}", way) for regime in CALM]
    return [*found, _by_criterion(candidates, config), _reported(candidates, config), _cascades(logs), _ledger(logs)]


def _regime_starts(logs: Sequence[SeedLog], ways: Sequence[Labelling]) -> Table:
    rows: list[Row] = []
    for way in ways:
        starts = [regime_starts(log, labels) for log, labels in zip(logs, way.labels, strict=True)]
        for what, steps in zip(("not chaotic", "stable"), zip(*starts, strict=True), strict=True):
            known = [step for step in steps if step is not None]
            apart = f"{max(known) - min(known)}" if len(known) == len(steps) else None
            rows.append((way.name, what, *("never" if step is None else step for step in steps), apart))
    columns = ("limits", "first snapshot", *(f"seed {log.seed}" for log in logs), "last minus first")
    notes = ("In the paper, the boundary between chaotic and transition lies within ± 50 steps over seeds.",)
    return Table("boundaries", "Where regimes start, in steps", columns, tuple(rows), notes)


def _left_out(logs: Sequence[SeedLog]) -> tuple[str, ...]:
    """Return sentences on what was not tried, and how often."""
    snapshots = [snapshot for log in logs for snapshot in log.snapshots]
    past = Counter(horizon for snapshot in snapshots for horizon in snapshot["past_end"])
    silent = Counter(form for snapshot in snapshots for form in snapshot["silent"])
    notes = []
    if past:
        counts = ", ".join(f"K = {horizon} at {count}" for horizon, count in sorted(past.items()))
        notes.append(f"Not tried, because it lies past the last step: {counts} of {len(snapshots)} snapshots.")
    if silent:
        counts = ", ".join(f"{form} at {count}" for form, count in sorted(silent.items()))
        notes.append(f"Not tried, because there were too few earlier snapshots: {counts}.")
    return tuple(notes)


def _worth(
    candidates: Sequence[JudgedCandidate],
    config: SweepSettings,
    regime: str,
    name: str,
    way: Labelling | None = None,
    notes: tuple[str, ...] = (),
) -> Table:
    """What leaps from one regime's snapshots, or from any, achieved compared with as many real steps."""
    here = candidates if regime == "any" else select(candidates, regime=regime)
    title = f"Table 6: what a leap is worth, {'all snapshots' if way is None else f'{regime} by {way.name} limits'}"
    rows: list[Row] = []
    for horizon in config.horizons:
        for form in form_names(config.as_):
            worth = leap_worth(select(here, form=form, horizon=horizon), horizon)
            if worth is None:
                continue
            exploded = worth.predicted is None or worth.predicted > _EXPLODED
            share = None if exploded or not worth.shares else _percent(worth.shares)
            change = "exploded" if exploded else f"{worth.predicted:+.4f}"
            net = None if worth.net is None else f"{worth.net:+.1f}"
            net = net if net is None or worth.net_n == worth.n else f"{net} ({worth.net_n})"
            rows.append((horizon, form, worth.n, change, f"{worth.true:+.4f}", share, f"{worth.cost:.1f}", net))
    columns = ("K", "form", "N", "leap", "K real steps", "share, %", "cost", "net")
    if not rows:
        return Table(name, title, columns, (), ("There was no such snapshot.",))
    explained = (
        "leap, K real steps: mean change of the held-out loss by the leap, and by K real steps of the same training, "
        "in nats a token, over all seeds. share: the first divided by the second, mean ± std over seeds.",
        "cost: the prediction and the gate pass of a candidate, in plain steps, without what all candidates of a "
        "snapshot share (copy, fingerprint, the pass with the present weights). net: plain steps gained a candidate, "
        "minus the cost, if only leaps that lower the judging loss are taken. That gain is measured on a set that "
        "never judges. A number in brackets says for how many candidates that set was read, if not for all.",
    )
    return Table(name, title, columns, tuple(rows), (*explained, *notes))


def _by_criterion(candidates: Sequence[JudgedCandidate], config: SweepSettings) -> Table:
    forms, seeds = form_names(config.as_), len({each.log for each in candidates})
    rows = [
        (name, *(percent(acceptance(select(candidates, form=form), name), seeds) for form in forms))
        for name in CRITERIA
    ]
    notes = (
        "All snapshots and horizons, mean ± std over seeds. adaptive: at most one standard deviation of the last ten "
        "losses above the current loss, and strict while there are fewer than three losses; as coded: one standard "
        "deviation of all losses of the training, its future included. proximity: within 5 % either way; as coded: at "
        "most 0.5 % above. paired: a one-sided t test over sequences at 5 %.",
    )
    return Table("table-7", "Table 7: acceptance by criterion, %", ("criterion", *forms), tuple(rows), notes)


def _reported(candidates: Sequence[JudgedCandidate], config: SweepSettings) -> Table:
    """What candidates that one set of sequences accepts do to the loss on another."""
    rows: list[Row] = []
    for form in form_names(config.as_):
        for horizon in config.horizons:
            taken = [c for c in select(candidates, form=form, horizon=horizon) if c.reported is not None]
            if taken:
                judged = float(np.mean([each.change for each in taken]))
                changes = [each.reported for each in taken if each.reported is not None]
                worse = sum(change >= 0 for change in changes)
                changed = f"{judged:+.4f}", f"{float(np.mean(changes)):+.4f}"
                rows.append((form, horizon, len(taken), *changed, f"{worse} of {len(taken)}"))
    columns = (
        *("form", "K", "accepted"),
        *("change on the judging set", "change on the other set", "no better on the other set"),
    )
    title = "Table 8: candidates accepted on one set of sequences, evaluated on another"
    notes = ("Candidates that were strictly accepted. The other set never judges.",)
    return Table("table-8", title, columns, tuple(rows), notes)


_Group = list[tuple[Mapping[str, Any], float | None]]
"""Cascades of one kind, each with the loss of the same training after D·K real steps, if that is known."""


def _cascades(logs: Sequence[SeedLog]) -> Table:
    groups: dict[tuple[int, int, bool, str], _Group] = {}
    past_end = silent = snapshots = 0
    for log in logs:
        for snapshot in log.snapshots:
            snapshots += "cascades" in snapshot
            for cascade in snapshot.get("cascades", ()):
                past_end += bool(cascade.get("past_end"))
                silent += bool(cascade.get("silent"))
                if "links" in cascade:
                    key = (cascade["depth"], cascade["step"], cascade["real"], cascade["form"])
                    plain = log.losses.get(snapshot["position"] + cascade["depth"] * cascade["step"])
                    groups.setdefault(key, []).append((cascade, plain))
    columns = (
        *("D × K", "links", "form", "cascades", "all links accepted", "mean links accepted"),
        *("loss at the end", "minus loss after D·K steps"),
    )
    if not snapshots:
        note = "No cascade was run: no snapshot was stable when it was taken, or cascade_every is 0."
        return Table("cascades", "Cascades", columns, (), (note,))
    rows = [_cascade(key, group) for key, group in sorted(groups.items(), key=lambda item: item[0][:3])]
    notes = [
        f"From {snapshots} snapshots that were stable by the limits at that time. A link is accepted if its judging "
        "loss is below that of the link before. The first rejected link ends the cascade.",
        "chained: each link is predicted from the links before. For linear, the exact quadratic, and momentum with "
        "held moments, all links together are one leap of D·K steps. momentum-as-coded uses 1.0 times the step.",
        "with steps: K real steps of a fresh AdamW after each leap, as in the published code. no leap: only these "
        "steps.",
        "loss at the end: mean over the cascades whose links were all accepted; then minus the loss of the same "
        "training after D·K real steps.",
    ]
    if past_end or silent:
        notes.append(
            f"{past_end} cascades were not run because they would have led past the last step; {silent} had no "
            "prediction."
        )
    return Table("cascades", "Cascades from stable snapshots", columns, tuple(rows), tuple(notes))


def _cascade(key: tuple[int, int, bool, str], group: _Group) -> Row:
    depth, step, real, form = key
    whole = [(cascade, plain) for cascade, plain in group if cascade["links"] == depth]
    ends = [((cascade["trained"] if real else cascade["losses"])[-1], plain) for cascade, plain in whole]
    apart = [end - plain for end, plain in ends if plain is not None]
    return (
        f"{depth} × {step}",
        "with steps" if real else "chained",
        form,
        len(group),
        f"{len(whole)} of {len(group)}",
        f"{float(np.mean([cascade['links'] for cascade, _ in group])):.1f}",
        f"{float(np.mean([end for end, _ in ends])):.4f}" if ends else None,
        f"{float(np.mean(apart)):+.4f}" if apart else None,
    )


_WORKS: Mapping[str, str] = {
    "plain": "training itself",
    "observe": "a copy of the weights at each snapshot",
    "recognise": "a fingerprint at each snapshot",
    "current": "a gate pass with the present weights",
    "predict": "the prediction of a candidate",
    "validate": "a gate pass with a candidate in place of the weights",
    "report": "a pass over the set that never judges",
    "reading": "true losses at t + K, on both sets",
    "cascade": "cascades, with their real steps",
}


def _ledger(logs: Sequence[SeedLog]) -> Table:
    ends = [log.end for log in logs if log.end is not None]
    rows: list[Row] = []
    for kind, explained in _WORKS.items():
        accounts = [end["ledger"][kind] for end in ends if kind in end["ledger"]]
        if accounts:
            count, steps, seconds = (sum(each[name] for each in accounts) for name in ("count", "steps", "seconds"))
            rows.append((kind, explained, int(count), f"{steps:,.0f}", f"{steps / count:.3g}", f"{seconds:,.0f}"))
    fetched, moved = (sum(end["store"][name] for end in ends) for name in ("fetched", "spilled"))
    notes = (
        "linear and quadratic are weighted sums of past weights, computed directly in the model: no copy, and one gate "
        "pass a candidate. The other predictors return weights, which is one copy. momentum-as-coded is three "
        "candidates, one for each scale.",
        f"Past weights were moved off the device {moved} times, and fetched back {fetched} times.",
        "Seconds exclude checkpoints, and work that an interruption discarded.",
    )
    columns = ("work", "what", "times", "in plain steps", "each", "seconds")
    return Table("ledger", "Work of all seeds that are done", columns, tuple(rows), notes if rows else ())


def _percent(shares: Sequence[float]) -> str:
    mean, std = mean_std(shares)
    return plus_minus(100 * mean, None if std is None else 100 * std, 0)
