"""The tables of `asc study leap-verify`: the paper's five, its figures beside ours; the others are in `beyond`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asc.recognizers.thresholds import Regime
from asc.study import Cell, Table
from asc_nn_training.studies import beyond, paper
from asc_nn_training.studies.formats import number, over_seeds, percent, plus_minus, variation
from asc_nn_training.studies.forms import FORMS, SETS, Family, names, sets
from asc_nn_training.studies.results import (
    REGIMES,
    Labelled,
    Log,
    Swept,
    Try,
    accepted,
    chosen,
    labelled,
    rate,
    ratio,
    tries,
)

Row = tuple[Cell, ...]

_FAMILIES: tuple[Family, ...] = ("momentum", "linear", "quadratic")
_CALM = ("transition", "stable")
_ORDER: tuple[Regime, ...] = ("chaotic", "transition", "stable", "unknown")
_JUDGED = (
    ("strict", "table-2", "Table 2: strict acceptance, %"),
    ("proximity", "table-3", "Table 3: within 5 % either way, %"),
    ("proximity-as-coded", "table-3-as-coded", "Table 3 by the published code's criterion: at most 0.5 % above, %"),
)


def all_tables(logs: Sequence[Log], config: Swept) -> list[Table]:
    """Return every table; regimes are labelled by the configured limits, and by recalibrated ones beside them."""
    ways = labelled(logs, config.thresholds)
    shown = ways[:2]
    swept = [tries(logs, way) for way in shown]
    found = [_regimes(logs, ways, config)]
    for place, (way, here) in enumerate(zip(shown, swept, strict=True)):
        suffix = f"-{way.name}" if place else ""
        for criterion, name, title in _JUDGED:
            found.append(_acceptance(here, config, way, criterion, f"{name}{suffix}", title))
    found += [_momentum(swept[0], config), _variation(shown, swept, config)]
    found += [beyond.begins(logs, ways), beyond.worth_of(swept[0], config, "any", "table-6", beyond.left_out(logs))]
    for way, here in zip(shown, swept, strict=True):
        found += [beyond.worth_of(here, config, regime, f"table-6-{regime}-{way.name}", (), way) for regime in _CALM]
    found += [beyond.by_criterion(swept[0], config), beyond.reported(swept[0], config)]
    found += [beyond.cascaded(logs), beyond.spent(logs)]
    return [table for table in found if table.rows or table.notes]


def _regimes(logs: Sequence[Log], ways: Sequence[Labelled], config: Swept) -> Table:
    named = paper.nearest(config.model)
    rows: list[Row] = [
        (f"paper, {model}", *(plus_minus(*paper.REGIMES[model][regime]) for regime in _ORDER))
        for model in paper.REGIMES
    ]
    for way in ways:
        counts = {regime: [told.count(regime) for told in way.labels] for regime in REGIMES}
        rows.append((f"ours, {way.name}", *(plus_minus(*over_seeds(counts[regime])) for regime in _ORDER)))
    many = " to ".join(str(count) for count in sorted({len(log.snapshots) for log in logs}))
    seeds = ", ".join(str(log.seed) for log in logs)
    notes = [
        f"Ours: {config.model}, seed {seeds}, {many} snapshots each; the paper has 40.",
        *(f"{way.name}: {way.told}." for way in ways),
    ]
    ends = [log.end["outcome"]["gate_loss"] for log in logs if log.end is not None]
    if ends and None not in ends:
        ours, theirs = plus_minus(*over_seeds(ends), digits=3), plus_minus(*paper.FINAL_LOSS[named], digits=3)
        notes.append(
            f"Held-out loss at the end: ours {ours} nats a token, the paper's {named} {theirs}, which scores padding."
        )
    missing = [f"{log.seed} (at step {log.snapshots[-1]['position']})" for log in logs if log.end is None]
    if missing:
        notes.append(f"Not done yet: seed {', '.join(missing)}.")
    title = "Table 1: snapshots in each regime, mean ± std over seeds"
    return Table("table-1", title, ("limits", *_ORDER), tuple(rows), tuple(notes))


def _acceptance(found: Sequence[Try], config: Swept, way: Labelled, criterion: str, name: str, title: str) -> Table:
    published = paper.STRICT if criterion == "strict" else paper.PROXIMITY
    model, seeds, rows, ours = paper.nearest(config.model), len(way.labels), list[Row](), False
    for regime in _CALM:
        here = chosen(found, label=regime)
        for horizon in config.horizons:
            theirs = published.get((model, regime), {}).get(horizon)
            if theirs is not None:
                rows.append((regime, horizon, f"paper, {model}", *(plus_minus(*each) for each in theirs), None))
            for whose in sets(config.as_):
                cells = [chosen(here, form=SETS[whose][family], horizon=horizon) for family in _FAMILIES]
                if any(cells):
                    ours = True
                    told = [percent(rate(cell, accepted(criterion)), seeds) for cell in cells]
                    rows.append((regime, horizon, whose, *told, "/".join(str(len(cell)) for cell in cells)))
    where = "" if way.name == "published" else f", regimes by {way.name} limits"
    notes = ["Mean ± std over seeds; N counts snapshots over all seeds, for the three predictors."]
    if "as coded" in sets(config.as_):
        notes.append("As coded: momentum and quadratic from half precision; linear is in single precision throughout.")
    if not ours:
        notes = [f"No snapshot was in transition or stable by {way.name} limits ({way.told}): nothing stands beside."]
    columns = ("regime", "K", "whose", *map(str.capitalize, _FAMILIES), "N")
    return Table(name, f"{title}{where}", columns, tuple(rows), tuple(notes))


def _momentum(found: Sequence[Try], config: Swept) -> Table:
    model, rows = paper.nearest(config.model), list[Row]()
    shown = [SETS[whose]["momentum"] for whose in sets(config.as_)] + ["linear"]
    for horizon in config.horizons:
        theirs = paper.MOMENTUM[model].get(horizon)
        if theirs is not None:
            rows.append((horizon, f"paper, {model}", *map(number, theirs), None))
        for name in shown:
            cell = chosen(found, form=name, horizon=horizon)
            if cell:
                predicted, current = (float(np.mean([getattr(t, part) for t in cell])) for part in ("loss", "current"))
                by_seed = [ratio([t for t in cell if t.log == log]) for log in sorted({t.log for t in cell})]
                spread = over_seeds(by_seed)[1]
                told = None if spread is None else number(spread)
                rows.append((horizon, name, number(predicted), number(current), number(predicted / current), told))
    notes = (
        "Mean losses over all snapshots of all seeds, in nats a token; the ratio is that of the means, as in the "
        "paper, and its std that over seeds. Linear stands beside momentum for comparison.",
        "momentum-as-coded keeps θ, m and v in half precision and takes the best of 0.8, 1.0 and 1.2 times the step; "
        "momentum is K steps of AdamW in single precision, its bias-corrected moments held.",
    )
    columns = ("K", "whose", "predicted loss", "current loss", "ratio", "std")
    return Table("table-4", "Table 4: momentum", columns, tuple(rows), notes)


def _variation(ways: Sequence[Labelled], found: Sequence[Sequence[Try]], config: Swept) -> Table:
    shown = [name for name in names(config.as_) if FORMS[name] != "momentum"]
    rows: list[Row] = []
    for way, candidates in zip(ways, found, strict=True):
        for criterion in ("proximity", "proximity-as-coded"):
            for horizon in config.horizons:
                here = chosen(candidates, label="transition", horizon=horizon)
                theirs: list[Cell] = [f"{value:.1f}" for value in paper.VARIATION.get(horizon, ())] or [None, None]
                ours = [variation(rate(chosen(here, form=name), accepted(criterion))) for name in shown]
                if any(told is not None for told in ours):
                    rows.append((way.name, criterion, horizon, *theirs, *ours))
    columns = ("limits", "criterion", "K", "paper, linear", "paper, quadratic", *shown)
    notes = (
        "Transition regime. proximity: within 5 % either way, as in the paper's text; as coded: at most 0.5 % above. "
        "The paper's figures are those of Qwen 2.5-1.5B, by its code's criterion. Left out where nothing is accepted, "
        "or fewer than two seeds have such a snapshot.",
    )
    title = "Table 5: coefficient of variation of proximity acceptance over seeds, %"
    return Table("table-5", title, columns, tuple(rows), notes)
