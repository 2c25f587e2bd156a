"""`asc bench-predictor NAME --on RUN`: other predictors asked along a recorded run, without running it to the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from rich.text import Text

from asc.assemble import require_distinct
from asc.calls import watching
from asc.cli.bench.executed import ExecutedReplay
from asc.cli.bench.judged import JudgedReplay
from asc.cli.bench.replay import RecordedRun, Replay, Stop
from asc.cli.bench.tables import calls, conclusions, data, verdicts
from asc.cli.completion import components, runs
from asc.cli.components import make_backend
from asc.cli.foreign import blaming
from asc.cli.resume import interrupted
from asc.cli.session import CommandSession, plugin_option
from asc.config.layers import build_config, from_record
from asc.config.run import Component, ExecutedConfig, RunConfig
from asc.errors import AscError
from asc.interrupts import INTERRUPTED, stoppable
from asc.plugins.registry import Registry
from asc.predictor import Predictor
from asc.records.folders import find_run, read_config
from asc.records.version import require_version
from asc.run.record import require_command
from asc.run.replay.evaluations import Evaluations

_CHANGEABLE = ("predictors", "history", "validator")
"""Settings that may differ from the run's. The others are what was recorded."""


class RunName(click.ParamType[str]):
    """Names a run; where the name is missing, the message shows an example."""

    name = "run"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say what to type."""
        return "Name a recorded run, such as --on latest."


@click.command("bench-predictor")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=components("predictor"))
@click.option(
    "--on",
    "run",
    type=RunName(),
    shell_complete=runs,
    metavar="RUN",
    required=True,
    help="a recorded run: an id, its beginning, a path, or latest",
)
@click.option(
    "--beside",
    metavar="NAME,...",
    shell_complete=components("predictor", besides=("all", "none", "own"), several=True),
    help="predictors to compare with: names, own (the run's), all, or none; by default own where candidates are "
    "judged, which takes long, else all",
)
@click.option(
    "--horizons", metavar="N,...", help="how far ahead: in steps, or supersteps where candidates are executed"
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    help="time to profile a run whose candidates are executed; bound of any other replay",
)
@click.option("sets", "--set", multiple=True, metavar="NAME.SETTING=VALUE", help="a setting of a predictor")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="folder of the runs"
)
@click.option("as_json", "--json", is_flag=True, help="print one JSON object")
@plugin_option
@click.pass_obj
def bench_predictor_command(
    session: CommandSession,
    names: tuple[str, ...],
    run: str,
    beside: str | None,
    horizons: str | None,
    seconds: float | None,
    sets: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> int:
    """Ask predictors along a recorded run, offline, and say what they would have been worth.

    Where candidates are executed, a part of the run is run again from its settings. Where they are judged, the run
    must have kept positions: asc run BACKEND --shadow --keep-trajectory 20. `--set` also reaches `history` and
    `validator`, as in --set history.max_snapshots=5.
    """
    began, registry = time.perf_counter(), session.plugins.registry
    folder = find_run(out, run)
    record = read_config(folder)
    require_version(f"The run {folder.name}", record)
    require_command(f"The run {folder.name}", record)
    backend = str(record.get("backend"))
    config_class = registry.config_class("backend", backend)
    kind: type[Replay] = ExecutedReplay if issubclass(config_class, ExecutedConfig) else JudgedReplay
    others = _beside(registry, record, names, beside or kind.beside)
    config = _config(registry, config_class, record, [*names, *others], sets)
    made = make_backend(session, backend, config)
    if made.group.count > 1:
        raise AscError(f"A replay takes one process, and this is one of {made.group.count}: start one alone.")
    recorded = RecordedRun(folder, record, config, made)
    entry = registry.get("backend", backend)
    with blaming(entry):
        replay = kind(session, recorded, None if horizons is None else _horizons(horizons), seconds)
    required = names if beside in (None, "own", "all") else [*names, *others]
    predictors = dict(_predictors(session, config, required, replay))
    evaluations = {name: Evaluations(name, new=name in names) for name in predictors}
    stop = Stop()
    try:
        with blaming(entry), watching(session.say, lambda: stop.asked, entry.title), stoppable(stop.ask):
            facts = replay.evaluate(predictors, evaluations, stop)
    except KeyboardInterrupt as error:
        if str(error):
            raise interrupted(error, "Leave that component out, or repair it.") from None
        raise
    took, found = time.perf_counter() - began, tuple(evaluations.values())
    if as_json:
        about = {"run": folder.name, "backend": backend, "seconds": took, "interrupted": stop.asked}
        session.console.out(json.dumps(about | facts | data(found, replay.layout), allow_nan=False), highlight=False)
    else:
        _show(session, found, replay, replay.headline(facts, took))
        if stop.asked:
            session.say("Stopped early; the results so far are above.")
    return INTERRUPTED if stop.asked else 0


def _beside(registry: Registry, record: Mapping[str, Any], names: Sequence[str], beside: str) -> list[str]:
    """Return the names of the predictors to compare the new ones with."""
    match beside:
        case "none":
            others = []
        case "own":
            given = (record.get("config") or {}).get("predictors") or ()
            others = [Component.model_validate(part).name for part in given]
        case "all":
            others = list(registry.names("predictor"))
        case _:
            others = [part.strip() for part in beside.split(",") if part.strip()]
            require_distinct([*names, *others])
    return [name for name in others if name not in names]


def _config(
    registry: Registry,
    config_class: Any,
    record: Mapping[str, Any],
    names: Sequence[str],
    sets: Sequence[str],
) -> RunConfig:
    """Return the run's settings with these predictors, which keep the settings that the run gave them."""
    require_distinct(names)
    for name in names:
        registry.get("predictor", name)
    base = record.get("config")
    if not isinstance(base, dict):
        raise AscError("The run's config.json holds no settings; expected those of a run, see `asc runs`.")
    base, _ = from_record(config_class, base)  # a replay connects to nothing
    flags = {"predictors": list(names)}
    recorded = build_config(config_class, flags, None, (), base)
    config: RunConfig = build_config(config_class, flags, None, [_by_index(text, names) for text in sets], base)
    before, after = recorded.model_dump(), config.model_dump()
    changeable = {*_CHANGEABLE, *config.movable}
    changed = sorted(name for name in after if after[name] != before[name] and name not in changeable)
    if changed:
        tables = " or ".join(name for name in _CHANGEABLE[1:] if name in after)
        raise AscError(
            f"--set changes {', '.join(changed)}, which the run was recorded with; expected NAME.setting=value for one "
            f"of the predictors, or a setting of {tables}, such as --set {names[0]}.window=4."
        )
    return config


def _by_index(text: str, names: Sequence[str]) -> str:
    """Replace a predictor's name at the beginning of a path by its index among the run's predictors."""
    head, dot, rest = text.partition(".")
    return f"predictors.{names.index(head)}.{rest}" if dot and head in names else text


def _predictors(
    session: CommandSession, config: RunConfig, required: Sequence[str], replay: Replay
) -> Iterator[tuple[str, Predictor]]:
    """Make the predictors. Those that are required must be usable here; of the others, the usable ones are made."""
    for component in config.predictors:
        name = component.name
        try:
            predictor: Predictor = session.plugins.registry.create("predictor", name, component.settings)
            usable = name in required or replay.usable(name, predictor)
        except AscError as error:
            if name in required:
                raise
            session.warn(str(error))
            continue
        if name in required:
            replay.require(name, predictor)
        elif not usable:
            continue
        yield name, predictor


def _horizons(typed: str) -> tuple[int, ...]:
    """Read the horizons that were typed."""
    try:
        found = tuple(int(part) for part in typed.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise AscError(
            f'--horizons was given "{typed}"; expected whole numbers of 1 or more, joined by commas, such as '
            "--horizons 25,50."
        )
    return found


def _show(session: CommandSession, found: Sequence[Evaluations], replay: Replay, headline: str) -> None:
    console, layout = session.console, replay.layout
    console.print(Text(headline), soft_wrap=True)
    console.print(verdicts(found, layout))
    console.print(Text(layout.legend, style="dim"))
    console.print(calls(found))
    for sentence in conclusions(found, layout):
        console.print(Text(sentence, style="bold"), soft_wrap=True)
