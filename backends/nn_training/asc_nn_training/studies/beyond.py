"""What the paper's tables lack: where regimes begin, what a leap is worth and costs, what other sequences say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asc.study import Cell, Table
from asc_nn_training.studies.formats import over_seeds, percent, plus_minus
from asc_nn_training.studies.forms import names
from asc_nn_training.studies.results import (
    CRITERIA,
    Labelled,
    Log,
    Swept,
    Try,
    accepted,
    boundaries,
    chosen,
    rate,
    worth,
)

Row = tuple[Cell, ...]

_EXPLODED = 10.0  # nats a token above the present loss


def begins(logs: Sequence[Log], ways: Sequence[Labelled]) -> Table:
    """Where each seed is first calm, and first stable."""
    rows: list[Row] = []
    for way in ways:
        found = [boundaries(log, told) for log, told in zip(logs, way.labels, strict=True)]
        for place, what in enumerate(("not chaotic from", "stable from")):
            steps = [each[place] for each in found]
            known = [step for step in steps if step is not None]
            apart = f"{max(known) - min(known)}" if len(known) == len(steps) else None
            rows.append((way.name, what, *("never" if step is None else step for step in steps), apart))
    columns = ("limits", "first snapshot", *(f"seed {log.seed}" for log in logs), "last less first")
    notes = ("The paper reports the boundary between chaotic and transition within ± 50 steps over seeds.",)
    return Table("boundaries", "Where regimes begin, in steps", columns, tuple(rows), notes)


def left_out(logs: Sequence[Log]) -> tuple[str, ...]:
    """Say what was not tried, and how often."""
    snapshots = [snapshot for log in logs for snapshot in log.snapshots]
    past = Counter(horizon for snapshot in snapshots for horizon in snapshot["past_end"])
    silent = Counter(form for snapshot in snapshots for form in snapshot["silent"])
    told = []
    if past:
        counts = ", ".join(f"K = {horizon} at {count}" for horizon, count in sorted(past.items()))
        told.append(f"Left out because they lead past the last step: {counts} of {len(snapshots)} snapshots.")
    if silent:
        counts = ", ".join(f"{form} at {count}" for form, count in sorted(silent.items()))
        told.append(f"Left out for want of snapshots to look back on: {counts}.")
    return tuple(told)


def worth_of(
    found: Sequence[Try], config: Swept, regime: str, name: str, more: tuple[str, ...], way: Labelled | None = None
) -> Table:
    """What leaps achieved beside as many real steps, from one regime's snapshots or from any."""
    here = found if regime == "any" else chosen(found, label=regime)
    where = "all snapshots" if way is None else f"{regime} by {way.name} limits"
    rows: list[Row] = []
    for horizon in config.horizons:
        for form in names(config.as_):
            what = worth(chosen(here, form=form, horizon=horizon), horizon)
            if what is None:
                continue
            exploded = what.predicted is None or what.predicted > _EXPLODED
            share = None if exploded or not what.shares else _shares(what.shares)
            change = "exploded" if exploded else f"{what.predicted:+.4f}"
            net = None if what.net is None else f"{what.net:+.1f}"
            net = net if net is None or what.net_n == what.n else f"{net} ({what.net_n})"
            rows.append((horizon, form, what.n, change, f"{what.true:+.4f}", share, f"{what.cost:.1f}", net))
    columns = ("K", "form", "N", "leap", "K real steps", "share, %", "cost", "net")
    if not rows:
        return Table(name, f"Table 6: what a leap is worth, {where}", columns, (), ("There was no such snapshot.",))
    notes = (
        "Mean change of the held-out loss, in nats a token, by the leap and by K real steps of the same training, all "
        "seeds together; the leap's share of these, mean ± std over seeds.",
        "Cost: a candidate's prediction and gate pass, in plain steps; what all candidates of a snapshot share (copy, "
        "fingerprint, the pass with the present weights) is not in it. Net: plain steps gained a candidate that is "
        "taken only if it lowers the judging loss, by the losses of a set that never judges, less the cost; of how "
        "many, in brackets, where these were not read for all.",
    )
    return Table(name, f"Table 6: what a leap is worth, {where}", columns, tuple(rows), (*notes, *more))


def by_criterion(found: Sequence[Try], config: Swept) -> Table:
    """Acceptance by every criterion."""
    forms, seeds = names(config.as_), len({each.log for each in found})
    rows = [
        (name, *(percent(rate(chosen(found, form=form), accepted(name)), seeds) for form in forms)) for name in CRITERIA
    ]
    notes = (
        "All snapshots and horizons; mean ± std over seeds. adaptive: within one standard deviation of the last ten "
        "losses, and strictly while there are fewer than three; as coded: of all losses of the training, its future "
        "included. proximity: 5 % either way; as coded: at most 0.5 % above. paired: a one-sided t test over sequences "
        "at 5 %.",
    )
    return Table("table-7", "Table 7: acceptance by criterion, %", ("criterion", *forms), tuple(rows), notes)


def reported(found: Sequence[Try], config: Swept) -> Table:
    """What candidates that one set of sequences accepts do to the loss on another."""
    rows: list[Row] = []
    for form in names(config.as_):
        for horizon in config.horizons:
            taken = [t for t in chosen(found, form=form, horizon=horizon) if t.reported is not None]
            if taken:
                judged = float(np.mean([each.loss - each.current for each in taken]))
                changes = [each.reported for each in taken if each.reported is not None]
                worse = sum(change >= 0 for change in changes)
                told = (f"{judged:+.4f}", f"{float(np.mean(changes)):+.4f}", f"{worse} of {len(taken)}")
                rows.append((form, horizon, len(taken), *told))
    columns = ("form", "K", "accepted", "change, judging", "change, other", "not better there")
    notes = ("Candidates accepted strictly, judged on one set of sequences and read on another, which never judges.",)
    return Table("table-8", "Table 8: the gate that judges is no report", columns, tuple(rows), notes)


Group = list[tuple[Mapping[str, Any], float | None]]
"""Cascades of one kind, each with the loss of the same training after D·K real steps, where that is known."""


def cascaded(logs: Sequence[Log]) -> Table:
    """Cascades from stable snapshots."""
    groups: dict[tuple[int, int, bool, str], Group] = {}
    past_end = silent = tried_from = 0
    for log in logs:
        for snapshot in log.snapshots:
            tried_from += "cascades" in snapshot
            for cascade in snapshot.get("cascades", ()):
                past_end += bool(cascade.get("past_end"))
                silent += bool(cascade.get("silent"))
                if "links" in cascade:
                    key = (cascade["depth"], cascade["step"], cascade["real"], cascade["form"])
                    plain = log.losses.get(snapshot["position"] + cascade["depth"] * cascade["step"])
                    groups.setdefault(key, []).append((cascade, plain))
    columns = ("D × K", "links", "form", "tried", "all accepted", "mean accepted", "loss at the end", "less D·K steps")
    if not tried_from:
        told = "No cascade was tried: no snapshot was stable when it was taken, or none were asked for."
        return Table("cascades", "Cascades", columns, (), (told,))
    rows = [_cascade(key, group) for key, group in sorted(groups.items(), key=lambda item: item[0][:3])]
    notes = [
        f"From {tried_from} snapshots that were stable by the limits in force when they were taken. A link is accepted "
        "where it lowers the judging loss below that of the link before; the first that does not ends the cascade.",
        "Chained: each link predicts from those before. For linear and the exact quadratic, and for momentum with its "
        "moments held, all links together are one leap of D·K. momentum-as-coded takes one times the step.",
        "With steps: K real steps of a fresh AdamW after each leap, as in the published code; no leap: these alone.",
        "Loss at the end: mean over cascades all of whose links were accepted, those that went well, and less that of "
        "the same training after D·K real steps.",
    ]
    if past_end or silent:
        notes.append(f"{past_end} would have led past the last step and were not tried; {silent} had no prediction.")
    return Table("cascades", "Cascades from stable snapshots", columns, tuple(rows), tuple(notes))


def _cascade(key: tuple[int, int, bool, str], group: Group) -> Row:
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
    "observe": "a copy of the weights, one a snapshot",
    "recognise": "a fingerprint",
    "current": "a gate pass with the present weights",
    "predict": "a candidate: its prediction",
    "validate": "a candidate: put in place, one gate pass, put back",
    "report": "passes over the set that only reports",
    "reading": "true losses at t + K, on both sets",
    "cascade": "cascades, their real steps included",
}


def spent(logs: Sequence[Log]) -> Table:
    """The ledger of all seeds that are done."""
    ends = [log.end for log in logs if log.end is not None]
    rows: list[Row] = []
    for kind, told in _WORKS.items():
        accounts = [end["ledger"][kind] for end in ends if kind in end["ledger"]]
        if accounts:
            count, steps, seconds = (sum(each[name] for each in accounts) for name in ("count", "steps", "seconds"))
            rows.append((kind, told, int(count), f"{steps:,.0f}", f"{steps / count:.3g}", f"{seconds:,.0f}"))
    fetched, moved = (sum(end["store"][name] for end in ends) for name in ("fetched", "spilled"))
    notes = [
        "linear and quadratic are weighted sums of past weights, taken straight into the model: no copy of it, and no "
        "more than one gate pass a candidate. The others name their weights, which is one copy. momentum-as-coded is "
        "three candidates, one a scale.",
        f"Past weights were moved away from the device {moved} times and fetched from elsewhere {fetched} times.",
        "Seconds are those of stretches that were not cut short; checkpoints are left out.",
    ]
    columns = ("work", "what", "times", "in plain steps", "each", "seconds")
    return Table("ledger", "What it took, all seeds that are done", columns, tuple(rows), tuple(notes) if rows else ())


def _shares(values: Sequence[float]) -> str:
    mean, std = over_seeds(values)
    return plus_minus(100 * mean, None if std is None else 100 * std, 0)
