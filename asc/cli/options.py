"""A component's settings as command-line options, one for each top-level field."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from asc.cli.completion import Complete, components, words
from asc.config.fields import choices, default, item, members, show
from asc.config.layers import build_config
from asc.config.run import Component
from asc.settings import Positional

__all__ = ["build_config", "options_for"]

_TYPED = ("COMMANDLINE", "ENVIRONMENT", "PROMPT")
_METAVARS = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH", Component: "NAME"}


def options_for(config_class: type[BaseModel]) -> list[click.Parameter]:
    """Return an option for each scalar, component, and list of these among the top-level fields.

    A list that is marked as `Positional` has no option: it is what follows the options.

    The value of an option that was not typed is None, so that its default, which the help shows, stays below what a
    configuration file says. Tables have no options: `--set a.b=c` reaches into them.
    """
    options = (_option(name, field) for name, field in config_class.model_fields.items())
    return [option for option in options if option is not None]


def _option(name: str, field: FieldInfo) -> click.Parameter | None:
    if any(isinstance(mark, Positional) for mark in field.metadata):
        return click.RichArgument([name], nargs=-1, help=field.description, callback=_if_typed(list))
    kinds = members(field.annotation)
    flag = name.removesuffix("_").replace("_", "-")  # `as_` is so called only because `as` is a keyword
    text = (field.description or "") + (" (required)" if field.is_required() else "")
    value = default(field)
    value = None if value is PydanticUndefined else value
    if kinds == (bool,):
        return click.Option(
            [name, f"--{flag}/--no-{flag}"], default=value, show_default=True, help=text, callback=_if_typed(bool)
        )
    inner = [item(kind) for kind in kinds]
    several = len(inner) == 1 and _scalar(inner[0])
    if several:
        kinds = (inner[0],)
    elif not kinds or not all(_scalar(kind) for kind in kinds):
        return None
    metavar = _metavar(kinds)
    if several:
        return click.Option(
            [name, f"--{flag}"],
            multiple=True,
            shell_complete=_completion(name, inner[0], field, several=True),
            metavar=f"{metavar},...",
            default=None if value is None else [_spelled(part) for part in value],
            show_default=True,
            help=text,
            callback=_if_typed(_components if inner[0] is Component else _split),
        )
    return click.Option(
        [name, f"--{flag}"],
        type=_type(kinds, field.metadata),
        shell_complete=_completion(name, kinds[0], field),
        metavar=None if len(kinds) == 1 and kinds[0] is not Component else metavar,
        default=None if value is None else _spelled(value),
        show_default=True,
        help=text,
        callback=_if_typed(_reader(kinds)),
    )


def _completion(name: str, kind: Any, field: FieldInfo, *, several: bool = False) -> Complete | None:
    """Return the completion of a component's name, or of the examples that a setting gives, if there are any."""
    if kind is Component:
        return components(name.removesuffix("s"), several=several)
    return words(map(str, field.examples)) if field.examples else None


def _scalar(kind: Any) -> bool:
    return kind in _METAVARS or bool(choices(kind))


def _spelled(value: Any) -> str:
    return value.name if isinstance(value, Component) else show(value)


def _metavar(kinds: Sequence[Any]) -> str:
    return "|".join("|".join(show(value) for value in choices(kind)) or _METAVARS[kind] for kind in kinds)


def _type(kinds: Sequence[Any], metadata: Sequence[Any]) -> click.ParamType[Any]:
    if len(kinds) > 1:
        return click.STRING
    values = choices(kinds[0])
    if values:
        return click.Choice([show(value) for value in values])
    types = {int: _range(click.IntRange, click.INT, metadata), float: _range(click.FloatRange, click.FLOAT, metadata)}
    return click.Path(path_type=Path) if kinds[0] is Path else types.get(kinds[0], click.STRING)


def _range(ranged: Any, free: click.ParamType[Any], metadata: Sequence[Any]) -> click.ParamType[Any]:
    """Return the number type with the bounds that a field declares."""
    bounds: dict[str, Any] = {}
    for bound in metadata:
        match bound:
            case Ge(ge=value):
                bounds["min"] = value
            case Gt(gt=value):
                bounds |= {"min": value, "min_open": True}
            case Le(le=value):
                bounds["max"] = value
            case Lt(lt=value):
                bounds |= {"max": value, "max_open": True}
    found: click.ParamType[Any] = ranged(**bounds) if bounds else free
    return found


def _if_typed(read: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that reads a value which the user typed, and answers None for a default."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        source = context.get_parameter_source(str(parameter.name))
        return None if source is None or source.name not in _TYPED else read(value)

    return callback


def _split(texts: Sequence[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _components(texts: Sequence[str]) -> list[Any]:
    """Read components: names joined by commas, or in JSON, one with its settings or a list of them."""
    found: list[Any] = []
    for text in texts:
        if text.lstrip()[:1] not in ("{", "["):
            found += _split([text])
            continue
        try:
            read = json.loads(text)
        except ValueError as error:
            raise click.BadParameter(
                f"{text} is not JSON ({error}); expected names joined by commas, or JSON in single quotes, such as "
                '\'{"name": "ensemble", "members": ["linear", "affine"]}\'.'
            ) from error
        found += read if isinstance(read, list) else [read]
    return found


def _reader(kinds: Sequence[Any]) -> Callable[[Any], Any]:
    """Return a function from text to a value of one of these types; what it cannot read is for validation to judge."""
    spelled = {show(value): value for kind in kinds for value in choices(kind)}

    def read(value: Any) -> Any:
        if value in spelled:
            return spelled[value]
        if len(kinds) > 1:
            try:
                parsed = json.loads(value)
            except ValueError:
                return value
            return parsed if type(parsed) in kinds or (type(parsed) is int and float in kinds) else value
        return value

    return read
