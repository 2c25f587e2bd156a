"""`asc advise BACKEND`: a short profile before any long run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import rich_click as click
from rich.table import Table
from rich.text import Text

from asc.cli.components import ComponentGroup, make
from asc.cli.plugins import plugin_option
from asc.computation import Chains
from asc.config.run import RunConfig
from asc.errors import AscError
from asc.run.advise import HORIZONS, Advice, profile

WORKERS = (1, 3, 7, 15, 63)

OPTIONS = [
    click.Option(["--seconds"], type=click.FloatRange(min=0.1), default=4.0, show_default=True, help="time to profile"),
    click.Option(["as_json", "--json"], is_flag=True, help="print one JSON object"),
]


def advise(session: Any, name: str, config_from: Callable[..., RunConfig], *, seconds: float, as_json: bool) -> None:
    """Profile a backend's computation and say what to expect."""
    config = config_from()
    backend = make(session, name, config)
    computation = backend.computation(plain=False)
    if not computation.exact:
        raise AscError(
            f"`asc advise` profiles exact backends, whose guesses are executed; {name} judges them. Run a part "
            f"of it without applying anything: asc run {name} --shadow"
        )
    registry = session.plugins.registry
    predictors = {
        entry.name: registry.create("predictor", entry.name, {})
        for entry in registry.entries()
        if entry.kind == "predictor"
    }
    usable = {
        name: found
        for name, found in predictors.items()
        if found.needs <= computation.provides and not isinstance(found, Chains)  # links by the thousand take long
    }
    advice = profile(computation, usable, seconds, superstep_s=0.02)
    if as_json:
        ceilings = {str(workers): advice.ceiling(workers) for workers in WORKERS}
        session.console.out(json.dumps(advice._asdict() | {"ceiling": ceilings}), highlight=False)
    else:
        _show(session, advice)


def _show(session: Any, advice: Advice) -> None:
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row(
        "profiled", f"{advice.steps:,} steps, {advice.superstep:,} a superstep, {advice.step_s * 1e6:.3g} µs each"
    )
    facts.add_row("excited words", f"{len(advice.excited)} of {advice.words}: {', '.join(advice.excited) or 'none'}")
    facts.add_row("words read", ", ".join(advice.read) or "none")
    facts.add_row("tracking cost f", f"{advice.tracking:.2f}")
    facts.add_row("seen before", f"{advice.repeats:.0%} of the supersteps")
    facts.add_row("ceiling", ", ".join(f"{advice.ceiling(n):.1f}x with {n}" for n in WORKERS) + " workers")
    session.console.print(facts)
    table = Table(
        title="guesses right on what is read, by supersteps ahead", title_justify="left", box=None, pad_edge=False
    )
    table.add_column("predictor")
    for horizon in HORIZONS:
        table.add_column(str(horizon), justify="right")
    ranked = sorted(advice.hits.items(), key=lambda item: -sum(item[1].values()))
    for name, shares in ranked:
        table.add_row(name, *(f"{shares[h]:.0%}" if h in shares else "" for h in HORIZONS))
    session.console.print(table)
    session.console.print(Text(advice.recommendation, style="bold"), soft_wrap=True)


@click.group("advise", cls=ComponentGroup, subcommand_metavar="BACKEND [OPTIONS]")
@plugin_option
def advise_command() -> None:
    """Profile a computation for some seconds and say whether speculation would pay."""


assert isinstance(advise_command, ComponentGroup)
advise_command.chosen = staticmethod(advise)
advise_command.extra = OPTIONS
