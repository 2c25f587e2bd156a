"""`asc advise BACKEND`: a short profile before any long run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import rich_click as click
from rich.table import Table
from rich.text import Text

from asc.calls import watching
from asc.cli.bench.executed import suits
from asc.cli.components import ComponentGroup, ConfigFrom, make_backend
from asc.cli.foreign import blaming
from asc.cli.session import CommandSession
from asc.computation import Computation
from asc.config.run import ExecutedConfig
from asc.errors import AscError
from asc.predictor import Predictor
from asc.run.advise import Advice, make_advice
from asc.run.replay.profile import HORIZONS

WORKERS = (1, 3, 7, 15, 63)
_SUPERSTEP_S = 0.02  # as long as in a run of some minutes

OPTIONS = [
    click.Option(["--seconds"], type=click.FloatRange(min=0.1), default=4.0, show_default=True, help="time to profile"),
    click.Option(["as_json", "--json"], is_flag=True, help="print one JSON object"),
]


def advise(session: CommandSession, name: str, config_from: ConfigFrom, *, seconds: float, as_json: bool) -> None:
    """Profile a backend's computation and say what to expect."""
    config = config_from()
    if not isinstance(config, ExecutedConfig):
        raise AscError(
            f"`asc advise` profiles backends whose candidates are executed, and those of {name} are judged. To see how "
            f"many would be accepted, run a part of it without applying any: asc run {name} --shadow"
        )
    registry = session.plugins.registry
    chosen = {component.name: component.settings for component in config.predictors}
    entry = registry.get("backend", name)
    with blaming(entry), watching(session.say, lambda: False, entry.title):
        computation = make_backend(session, name, config).computation(plain=False)
        computation.may_leap = False
        predictors = dict(_predictors(session, computation, chosen))
        advice = make_advice(computation, predictors, seconds, _SUPERSTEP_S, list(chosen))
    if as_json:
        ceilings = {str(workers): advice.ceiling(workers) for workers in WORKERS}
        session.console.out(json.dumps(advice._asdict() | {"ceiling": ceilings}), highlight=False)
    else:
        _show(session, advice)


def _predictors(
    session: CommandSession, computation: Computation, chosen: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Predictor]]:
    """Yield every predictor that can be asked here, those that a run takes with the settings that they have there."""
    for name in session.plugins.registry.names("predictor"):
        try:
            predictor = session.plugins.registry.create("predictor", name, chosen.get(name, {}))
            if suits(name, predictor, computation):
                yield name, predictor
        except AscError as error:
            session.warn(str(error))


def _show(session: CommandSession, advice: Advice) -> None:
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row(
        "profiled", f"{advice.steps:,} steps, {advice.superstep:,} a superstep, {advice.step_s * 1e6:.3g} µs each"
    )
    facts.add_row(
        "excited state words", f"{len(advice.excited)} of {advice.words}: {', '.join(advice.excited) or 'none'}"
    )
    facts.add_row("state words read", ", ".join(advice.read) or "none")
    facts.add_row("tracking cost f", f"{advice.tracking:.2f}")
    facts.add_row("seen before", f"{advice.repeats:.0%} of the supersteps")
    facts.add_row("ceiling", ", ".join(f"{advice.ceiling(n):.1f}x with {n}" for n in WORKERS) + " workers")
    session.console.print(facts)
    table = Table(
        title="candidates that are right, by supersteps ahead", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("predictor")
    for horizon in HORIZONS:
        table.add_column(str(horizon), justify="right")
    ranked = sorted(advice.hits.items(), key=lambda item: -sum(item[1].values()))
    for name, shares in ranked:
        table.add_row(name, *(f"{shares[h]:.0%}" if h in shares else "" for h in HORIZONS))
    session.console.print(table)
    session.console.print(Text(advice.recommendation, style="bold"), soft_wrap=True)


advise_command = ComponentGroup(
    "advise", advise, OPTIONS, help="Profile a computation for some seconds and say whether speculation would pay."
)
