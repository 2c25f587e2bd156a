"""What `accelerate` accepts. A mistake in its arguments is a sentence, before anything runs."""

from __future__ import annotations

import functools
import inspect
import operator
import reprlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from asc.config.validate import validate
from asc.errors import AscError
from asc.records.folders import CONFIG, is_run, read_json
from asc.records.lock import LOCK
from asc.records.version import require_version
from asc_toy.ambient import Query
from asc_toy.backend import SpeculationConfig
from asc_toy.digest import state_digest
from asc_toy.program import Program, name_of, unwrapped
from asc_toy.state import check

_CACHED = type(functools.lru_cache(lambda: None))
_KINDS = (
    (inspect.isgeneratorfunction, "a generator function: calling it runs none of its lines. Write it without yield"),
    (inspect.isasyncgenfunction, "an asynchronous generator function. Write it without async and yield"),
    (inspect.iscoroutinefunction, "a coroutine function: calling it runs none of its lines. Write it without async"),
)
_STEP_KINDS = _KINDS[:-1]  # a step may be a coroutine function


def program_of(step: object, state: object, steps: object, until: object) -> Program:
    """Return the program that the arguments make. Raises AscError where they make none."""
    if isinstance(step, Program):
        raise AscError(
            "The step is a Program, which is more than a step. Write accelerate(program.step, program.state, "
            "program.steps, until=program.until)."
        )
    known = _function(step, "step", "def step(state): state.n += 1")
    condition = None if until is None else _function(until, "until", "until=lambda state: state.n >= 1000")
    if steps is None and condition is None:
        raise AscError(
            "The program has no end: neither steps nor until was given. Write steps=1000, or "
            "until=lambda state: state.n >= 1000."
        )
    return Program(name_of(known), known, _mapping(state), None if steps is None else _count(steps), condition)


def settings_of(config: object) -> SpeculationConfig:
    """Return the settings of speculation. Raises AscError where they are none."""
    if isinstance(config, SpeculationConfig):
        return config
    if config is not None and not isinstance(config, Mapping):
        raise AscError(
            f"The config is {_shown(config)}; expected settings by name, such as "
            '{"workers": 2}, or a SpeculationConfig.'
        )
    return validate(SpeculationConfig, config or {})


def folder_of(folder: object, resume: bool, program: Program) -> Path | None:
    """Return where the run is recorded, if anywhere: a new or empty folder, or with `resume` also that of the program.

    Raises AscError where the folder holds anything else.
    """
    if folder is None:
        if resume:
            raise AscError("resume=True needs the folder of the run to resume: folder='runs/mine', resume=True.")
        return None
    if not isinstance(folder, str | PathLike) or not (path := Path(folder)).name:
        raise AscError(f"The folder is {_shown(folder)}; expected the path of a folder, such as folder='runs/mine'.")
    try:
        held = any(file.name != LOCK for file in path.iterdir())
    except FileNotFoundError:
        return path
    except OSError as error:
        raise AscError(f"{str(path)!r} cannot hold a run ({error.strerror}); name a new folder.") from error
    if not is_run(path):
        if held:
            raise AscError(f"{str(path)!r} holds other files and no run; name a new folder, or an empty one.")
    elif not resume:
        raise AscError(f"{str(path)!r} holds a run already. Continue that run with resume=True, or name a new folder.")
    else:
        _require_own(path, program)
    return path


def _require_own(path: Path, program: Program) -> None:
    """Refuse to resume a run of the command, or of another program."""
    record = read_json(path / CONFIG)
    require_version(f"The run in {str(path)!r}", record)
    if "program" not in record:
        raise AscError(
            f"{str(path)!r} holds a run of the command line. Resume it there: asc run {record.get('backend')} --resume "
            f"{path}"
        )
    if record["program"] != program.name:
        raise AscError(
            f"{str(path)!r} holds a run of the step {record['program']!r}, and this step is {program.name!r}. Name "
            "another folder, or resume with the step that began the run."
        )
    check(program.state)
    if record.get("start") != state_digest(0, program.state):
        raise AscError(
            f"{str(path)!r} holds a run that began with another state. Name another folder, or give "
            "the same state as before."
        )


def _function(call: object, what: str, example: str) -> Callable[[Any], Any]:
    """Refuse what is no function of one argument that runs when it is called."""
    if not callable(call):
        hint = " (was it called where only its name belongs?)" if call is None else ""
        raise AscError(
            f"The {what} is {_shown(call)}, which cannot be called{hint}. Expected a function of the state: {example}"
        )
    if isinstance(call, type):
        raise AscError(f"The {what} is the class {call.__name__}. Expected a function of the state: {example}")
    inner = unwrapped(call)
    if isinstance(inner, Query):
        raise AscError(
            f"The {what} {name_of(call)!r} is a query, and a run must see what the {what} itself does with the state. "
            f"Leave @query out, and put it on a function that the {what} calls."
        )
    if isinstance(inner, _CACHED):
        raise AscError(
            f"The {what} {name_of(call)!r} has a cache, so all calls but the first would do nothing. Leave the cache "
            f"out, or put it on a function that the {what} calls."
        )
    for is_kind, sentence in _STEP_KINDS if what == "step" else _KINDS:
        if is_kind(inner) or is_kind(inner.__call__):  # type: ignore[operator]  # of an object that can be called
            raise AscError(f"The {what} {name_of(call)!r} is {sentence}.")
    _require_one_argument(call, what)
    return call


def _require_one_argument(call: Callable[..., Any], what: str) -> None:
    try:
        # A decorated function has the signature of its wrapper, not of what the wrapper calls.
        signature = inspect.signature(call, follow_wrapped=False)
    except (TypeError, ValueError):  # compiled functions may have none
        return
    try:
        signature.bind(None)
    except TypeError:
        takes = ", ".join(map(str, signature.parameters)) or "no argument"
        raise AscError(
            f"The {what} {name_of(call)!r} takes {takes}, and it is called with one argument, the state. Put other "
            "values into the state, or bind them with functools.partial."
        ) from None


def _mapping(state: object) -> Mapping[str, Any]:
    """Refuse what is no mapping of names to values. The state itself checks its names and values."""
    if isinstance(state, Mapping):
        if not state:
            raise AscError('The state is empty. Expected the values that the first step finds, such as {"n": 0}.')
        return state
    kind = type(state).__name__
    if isinstance(state, tuple) and hasattr(state, "_asdict"):  # named tuples have no class of their own
        remedy = "Write state._asdict()"
    elif hasattr(state, "__dict__") and not callable(state):
        remedy = "Write vars(state): a step finds its attributes, and none of its methods"
    else:
        remedy = 'Write the values by name, such as {"n": 0}'
    raise AscError(f"The state is of the type {kind}; expected a mapping of names to values. {remedy}.")


def _count(steps: object) -> int:
    """Refuse what is no whole number of steps."""
    example = 1000
    if isinstance(steps, float) and steps.is_integer() and steps >= 0:
        example = int(steps)
    try:
        count = -1 if isinstance(steps, bool) else operator.index(steps)  # type: ignore[arg-type]  # or TypeError
    except TypeError:
        count = -1
    if count < 0:
        condition = " A condition for the end is given as until=…." if callable(steps) else ""
        raise AscError(
            f"The number of steps is {_shown(steps)}; expected a whole number, at least 0, such as steps={example}."
            f"{condition}"
        )
    return count


def _shown(value: object) -> str:
    return "None" if value is None else f"{reprlib.repr(value)}, of the type {type(value).__name__}"
