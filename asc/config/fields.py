"""The settings of a model in words, for tables, help and errors."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from asc.config.run import Component

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
_LISTS: tuple[object, ...] = (tuple, list, set, frozenset, Sequence, Collection)


class Setting(NamedTuple):
    """One setting, as a table shows it."""

    path: str  # dotted, as `--set` takes it
    type: str
    default: str  # as `--set` takes it: "null" and lists as in JSON
    description: str


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the types that an annotation admits besides None: `int | None` gives `(int,)`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(member for part in get_args(annotation) for member in members(part))
    return () if annotation in (None, NoneType) else (annotation,)


def optional(annotation: Any) -> bool:
    """Whether None is admitted."""
    if get_origin(annotation) is Annotated:
        return optional(get_args(annotation)[0])
    return annotation in (None, NoneType) or (
        get_origin(annotation) in (Union, UnionType) and any(optional(part) for part in get_args(annotation))
    )


def item(annotation: Any) -> Any | None:
    """Return what a list, set or tuple of any length holds; None for every other annotation."""
    arguments = [argument for argument in get_args(annotation) if argument is not ...]
    return arguments[0] if get_origin(annotation) in _LISTS and len(arguments) == 1 else None


def choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values of a Literal or an Enum, as a file spells them; empty for every other annotation."""
    if get_origin(annotation) is Literal:
        return tuple(value.value if isinstance(value, Enum) else value for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(member.value for member in annotation)
    return ()


def model(annotation: Any) -> type[BaseModel] | None:
    """Return the annotation where it is a settings model, else None."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def default(field: FieldInfo) -> Any:
    """Return a field's default; `PydanticUndefined` where it must be given or is derived from other settings."""
    try:
        return field.get_default(call_default_factory=True)
    except (TypeError, ValueError):  # a factory that wants to see the other settings
        return PydanticUndefined


def words(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Say what is admitted: "a whole number, at least 1", "one of strict, adaptive", "a list of components"."""
    kinds = dict.fromkeys(_word(member) for member in members(annotation))
    text = " or ".join(kinds) or "nothing"
    text += "".join(f", {bound}" for bound in _bounds(metadata))
    return f"{text}, or null for none" if kinds and optional(annotation) else text


def settings(config_class: type[BaseModel], prefix: str = "", given: BaseModel | None = None) -> Iterator[Setting]:
    """Yield a model's settings, those of nested models by dotted paths. `given` replaces the model's own defaults."""
    for name, field in config_class.model_fields.items():
        path, value = prefix + name, default(field) if given is None else given.__dict__[name]
        kinds = members(field.annotation)
        nested = [found for kind in kinds if (found := model(kind)) not in (None, config_class)]
        tables = [found for found in nested if found is not None and not issubclass(found, Component)]
        tag = field.discriminator if isinstance(field.discriminator, str) else None
        if tag is not None:
            yield Setting(path, _tags(tables, tag), _shown(field, value), field.description or "")
            yield from _variants(tables, path, tag)
            continue
        if not tables or len(tables) < len(kinds) or value is None:
            expected = words(field.annotation, field.metadata)
            yield Setting(path, expected, _shown(field, value), field.description or "")
        for table in tables:
            yield from settings(table, f"{path}.", value if isinstance(value, table) else None)


def _variants(tables: Sequence[type[BaseModel]], path: str, tag: str) -> Iterator[Setting]:
    """Yield the settings of tables of which one is chosen, each with the choices that have it."""
    homes: dict[Setting, list[str]] = {}
    for table in tables:
        for setting in settings(table, f"{path}."):
            if setting.path != f"{path}.{tag}":
                homes.setdefault(setting, []).append(_tag(table, tag))
    for setting, names in homes.items():
        yield setting._replace(description=f"{setting.description} (where {path}.{tag} is {' or '.join(names)})")


def _tag(table: type[BaseModel], tag: str) -> str:
    return show(choices(table.model_fields[tag].annotation)[0])


def _tags(tables: Sequence[type[BaseModel]], tag: str) -> str:
    return f"one of {', '.join(_tag(table, tag) for table in tables)}, with settings"


def _shown(field: FieldInfo, value: Any) -> str:
    if value is PydanticUndefined:
        return "required" if field.is_required() else "derived from other settings"
    if isinstance(value, BaseModel) and isinstance(field.discriminator, str):
        return show(value.__dict__[field.discriminator])
    if (
        value is None
        or isinstance(value, list | tuple | set | frozenset)
        or (isinstance(value, Component) and value.settings)
    ):
        return json.dumps(_plain(value), ensure_ascii=False)
    return show(value)


def _plain(value: Any) -> Any:
    """Return a value of what JSON holds; a component without settings is its name."""
    if isinstance(value, Component) and not value.settings:
        return value.name
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return to_jsonable_python(value)


def show(value: Any) -> str:
    """Return a value as a person would type it."""
    match value:
        case None | () | []:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case Component():
            given = ", ".join(f"{name} {show(setting)}" for name, setting in value.settings.items())
            return f"{value.name} ({given})" if given else value.name
        case list() | tuple() | set() | frozenset():
            return ", ".join(show(part) for part in value)
    return str(value)


def _word(annotation: Any) -> str:
    inner = item(annotation)
    if inner is not None:
        return "a list, each " + words(inner)
    values = choices(annotation)
    if values:
        return f"one of {', '.join(show(value) for value in values)}" if len(values) > 1 else f'"{show(values[0])}"'
    nested = model(annotation)
    if nested is not None:
        return "the name of a component" if issubclass(nested, Component) else "a table of settings"
    if get_origin(annotation) in (dict, Mapping) or annotation in (dict, Mapping):
        return "a table"
    return _PLAIN.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _bounds(metadata: Sequence[Any]) -> Iterator[str]:
    for bound in metadata:
        match bound:
            case Ge(ge=least):
                yield f"at least {least}"
            case Gt(gt=below):
                yield f"greater than {below}"
            case Le(le=most):
                yield f"at most {most}"
            case Lt(lt=above):
                yield f"less than {above}"
            case MinLen(min_length=fewest):
                yield f"at least {fewest} long"
            case MaxLen(max_length=longest):
                yield f"at most {longest} long"
