"""Plots of the studies, as PNG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from asc.errors import AscError
from asc_nn_training.studies import paper
from asc_nn_training.studies.collapse_plan import barriers
from asc_nn_training.studies.collapse_results import CollapseResults
from asc_nn_training.studies.lines import shares
from asc_nn_training.studies.predictor_forms import SETS, form_names, set_names
from asc_nn_training.studies.results import (
    REGIMES,
    JudgedCandidate,
    Labelling,
    Results,
    SeedLog,
    SweepSettings,
    acceptance,
    loss_ratio,
    regime_starts,
    select,
)

_COLOURS: Mapping[str, str] = dict(zip(REGIMES, ("#d9d9d9", "#d95f5f", "#e8b84a", "#4d9a6a"), strict=True))
_STYLES: Mapping[str, tuple[str, str]] = {"float32": ("-", "."), "bfloat16": ("--", "x"), "float16": (":", "s")}
_MARKS = "ovs^Dx*P"  # one a form, so that lines on top of each other can be distinguished


def plot_leap_verify(results: Results, target: Path) -> list[Path]:
    """Plot regimes by seed, acceptance against K, predicted against true gain, and momentum's loss."""
    config, logs, candidates = results.config, results.logs, results.candidates[0]
    return [
        _regimes(logs, [way for way, _ in results.shown], target / "regimes.png"),
        _acceptance(results, target / "acceptance.png"),
        _regime_starts(logs, results.labellings, target / "boundaries.png"),
        _gain(candidates, config, target / "gain.png"),
        _momentum(candidates, config, target / "momentum.png"),
    ]


def plot_momentum(ratios: Mapping[tuple[str, str], Mapping[int, float]], file: Path, model: str) -> Path:
    """Plot predicted over current loss against K, one colour a form and one dash a precision; return the file.

    `ratios` are by form and precision, then by K; those that are not finite are left out. `model` is the paper's model
    for comparison. Raises AscError without matplotlib.
    """
    with _figure(file, 1, 1, (7.5, 4.6)) as (_, ((axes,),)):
        colours: dict[str, str] = {}
        for (form, precision), points in ratios.items():
            colour = colours.setdefault(form, f"C{len(colours)}")
            finite = {k: value for k, value in points.items() if math.isfinite(value)}
            label = f"{form}, {precision}"
            line, mark = _STYLES[precision]
            axes.plot(list(finite), list(finite.values()), line, color=colour, marker=mark, ms=5, label=label)
        _finish_loss_ratios(axes, model)
        axes.legend(fontsize=7, bbox_to_anchor=(1.01, 1), loc="upper left")
    return file


def plot_collapse(results: CollapseResults, target: Path) -> list[Path]:
    """Plot barriers between members by step, and the losses along the lines at the end; return the files."""
    logs = {together: found for together in results.together if (found := results.logs(together))}
    with _figure(target / "barriers.png", 1, 1, (7.5, 4.2)) as (_, ((axes,),)):
        for together, found in logs.items():
            pairs: dict[int, list[float]] = {}
            for inspection in (inspection for log in found for inspection in log.inspections):
                pairs.setdefault(inspection["position"], []).extend(barriers(inspection))
            steps, mean = list(pairs), [float(np.mean(each)) for each in pairs.values()]
            (line,) = axes.plot(steps, mean, ".-", label=f"{together} shared steps")
            low, high = ([of(each) for each in pairs.values()] for of in (min, max))
            axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2)
        axes.axhline(results.plan.barrier, color="grey", lw=0.8, label="connected up to here")
        axes.set(xlabel="step", ylabel="barrier, nats a token", title="Barriers between members: mean and range")
        axes.legend(fontsize=8)
    with _figure(target / "lines.png", 1, len(logs), (4 * len(logs), 3.4)) as (_, (row,)):
        along = [0.0, *shares(results.plan.points), 1.0]
        for axes, (together, found) in zip(row, logs.items(), strict=True):
            for inspection in (log.inspections[-1] for log in found):
                for between, (one, other) in zip(inspection["lines"], combinations(inspection["gate"], 2), strict=True):
                    axes.plot(along, [one, *(np.nan if loss is None else loss for loss in between), other], "-", lw=0.8)
            axes.set(title=f"{together} shared steps", xlabel="share of the second member")
        row[0].set(ylabel="held-out loss at the last inspection")
    return [target / "barriers.png", target / "lines.png"]


def _regimes(logs: Sequence[SeedLog], ways: Sequence[Labelling], file: Path) -> Path:
    """The similarity above, and below one strip of regimes a seed and labelling, with marks at the regimes' starts."""
    with _figure(file, 1 + len(ways), 1, (8, 2.8 + 1.2 * len(ways)), sharex=True) as (figure, rows):
        top = rows[0][0]
        for log in logs:
            known = [(s["position"], 1 - s["each"]) for s in log.snapshots if s["each"] is not None]
            top.plot([step for step, _ in known], [apart for _, apart in known], ".-", label=f"seed {log.seed}")
        top.set(yscale="log", ylabel="1 - similarity", title="Similarity of consecutive fingerprints, and regimes")
        top.invert_yaxis()
        top.legend(fontsize=7)
        for (axes,), way in zip(rows[1:], ways, strict=True):
            for row, (log, labels) in enumerate(zip(logs, way.labels, strict=True)):
                steps = [snapshot["position"] for snapshot in log.snapshots]
                width = steps[1] - steps[0] if len(steps) > 1 else steps[0]
                axes.barh(
                    [row] * len(steps),
                    width,
                    left=np.array(steps) - width,
                    color=[_COLOURS[label] for label in labels],
                )
                for first in regime_starts(log, labels):
                    if first is not None:
                        axes.plot([first - width] * 2, [row - 0.45, row + 0.45], "k-", lw=2.5)
            axes.set_yticks(range(len(logs)), [str(log.seed) for log in logs])
            axes.set(ylabel="seed", title=f"{way.name} limits")
        rows[-1][0].set(xlabel="step")
        patches = [_patch(_COLOURS[regime], regime) for regime in REGIMES]
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8)
    return file


def _regime_starts(logs: Sequence[SeedLog], ways: Sequence[Labelling], file: Path) -> Path:
    """The first snapshot of each seed that is not chaotic, and the first stable one, by every labelling."""
    with _figure(file, 1, 1, (8, 0.8 + 0.6 * len(ways))) as (_, ((axes,),)):
        for seed, log in enumerate(logs):
            axes.plot([], [], f"C{seed}o", mfc="none", label=f"seed {log.seed}")
            for row, way in enumerate(ways):
                height = row + 0.12 * (seed - (len(logs) - 1) / 2)
                for first, mark in zip(regime_starts(log, way.labels[seed]), "os", strict=True):
                    if first is not None:
                        axes.plot(first, height, f"C{seed}{mark}", mfc="none")
        axes.legend(fontsize=7, bbox_to_anchor=(1.01, 1), loc="upper left")
        axes.set_yticks(range(len(ways)), [way.name for way in ways])
        axes.set(
            xlabel="step",
            ylim=(len(ways) - 0.5, -0.5),
            title="First calm (circle) and first stable (square) snapshot, by seed",
        )
    return file


def _acceptance(results: Results, file: Path) -> Path:
    """Strict acceptance against K: one row a labelling, one column a regime."""
    config, shown = results.config, results.shown
    with _figure(file, len(shown), 3, (10, 3.1 * len(shown)), sharey=True) as (_, rows):
        for axes_row, (way, candidates) in zip(rows, shown, strict=True):
            for axes, regime in zip(axes_row, ("chaotic", "transition", "stable"), strict=True):
                here = select(candidates, regime=regime)
                for number, form in enumerate(form_names(config.as_)):
                    rates = {k: acceptance(select(here, form=form, horizon=k), "strict") for k in config.horizons}
                    points = {k: 100 * rate.mean for k, rate in rates.items() if rate.mean is not None}
                    line, size = f"{_MARKS[number]}-", 9 - number
                    axes.plot(list(points), list(points.values()), line, mfc="none", ms=size, label=form)
                if not here:
                    axes.text(0.5, 0.5, "no snapshot", transform=axes.transAxes, ha="center", color="grey")
                axes.set(title=f"{regime}, {way.name}", xlabel="K, steps ahead", ylim=(-4, 104))
                axes.set_xlim(0, 1.05 * max(config.horizons))
            axes_row[0].set(ylabel="strictly accepted, %")
        rows[0][-1].legend(fontsize=7, bbox_to_anchor=(1.02, 1), loc="upper left")
    return file


def _gain(candidates: Sequence[JudgedCandidate], config: SweepSettings, file: Path) -> Path:
    """The fall of the loss by each leap, against that by as many real steps; points off the scale are at its edge."""
    shown = [name for name in form_names(config.as_) if name not in ("momentum-as-printed", "momentum-as-coded")]
    with _figure(file, 1, len(shown), (2.6 * len(shown), 3.2), sharey=True, sharex=True) as (_, (row,)):
        true = [each.current - each.true for each in candidates]
        low, high = min([*true, 0.0]), max([*true, 0.0])
        margin = 0.1 * (high - low) or 1.0
        for axes, name in zip(row, shown, strict=True):
            for number, k in enumerate(config.horizons):
                cell = select(candidates, form=name, horizon=k)
                gains = [float(np.clip(-each.change, low - margin, high + margin)) for each in cell]
                axes.plot([each.current - each.true for each in cell], gains, ".", color=f"C{number}", label=f"K = {k}")
            axes.axline((0, 0), slope=1, color="grey", lw=0.8)
            axes.axhline(0, color="grey", lw=0.5)
            axes.set(title=name, xlabel="fall by K real steps")
        row[0].set(ylabel="fall by the leap, nats a token", ylim=(low - 1.2 * margin, high + 1.2 * margin))
        row[-1].legend(fontsize=7, bbox_to_anchor=(1.02, 1), loc="upper left")
    return file


def _momentum(candidates: Sequence[JudgedCandidate], config: SweepSettings, file: Path) -> Path:
    shown = [SETS[set_name]["momentum"] for set_name in set_names(config.as_)] + ["linear"]
    with _figure(file, 1, 1, (7.5, 4.2)) as (_, ((axes,),)):
        for name in shown:
            cells = {k: select(candidates, form=name, horizon=k) for k in config.horizons}
            points = {k: loss_ratio(cell) for k, cell in cells.items() if cell}
            axes.plot(list(points), list(points.values()), ".-", label=name)
        _finish_loss_ratios(axes, paper.nearest(config.model))
        axes.legend(fontsize=8, bbox_to_anchor=(1.01, 1), loc="upper left")
    return file


def _finish_loss_ratios(axes: Any, model: str) -> None:
    """Add the paper's ratios of predicted to current loss, and the axes' names."""
    published = paper.MOMENTUM[model]
    ratios = [each.ratio for each in published.values()]
    axes.plot(list(published), ratios, "k-", lw=2.5, alpha=0.4, label=f"paper, {model}")
    axes.set(yscale="log", xlabel="K, steps ahead", ylabel="predicted over current loss")


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch  # noqa: PLC0415 -- plots are an extra

    return Patch(color=colour, label=label)


@contextmanager
def _figure(file: Path, rows: int, columns: int, size: tuple[float, float], **shared: Any) -> Iterator[tuple[Any, Any]]:
    """Yield a figure and its axes in rows, and write the file at the end. No window is opened."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise AscError("Figures need matplotlib. To install it, type: pip install 'asc-nn-training[plots]'.") from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    yield figure, figure.subplots(rows, columns, squeeze=False, **shared)
    figure.savefig(file, dpi=110, metadata={"Software": None})
