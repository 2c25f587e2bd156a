"""`asc bench-predictor NAME --on RUN`: a recorded run replayed against other predictors, before anything is trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click
from rich.text import Text

from asc.cli.answer_tables import calls, conclusions, data, legend, verdicts
from asc.cli.components import make
from asc.cli.going_on import command_line, require_version
from asc.cli.plugins import plugin_option
from asc.computation import Chains, Computation, InPlace, Needs, Predictor
from asc.config.layers import build_config
from asc.config.run import Component, RunConfig, require_distinct
from asc.errors import AscError
from asc.interrupts import INTERRUPTED, stoppable
from asc.records.folders import CONFIG, find_run, read_json
from asc.run.replay import positions as places
from asc.run.replay.answers import Answers
from asc.run.replay.revisit import Revisit
from asc.run.replay.walk import HORIZONS, ask, walk
from asc.speculators.guess import require_needs

_EXACT_S = 4.0  # seconds that an exact run is walked, and then that each predictor is asked, at most
_SUPERSTEP_S = 0.005  # shorter than in a long run, so that a short one has enough of them
_CHANGEABLE = frozenset({"predictors", "history", "validator"})
"""Settings that may be others than the run's: the rest is what was recorded."""


class Stop:
    """Whether to end: asked to, because the time is up, or because the whole of it is to end."""

    def __init__(self, seconds: float | None, whole: Callable[[], bool] = lambda: False) -> None:
        self.asked, self._whole = False, whole
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def ask(self) -> None:
        """Ask for an end."""
        self.asked = True

    def __call__(self) -> bool:
        """Whether to end now."""
        late = self._deadline is not None and time.monotonic() > self._deadline
        return self.asked or late or self._whole()


class RunName(click.ParamType[str]):
    """Which run; where it is missing, an example is shown."""

    name = "run"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Say what to type."""
        return "Name a recorded run, such as --on latest."


class Replayed(NamedTuple):
    """What a replay has found, and what it went through."""

    exact: bool
    answers: Sequence[Answers]  # the new ones first
    facts: Mapping[str, int]  # of the stretch that was gone through


@click.command("bench-predictor")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--on",
    "run",
    type=RunName(),
    metavar="RUN",
    required=True,
    help="a recorded run: an id, its beginning, a path, or latest",
)
@click.option(
    "--beside",
    metavar="NAME,...",
    help="what stands beside them: names, own (the run's), all, or none; by default all where exact, else own",
)
@click.option("--horizons", metavar="N,...", help="how far ahead: steps, or supersteps of an exact run")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="time to walk an exact run; bound of any other replay")
@click.option("sets", "--set", multiple=True, metavar="NAME.SETTING=VALUE", help="a setting of a predictor")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="folder of the runs"
)
@click.option("as_json", "--json", is_flag=True, help="print one JSON object")
@plugin_option
@click.pass_obj
def bench_predictor_command(
    session: Any,
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

    An exact run is walked again from its settings; any other must have kept its trajectory: asc run BACKEND --shadow
    --keep-trajectory 20. `--set` also reaches `history` and `validator`, as in --set history.max_snapshots=5.
    """
    began, registry = time.perf_counter(), session.plugins.registry
    folder = find_run(out, run)
    record = read_json(folder / CONFIG)
    require_version(f"The run {folder.name}", record)
    config = _config(registry, record, [*names, *_beside(registry, record, names, beside or "all")], sets)
    backend = make(session, str(record.get("backend")), config)
    computation: Computation = backend.computation(plain=False)
    if beside is None and not computation.exact:  # each candidate is judged, which is dear
        config = _config(registry, record, [*names, *_beside(registry, record, names, "own")], sets)
    required = names if beside in (None, "own", "all") else [part.name for part in config.predictors]
    predictors = dict(_predictors(session, config, required, computation))
    answers = {name: Answers(name, new=name in names) for name in predictors}
    stop = Stop(None if computation.exact else seconds)
    with stoppable(stop.ask):
        if computation.exact:
            ahead = _horizons(horizons, HORIZONS)
            facts = _walk_again(config, computation, predictors, answers, ahead, seconds or _EXACT_S, stop, horizons)
        else:
            kept = places.places(folder)
            _require_places(folder, record, kept)
            ahead = _horizons(horizons, config.allocator.horizons or _distances(kept))
            total = computation.total()
            if horizons is not None and total is not None:
                _require_reach(ahead, total - kept[0].position, "steps from the first place to the run's end")
            validator = partial(registry.create, "validator", config.validator.name, config.validator.settings)
            revisit = Revisit(backend, computation, predictors, validator, ahead, config.history)
            with session.messages.status("") as status:
                revisit.go(kept, stop, lambda place: status.update(f"position {place.position:,}"))
            revisit.into(answers)
            facts = {"places": revisit.visited, "kept": len(kept), "bytes": places.nbytes(folder)}
    found = Replayed(computation.exact, tuple(answers.values()), facts)
    _tell(session, folder, record, found, time.perf_counter() - began, stop.asked, as_json)
    return INTERRUPTED if stop.asked else 0


def _walk_again(
    config: RunConfig,
    computation: Computation,
    predictors: Mapping[str, Predictor],
    answers: Mapping[str, Answers],
    horizons: Sequence[int],
    seconds: float,
    stop: Stop,
    typed: str | None,
) -> dict[str, int]:
    """Walk an exact run for so many seconds, and ask each predictor for as many at most; return what was walked."""
    walked = walk(computation, seconds, _SUPERSTEP_S, stopped=stop)
    if typed is not None and not stop():
        _require_reach(horizons, walked.reach, f"supersteps, half of the {len(walked.reads)} that were walked")
    for name, predictor in predictors.items():
        window, enough = config.history.max_snapshots, Stop(seconds, stop)
        ask(computation, walked, answers[name], predictor, horizons, window=window, stopped=enough)
    return {"superstep": walked.superstep, "supersteps": len(walked.reads)}


def _beside(registry: Any, record: Mapping[str, Any], names: Sequence[str], beside: str) -> list[str]:
    """What stands beside the new predictors, by name."""
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


def _config(registry: Any, record: Mapping[str, Any], names: Sequence[str], sets: Sequence[str]) -> RunConfig:
    """Return the run's settings with these predictors for its own, which keep settings that the run gave them."""
    require_distinct(names)
    for name in names:
        registry.get("predictor", name)
    config_class = registry.config_class("backend", str(record.get("backend")))
    base = record.get("config")
    if not isinstance(base, dict):
        raise AscError("The run's config.json holds no settings; expected those of a run, see `asc runs`.")
    flags = {"predictors": list(names)}
    plain = build_config(config_class, flags, None, (), base)
    config: RunConfig = build_config(config_class, flags, None, [_placed(text, names) for text in sets], base)
    before, after = plain.model_dump(), config.model_dump()
    changed = sorted(name for name in after if after[name] != before[name] and name not in _CHANGEABLE)
    if changed:
        raise AscError(
            f"--set changes {', '.join(changed)}, which the run was recorded with; expected NAME.setting=value for one "
            f"of the predictors, or a setting of history or validator, such as --set {names[0]}.window=4."
        )
    return config


def _placed(text: str, names: Sequence[str]) -> str:
    """Turn a predictor's name at the beginning of a path into its place among the run's predictors."""
    head, dot, rest = text.partition(".")
    return f"predictors.{names.index(head)}.{rest}" if dot and head in names else text


def _predictors(
    session: Any, config: RunConfig, required: Sequence[str], computation: Computation
) -> Iterator[tuple[str, Predictor]]:
    """Make them. Those that are required must be able to run here; the others are left out where they cannot."""
    for component in config.predictors:
        asked = component.name in required
        try:
            predictor: Predictor = session.plugins.registry.create("predictor", component.name, component.settings)
        except AscError as error:
            if asked:
                raise
            session.messages.print(Text.assemble(("warning: ", "yellow"), str(error)), soft_wrap=True)
            continue
        in_place = isinstance(predictor, InPlace) and predictor.in_place
        if asked:
            require_needs("predictor", {component.name: predictor}, computation)
            if in_place and computation.exact:
                raise AscError(
                    f"The predictor {component.name} updates in place rather than looking ahead, which skips no steps "
                    "of an exact run: replay it on a run whose guesses are judged, such as one of nn_training."
                )
        elif not _runs(predictor, computation):
            continue
        yield component.name, predictor


def _runs(predictor: Predictor, computation: Computation) -> bool:
    """Whether a predictor that nobody asked for is any use here; what a chain adds are its links, for a judge."""
    if isinstance(predictor, Needs) and predictor.needs - computation.provides:
        return False
    in_place = isinstance(predictor, InPlace) and predictor.in_place
    return not computation.exact or not (in_place or isinstance(predictor, Chains))


def _require_places(folder: Path, record: Mapping[str, Any], kept: Sequence[places.Place]) -> None:
    if kept:
        return
    command = [str(word) for word in record.get("command") or ()]
    if command[:1] != ["run"] or "--resume" in command:
        command = ["run", str(record.get("backend"))]
    again = command_line((), *_without_ways(command), "--shadow", "--keep-trajectory", "20")
    raise AscError(
        f"The run {folder.name} kept none of its places, and they cannot be had again without training. Run it once "
        f"more, with nothing applied and 20 places kept: {again}"
    )


def _without_ways(command: Sequence[str]) -> Iterator[str]:
    """Yield a run's command without what a run in shadow that keeps its places says otherwise, or excludes."""
    dropped = False
    for word in command:
        name, equals, _ = word.partition("=")
        value = dropped and word.isdigit()
        dropped = not equals and name in ("--keep-trajectory", "--compare")
        if not value and name not in ("--shadow", "--no-speculation", "--compare", "--keep-trajectory"):
            yield word


def _distances(kept: Sequence[places.Place]) -> tuple[int, ...]:
    """Horizons of a run that has none of its own: one, two and four times the distance of its places."""
    distance = kept[1].position - kept[0].position if len(kept) > 1 else 1
    return (distance, 2 * distance, 4 * distance)


def _horizons(given: str | None, usual: Iterable[int]) -> tuple[int, ...]:
    """Return the horizons that were typed, ascending, or the usual ones."""
    if given is None:
        return tuple(sorted({horizon for horizon in usual if horizon}))
    try:
        found = sorted({int(part) for part in given.split(",")})
    except ValueError:
        found = []
    if not found or found[0] < 1:
        raise AscError(
            f'--horizons was given "{given}"; expected whole numbers of 1 or more, joined by commas, such as '
            "--horizons 25,50."
        )
    return tuple(found)


def _require_reach(horizons: Sequence[int], largest: int, what: str) -> None:
    """Refuse a horizon that leads past the end, where nothing would ever be asked."""
    if horizons[-1] > largest:
        remedy = f" Type --horizons {largest} or less." if largest > 0 else ""
        raise AscError(f"--horizons was given {horizons[-1]}; the largest possible here is {largest}: {what}.{remedy}")


def _tell(
    session: Any,
    folder: Path,
    record: Mapping[str, Any],
    found: Replayed,
    seconds: float,
    stopped: bool,
    as_json: bool,
) -> None:
    about = {"run": folder.name, "backend": record.get("backend"), "seconds": seconds, "interrupted": stopped}
    if as_json:
        told = about | {"exact": found.exact, **found.facts} | data(found.answers, found.exact)
        session.console.out(json.dumps(told, allow_nan=False), highlight=False)
        return
    console = session.console
    console.print(Text(_headline(folder, found, seconds)), soft_wrap=True)
    console.print(verdicts(found.answers, found.exact))
    console.print(Text(legend(found.exact), style="dim"))
    console.print(calls(found.answers))
    for sentence in conclusions(found.answers, found.exact):
        console.print(Text(sentence, style="bold"), soft_wrap=True)
    if stopped:
        session.messages.print(Text("Stopped; this is what there is."))


def _headline(folder: Path, found: Replayed, seconds: float) -> str:
    facts = found.facts
    if found.exact:
        return (
            f"{folder.name}: {facts['supersteps']} supersteps of {facts['superstep']:,} steps walked again, in "
            f"{seconds:.1f} s"
        )
    megabytes = facts["bytes"] / 1e6
    return f"{folder.name}: {facts['places']} of {facts['kept']} kept places ({megabytes:.3g} MB), in {seconds:.1f} s"
