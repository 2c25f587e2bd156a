"""The tables of `asc study leap-verify`: the paper's five with its figures beside ours, and those that it lacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from asc.recognizers.thresholds import Regime
from asc.study import Cell, Table
from asc_nn_training.studies import paper
from asc_nn_training.studies.forms import FORMS, SETS, Family, sets
from asc_nn_training.studies.results import (
    CRITERIA,
    REGIMES,
    Labelled,
    Log,
    Rate,
    Try,
    accepted,
    boundaries,
    chosen,
    labelled,
    rate,
    tries,
    worth,
)

Row = tuple[Cell, ...]

_FAMILIES: tuple[Family, ...] = ("momentum", "linear", "quadratic")
_CALM = ("transition", "stable")


def all_tables(logs: Sequence[Log], config: Any) -> list[Table]:
    """Return every table; regimes are labelled by the configured limits, and by recalibrated ones beside them."""
    ways = labelled(logs, config.thresholds)
    found = [_regimes(logs, ways, config), _boundaries(logs, ways)]
    shown = ways[:2]
    candidates = [tries(logs, way) for way in shown]
    for place, (way, here) in enumerate(zip(shown, candidates, strict=True)):
        suffix = f"-{way.name}" if place else ""
        found += [
            _acceptance(here, config, way, criterion, f"{name}{suffix}", title) for criterion, name, title in _JUDGED
        ]
    found += [_momentum(candidates[0], config), _variation(shown, candidates, config)]
    found.append(_worth(candidates[0], config, "any", "table-6", "all snapshots", _left_out(logs)))
    for way, here in zip(shown, candidates, strict=True):
        for regime in _CALM:
            where = f"{regime} by {way.name} limits"
            found.append(_worth(here, config, regime, f"table-6-{regime}-{way.name}", where))
    found += [_criteria(candidates[0], config), _reported(candidates[0], config)]
    found += [_cascades(logs), _ledger(logs)]
    return [table for table in found if table.rows or table.notes]


_JUDGED = (
    ("strict", "table-2", "Table 2: strict acceptance, %"),
    ("proximity", "table-3", "Table 3: within 5 % either way, %"),
    (
        "proximity-as-coded",
        "table-3-as-coded",
        "Table 3 by the published code's criterion: at most 0.5 % above, %",
    ),
)


def _regimes(logs: Sequence[Log], ways: Sequence[Labelled], config: Any) -> Table:
    named = paper.nearest(config.model)
    rows: list[Row] = [
        (f"paper, {model}", *(_pm(*paper.REGIMES[model][regime]) for regime in _ORDER)) for model in paper.REGIMES
    ]
    for way in ways:
        counts = {regime: [labels.count(regime) for labels in way.labels] for regime in REGIMES}
        rows.append((f"ours, {way.name}", *(_pm(*_spread(counts[regime])) for regime in _ORDER)))
    ends = [log.end["outcome"]["gate_loss"] for log in logs if log.end is not None]
    seen = sorted({len(log.snapshots) for log in logs})
    notes = [
        f"Ours: {config.model}, {_seeds(logs)}, {' to '.join(map(str, seen))} snapshots each; the paper has 40.",
        *(f"{way.name}: {way.told}." for way in ways),
    ]
    if ends:
        ours = _pm(*_spread(ends), digits=3)
        theirs = _pm(*paper.FINAL_LOSS[named], digits=3)
        notes.append(
            f"Held-out loss at the end: ours {ours} nats a token, the paper's {named} {theirs}, which scores padding."
        )
    missing = [f"{log.seed} (at step {log.snapshots[-1]['position']})" for log in logs if log.end is None]
    if missing:
        notes.append(f"Not done yet: seed {', '.join(missing)}.")
    return Table(
        "table-1",
        "Table 1: snapshots in each regime, mean ± std over seeds",
        ("limits", *_ORDER),
        tuple(rows),
        tuple(notes),
    )


_ORDER: tuple[Regime, ...] = ("chaotic", "transition", "stable", "unknown")


def _boundaries(logs: Sequence[Log], ways: Sequence[Labelled]) -> Table:
    rows: list[Row] = []
    for way in ways:
        found = [boundaries(log, labels) for log, labels in zip(logs, way.labels, strict=True)]
        for place, what in enumerate(("not chaotic from", "stable from")):
            steps = [each[place] for each in found]
            known = [step for step in steps if step is not None]
            spread = f"{max(known) - min(known)}" if len(known) == len(steps) else ""
            rows.append((way.name, what, *("never" if step is None else step for step in steps), spread))
    columns = ("limits", "first snapshot", *(f"seed {log.seed}" for log in logs), "last less first")
    notes = ("The paper reports the boundary between chaotic and transition within ± 50 steps over seeds.",)
    return Table("boundaries", "Where regimes begin, in steps", columns, tuple(rows), notes)


def _acceptance(found: Sequence[Try], config: Any, way: Labelled, criterion: str, name: str, title: str) -> Table:
    published = paper.STRICT if criterion == "strict" else paper.PROXIMITY
    model, rows = paper.nearest(config.model), list[Row]()
    for regime in _CALM:
        here = chosen(found, label=regime)
        for horizon in config.horizons:
            theirs = published.get((model, regime), {}).get(horizon)
            if theirs is not None:
                rows.append((regime, horizon, f"paper, {model}", *(_pm(*each) for each in theirs), None))
            for whose in sets(config.as_):
                cells = [chosen(here, form=SETS[whose][family], horizon=horizon) for family in _FAMILIES]
                if any(cells):
                    told = [_percent(rate(cell, accepted(criterion))) for cell in cells]
                    rows.append((regime, horizon, whose, *told, max(map(len, cells))))
    where = "" if way.name == "published" else f", regimes by {way.name} limits"
    notes = [] if rows else [f"No snapshot was in transition or stable by {way.name} limits ({way.told})."]
    if rows:
        notes.append("Mean ± std over seeds; N counts snapshots over all seeds.")
    return Table(
        name,
        f"{title}{where}",
        ("regime", "K", "whose", *map(str.capitalize, _FAMILIES), "N"),
        tuple(rows),
        tuple(notes),
    )


def _momentum(found: Sequence[Try], config: Any) -> Table:
    model, rows = paper.nearest(config.model), list[Row]()
    names = [SETS[whose]["momentum"] for whose in sets(config.as_)] + ["linear"]
    for horizon in config.horizons:
        theirs = paper.MOMENTUM[model].get(horizon)
        if theirs is not None:
            rows.append((horizon, f"paper, {model}", *map(_number, theirs)))
        for name in names:
            cell = chosen(found, form=name, horizon=horizon)
            if cell:
                predicted = float(np.mean([each.loss for each in cell]))
                current = float(np.mean([each.current for each in cell]))
                rows.append((horizon, name, _number(predicted), _number(current), _number(predicted / current)))
    notes = (
        "Mean losses over all snapshots and seeds, in nats a token. Linear stands beside momentum for comparison.",
        "momentum-as-coded keeps θ, m and v in half precision and takes the best of 0.8, 1.0 and 1.2 times the step; "
        "momentum is K steps of AdamW in single precision, its bias-corrected moments held.",
    )
    columns = ("K", "whose", "predicted loss", "current loss", "ratio")
    return Table("table-4", "Table 4: momentum", columns, tuple(rows), notes)


def _variation(ways: Sequence[Labelled], found: Sequence[Sequence[Try]], config: Any) -> Table:
    forms = [name for name in _forms(config) if FORMS[name] != "momentum"]
    rows: list[Row] = []
    for way, candidates in zip(ways, found, strict=True):
        for horizon in config.horizons:
            here = chosen(candidates, label="transition", horizon=horizon)
            theirs: list[Cell] = [f"{value:.1f}" for value in paper.VARIATION.get(horizon, ())] or [None, None]
            ours = [_cov(rate(chosen(here, form=name), accepted("proximity"))) for name in forms]
            rows.append((way.name, horizon, *theirs, *ours))
    columns = ("limits", "K", "paper, linear", "paper, quadratic", *forms)
    notes = ("Within 5 % either way, transition regime. The paper's figures are those of Qwen 2.5-1.5B.",)
    title = "Table 5: coefficient of variation of proximity acceptance over seeds, %"
    return Table("table-5", title, columns, tuple(rows), notes)


def _left_out(logs: Sequence[Log]) -> tuple[str, ...]:
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


def _worth(found: Sequence[Try], config: Any, regime: str, name: str, where: str, more: tuple[str, ...] = ()) -> Table:
    here = found if regime == "any" else chosen(found, label=regime)
    rows: list[Row] = []
    for horizon in config.horizons:
        for form in _forms(config):
            what = worth(chosen(here, form=form, horizon=horizon), horizon)
            if what is not None:
                rows.append(
                    (
                        horizon,
                        form,
                        what.n,
                        "exploded" if what.predicted is None or what.predicted > 10 else f"{what.predicted:+.4f}",
                        f"{what.true:+.4f}",
                        _share(what.share),
                        f"{what.cost:.1f}",
                        _steps(what.net),
                        _steps(what.gated),
                    )
                )
    columns = ("K", "form", "N", "leap", "K real steps", "share", "cost", "net, unjudged", "net, strict")
    notes = (
        "Mean change of the held-out loss, in nats a token, by the leap and by K real steps of the same training; the "
        "leap's share of these. Cost and net gain in plain steps a candidate: unjudged takes every leap, strict only "
        "those that lower the judging loss, their gain read on sequences that never judge.",
    )
    return Table(
        name, f"Table 6: what a leap is worth, {where}", columns, tuple(rows), (*notes, *more) if rows else more
    )


def _criteria(found: Sequence[Try], config: Any) -> Table:
    forms = _forms(config)
    rows = [(name, *(_percent(rate(chosen(found, form=form), accepted(name))) for form in forms)) for name in CRITERIA]
    notes = (
        "All snapshots and horizons. adaptive: within one standard deviation of the last ten losses; as coded: of all "
        "losses of the run, its future included. proximity: 5 % either way; as coded: at most 0.5 % above. paired: a "
        "one-sided t test over sequences at 5 %.",
    )
    return Table("table-7", "Table 7: acceptance by criterion, %", ("criterion", *forms), tuple(rows), notes)


def _reported(found: Sequence[Try], config: Any) -> Table:
    rows: list[Row] = []
    for form in _forms(config):
        for horizon in config.horizons:
            taken = [t for t in chosen(found, form=form, horizon=horizon) if accepted("strict")(t)]
            if taken:
                judged = [each.loss - each.current for each in taken]
                other = [each.candidate["report"] - each.report_before for each in taken]
                worse = sum(change >= 0 for change in other)
                mean = (f"{float(np.mean(judged)):+.4f}", f"{float(np.mean(other)):+.4f}")
                rows.append((form, horizon, len(taken), *mean, f"{worse} of {len(taken)}"))
    columns = ("form", "K", "accepted", "change, judging", "change, other", "not better there")
    notes = ("Candidates accepted strictly, judged on one set of sequences and read on another, which never judges.",)
    return Table("table-8", "Table 8: the gate that judges is no report", columns, tuple(rows), notes)


def _cascades(logs: Sequence[Log]) -> Table:
    groups: dict[tuple[int, int, bool, str], list[tuple[Mapping[str, Any], float | None]]] = {}
    past_end = tried_from = 0
    for log in logs:
        for snapshot in log.snapshots:
            tried_from += "cascades" in snapshot
            for cascade in snapshot.get("cascades", ()):
                if cascade.get("past_end"):
                    past_end += 1
                    continue
                key = (cascade["depth"], cascade["step"], cascade["real"], cascade["form"])
                plain = log.losses.get(snapshot["position"] + cascade["depth"] * cascade["step"])
                groups.setdefault(key, []).append((cascade, plain))
    rows = [_cascade(key, group) for key, group in sorted(groups.items(), key=lambda item: item[0][:3])]
    columns = ("D × K", "links", "form", "tried", "all accepted", "mean accepted", "loss at the end", "less D·K steps")
    if not tried_from:
        told = "No snapshot was stable by the configured limits when it was taken, so no cascade was tried."
        return Table("cascades", "Cascades", columns, (), (told,))
    notes = [
        f"From {tried_from} snapshots that were stable when they were taken. A link is accepted where it lowers the "
        "judging loss below that of the link before; the first that does not ends the cascade.",
        "Chained: each link predicts from those before; for linear, and for momentum with its moments held, that is "
        "one leap of D·K. With steps: K real steps of a fresh AdamW after each leap, as in the published code.",
        "Loss at the end: mean over cascades with all links accepted, beside the same training after D·K real steps.",
    ]
    if past_end:
        notes.append(f"{past_end} cascades would have led past the last step and were not tried.")
    return Table("cascades", "Cascades from stable snapshots", columns, tuple(rows), tuple(notes))


def _cascade(key: tuple[int, int, bool, str], group: Sequence[tuple[Mapping[str, Any], float | None]]) -> Row:
    depth, step, real, form = key
    spoke = [(cascade, plain) for cascade, plain in group if not cascade.get("silent")]
    whole = [(cascade, plain) for cascade, plain in spoke if cascade["links"] == depth]
    ends = [(cascade["trained"] if real else cascade["losses"])[-1] for cascade, _ in whole]
    apart = [end - plain for end, (_, plain) in zip(ends, whole, strict=True) if plain is not None]
    links = [cascade["links"] for cascade, _ in spoke]
    return (
        f"{depth} × {step}",
        "with steps" if real else "chained",
        form,
        len(spoke),
        f"{len(whole)} of {len(spoke)}",
        f"{float(np.mean(links)):.1f}" if links else None,
        f"{float(np.mean(ends)):.4f}" if ends else None,
        f"{float(np.mean(apart)):+.4f}" if apart else None,
    )


_WORKS: Mapping[str, str] = {
    "plain": "training itself",
    "observe": "a copy of the weights, one a snapshot",
    "recognise": "a fingerprint",
    "current": "a gate pass with the present weights",
    "predict": "a candidate: its weighted sum",
    "validate": "a candidate: its gate pass",
    "report": "passes over the set that only reports",
    "reading": "true losses at t + K",
    "cascade": "cascades, real steps included",
}


def _ledger(logs: Sequence[Log]) -> Table:
    ends = [log.end for log in logs if log.end is not None]
    rows: list[Row] = []
    for kind, told in _WORKS.items():
        accounts = [end["ledger"][kind] for end in ends if kind in end["ledger"]]
        if accounts:
            count, steps, seconds = (
                sum(account[name] for account in accounts) for name in ("count", "steps", "seconds")
            )
            rows.append((kind, told, int(count), f"{steps:,.0f}", f"{steps / count:.3g}", f"{seconds:,.0f}"))
    notes: list[str] = []
    if ends:
        fetched, spilled = (sum(end["store"][name] for end in ends) for name in ("fetched", "spilled"))
        notes.append(
            f"Past weights fetched from elsewhere {fetched} times and moved away {spilled} times: a candidate is one "
            "weighted sum into the model and one gate pass, with no reload and no copy of the model. momentum-as-coded "
            "is three candidates, one a scale."
        )
    columns = ("work", "what", "times", "in plain steps", "each", "seconds")
    return Table("ledger", "What it took, all seeds", columns, tuple(rows), tuple(notes))


def _forms(config: Any) -> list[str]:
    wanted = {name for whose in sets(config.as_) for name in SETS[whose].values()}
    decaying = {"momentum-decaying"} if "corrected" in sets(config.as_) else set()
    return [name for name in FORMS if name in wanted | decaying]


def _seeds(logs: Iterable[Log]) -> str:
    return "seed " + ", ".join(str(log.seed) for log in logs)


def _spread(values: Sequence[float]) -> tuple[float, float | None]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def _pm(mean: float, std: float | None, digits: int = 1) -> str:
    return f"{mean:.{digits}f}" if std is None else f"{mean:.{digits}f} ± {std:.{digits}f}"


def _percent(found: Rate) -> str | None:
    return None if found.mean is None else _pm(100 * found.mean, None if found.std is None else 100 * found.std)


def _cov(found: Rate) -> str | None:
    return f"{100 * found.std / found.mean:.1f}" if found.mean and found.std is not None else None


def _share(value: float | None) -> str | None:
    return None if value is None or abs(value) > 100 else f"{value:.0%}"


def _steps(value: float | None) -> str | None:
    return None if value is None or abs(value) > 1e5 else f"{value:+.1f}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "not finite"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
