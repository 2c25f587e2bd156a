"""The paper's five tables, with its figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asc.recognizers.thresholds import Regime
from asc.study import Cell, Table
from asc_nn_training.studies import paper
from asc_nn_training.studies.formats import mean_std, number, percent, plus_minus, variation
from asc_nn_training.studies.predictor_forms import FORMS, SETS, Family, form_names, set_names
from asc_nn_training.studies.results import (
    REGIMES,
    JudgedCandidate,
    Labelling,
    Results,
    SeedLog,
    SweepSettings,
    acceptance,
    by_seed,
    loss_ratio,
    select,
)

Row = tuple[Cell, ...]

CALM = ("transition", "stable")
_FAMILIES: tuple[Family, ...] = ("momentum", "linear", "quadratic")
_ORDER: tuple[Regime, ...] = ("chaotic", "transition", "stable", "unknown")
_JUDGED = (
    ("strict", "table-2", "Table 2: strict acceptance, %"),
    ("proximity", "table-3", "Table 3: within 5 % either way, %"),
    ("proximity-as-coded", "table-3-as-coded", "Table 3 by the published code's criterion: at most 0.5 % above, %"),
)


def paper_tables(results: Results) -> list[Table]:
    """Return Tables 1 to 5."""
    config = results.config
    found = [_regimes(results.logs, results.labellings, config)]
    for way, candidates in results.shown:
        suffix = "" if way is results.labellings[0] else f"-{way.name}"
        for criterion, name, title in _JUDGED:
            found.append(_acceptance(candidates, config, way, criterion, f"{name}{suffix}", title))
    return [*found, _momentum(results.candidates[0], config), _variation(results)]


def _regimes(logs: Sequence[SeedLog], ways: Sequence[Labelling], config: SweepSettings) -> Table:
    named = paper.nearest(config.model)
    rows: list[Row] = [
        (f"paper, {model}", *(plus_minus(*paper.REGIMES[model][regime]) for regime in _ORDER))
        for model in paper.REGIMES
    ]
    for way in ways:
        counts = {regime: [labels.count(regime) for labels in way.labels] for regime in REGIMES}
        rows.append((f"ours, {way.name}", *(plus_minus(*mean_std(counts[regime])) for regime in _ORDER)))
    many = " to ".join(str(count) for count in sorted({len(log.snapshots) for log in logs}))
    seeds = ", ".join(str(log.seed) for log in logs)
    notes = [
        f"Ours: {config.model}, seed {seeds}, {many} snapshots each. The paper has 40 snapshots.",
        *(f"{way.name}: {way.limits}." for way in ways),
    ]
    ends = [log.end["outcome"]["gate_loss"] for log in logs if log.end is not None]
    if ends and None not in ends:
        ours, theirs = plus_minus(*mean_std(ends), digits=3), plus_minus(*paper.FINAL_LOSS[named], digits=3)
        notes.append(
            f"Held-out loss at the end, in nats a token: ours {ours}; the paper's {named} {theirs}, with padding "
            "scored."
        )
    missing = [f"{log.seed} (at step {log.snapshots[-1]['position']})" for log in logs if log.end is None]
    if missing:
        notes.append(f"Not done yet: seed {', '.join(missing)}.")
    title = "Table 1: snapshots in each regime, mean ± std over seeds"
    return Table("table-1", title, ("limits", *_ORDER), tuple(rows), tuple(notes))


def _acceptance(
    candidates: Sequence[JudgedCandidate], config: SweepSettings, way: Labelling, criterion: str, name: str, title: str
) -> Table:
    published = paper.STRICT if criterion == "strict" else paper.PROXIMITY
    model, seeds, rows, ours = paper.nearest(config.model), len(way.labels), list[Row](), False
    for regime in CALM:
        here = select(candidates, regime=regime)
        for horizon in config.horizons:
            theirs = published.get((model, regime), {}).get(horizon)
            if theirs is not None:
                rows.append((regime, horizon, f"paper, {model}", *(plus_minus(*each) for each in theirs), None))
            for set_name in set_names(config.as_):
                cells = [select(here, form=SETS[set_name][family], horizon=horizon) for family in _FAMILIES]
                if any(cells):
                    ours = True
                    rates = [percent(acceptance(cell, criterion), seeds) for cell in cells]
                    rows.append((regime, horizon, set_name, *rates, "/".join(str(len(cell)) for cell in cells)))
    where = "" if way.name == "published" else f", regimes by {way.name} limits"
    notes = ["Mean ± std over seeds. N is the number of snapshots of all seeds, for each of the three predictors."]
    if "as coded" in set_names(config.as_):
        notes.append(
            "As coded: momentum and quadratic start from half precision. Linear is in single precision everywhere."
        )
    if not ours:
        notes = [
            f"No snapshot was in transition or stable by {way.name} limits ({way.limits}), so there is nothing to "
            "compare."
        ]
    columns = ("regime", "K", "source", *map(str.capitalize, _FAMILIES), "N")
    return Table(name, f"{title}{where}", columns, tuple(rows), tuple(notes))


def _momentum(candidates: Sequence[JudgedCandidate], config: SweepSettings) -> Table:
    model, rows = paper.nearest(config.model), list[Row]()
    shown = [SETS[set_name]["momentum"] for set_name in set_names(config.as_)] + ["linear"]
    for horizon in config.horizons:
        theirs = paper.MOMENTUM[model].get(horizon)
        if theirs is not None:
            rows.append((horizon, f"paper, {model}", *map(number, theirs), None))
        for name in shown:
            cell = select(candidates, form=name, horizon=horizon)
            if cell:
                predicted, current = (float(np.mean([getattr(c, part) for c in cell])) for part in ("loss", "current"))
                std = mean_std([loss_ratio(seed) for seed in by_seed(cell)])[1]
                ratio, of_ratio = number(predicted / current), None if std is None else number(std)
                rows.append((horizon, name, number(predicted), number(current), ratio, of_ratio))
    notes = (
        "Mean losses over all snapshots of all seeds, in nats a token. The ratio is the ratio of the means, as in the "
        "paper; std is its standard deviation over seeds. Linear is shown for comparison.",
        "momentum-as-coded keeps θ, m and v in half precision, and uses the best of 0.8, 1.0 and 1.2 times the step. "
        "momentum is K steps of AdamW in single precision with its bias-corrected moments held.",
    )
    columns = ("K", "source", "predicted loss", "current loss", "ratio", "std")
    return Table("table-4", "Table 4: momentum", columns, tuple(rows), notes)


def _variation(results: Results) -> Table:
    shown = [name for name in form_names(results.config.as_) if FORMS[name] != "momentum"]
    rows: list[Row] = []
    for way, candidates in results.shown:
        for criterion in ("proximity", "proximity-as-coded"):
            for horizon in results.config.horizons:
                here = select(candidates, regime="transition", horizon=horizon)
                theirs: list[Cell] = [f"{value:.1f}" for value in paper.VARIATION.get(horizon, ())] or [None, None]
                ours = [variation(acceptance(select(here, form=name), criterion)) for name in shown]
                if any(value is not None for value in ours):
                    rows.append((way.name, criterion, horizon, *theirs, *ours))
    columns = ("limits", "criterion", "K", "paper, linear", "paper, quadratic", *shown)
    notes = (
        "Transition regime. proximity: within 5 % either way, as in the paper's text; as coded: at most 0.5 % above. "
        "The paper's figures are those of Qwen 2.5-1.5B by the criterion of its code. A cell is empty if nothing is "
        "accepted, or if fewer than two seeds have such a snapshot.",
    )
    title = "Table 5: coefficient of variation of proximity acceptance over seeds, %"
    return Table("table-5", title, columns, tuple(rows), notes)
