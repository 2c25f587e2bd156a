"""Checks settings against their model, and writes every problem as a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from asc.config.fields import choices, item, members, model, settings, show, words
from asc.errors import AscError
from asc.nearest import nearest

C = TypeVar("C", bound=BaseModel)

_BOUNDS = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "finite_number": "and finite",
}
_WRONG_KIND = ("_type", "_parsing", "_from_float", "literal_error", "enum", *_BOUNDS)
_LONGEST = 80  # characters of a given value that are repeated


def validate(config_class: type[C], given: Mapping[str, Any], owner: str = "", remedy: str = "") -> C:
    """Return the configuration that these settings make.

    Raises AscError with one line for each problem: the setting's path, what was given and what was expected, or the
    nearest setting where this one does not exist; also where a setting is of a type that JSON lacks. `owner` follows
    the setting's name (` of the predictor "linear"`); `remedy` is the last line.
    """
    try:
        config = config_class.model_validate(dict(given))
        config.model_dump(mode="json")  # as the record of a run or a study does
    except ValidationError as error:
        lines = list(sentences(config_class, error, owner))
        raise AscError("\n".join([*lines, remedy] if remedy else lines)) from error
    except PydanticSerializationError as error:
        raise AscError(
            f"The settings{owner} cannot be written into a record: {str(error).rstrip('.')}. Give each setting a type "
            "that JSON holds, such as a number, a text or a list of these."
        ) from error
    return config


def sentences(config_class: type[BaseModel], error: ValidationError, owner: str = "") -> Iterator[str]:
    """Yield one sentence for each wrong setting, even where pydantic has tried several types for it."""
    seen = set()
    for detail in error.errors(include_url=False):
        place = _locate(config_class, detail)
        if place.path not in seen:
            seen.add(place.path)
            yield _sentence(config_class, place, detail, owner)


class _Place(NamedTuple):
    path: str
    annotation: Any
    metadata: tuple[Any, ...]
    home: type[BaseModel] | None  # the model that holds the setting, or would


def _locate(config_class: type[BaseModel], detail: ErrorDetails) -> _Place:
    """Follow an error's location through the model, and leave out the names of union members that pydantic adds."""
    path: list[str] = []
    annotation: Any = config_class
    metadata: tuple[Any, ...] = ()
    home: type[BaseModel] | None = None
    last = len(detail["loc"]) - 1
    for depth, segment in enumerate(detail["loc"]):
        kinds = members(annotation)
        homes = [found for kind in kinds if (found := model(kind)) is not None]
        holder = next((found for found in homes if segment in found.model_fields), None)
        parts = [part for kind in kinds if (part := item(kind)) is not None]
        values = [get_args(kind)[1] for kind in kinds if get_origin(kind) in (dict, Mapping)]
        if holder is not None:
            field = holder.model_fields[str(segment)]
            annotation, metadata, home = field.annotation, tuple(field.metadata), holder
        elif isinstance(segment, int) and parts:
            annotation, metadata = parts[0], ()
        elif values:
            annotation, metadata = values[0], ()
        elif depth == last and detail["type"] == "extra_forbidden":
            home = homes[0] if homes else None
        elif len(kinds) > 1:
            annotation = next((found for found in homes if segment in _tags(found)), annotation)
            continue
        else:
            annotation, metadata = Any, ()
        path.append(str(segment))
    return _Place(".".join(path), annotation, metadata, home)


def _tags(table: type[BaseModel]) -> set[Any]:
    """Return the names that pydantic may use for this member of a union: its class, or the constant of a field."""
    constants = [choices(field.annotation) for field in table.model_fields.values()]
    return {table.__name__} | {values[0] for values in constants if len(values) == 1}


def _sentence(config_class: type[BaseModel], place: _Place, detail: ErrorDetails, owner: str) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown(config_class, place, owner)
    if kind == "missing":
        return f'The setting "{place.path}"{owner} must be given; expected {words(place.annotation, place.metadata)}.'
    context = detail.get("ctx", {})
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    if not place.path:
        return f"The settings{owner} do not fit together: {message}."
    sentence = f'The setting "{place.path}"{owner} was given {_repeat(given)}; '
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        tag = str(context["discriminator"]).strip("'")
        tables = [found for member in members(place.annotation) if (found := model(member)) is not None]
        tags = [show(choice) for table in tables for choice in choices(table.model_fields[tag].annotation)]
        return f'{sentence}expected "{tag}" to be one of {", ".join(tags)}.'
    if place.annotation is Any or not kind.endswith(_WRONG_KIND):
        return f"{sentence}{message}."
    expected = words(place.annotation, place.metadata)
    bound = _BOUNDS.get(kind, "")
    if bound.partition("{")[0] not in expected:
        expected += f", {bound.format(**context)}"
    known = [str(choice) for kind in members(place.annotation) for choice in choices(kind)]
    meant = nearest(given, known) if isinstance(given, str) else None
    guess = f'; did you mean "{meant}"?' if meant else "."
    quotes = " In double quotes it is text." if kind == "string_type" and isinstance(given, int | float) else ""
    return f"{sentence}expected {expected}{guess}{quotes}"


def _unknown(config_class: type[BaseModel], place: _Place, owner: str) -> str:
    *above, name = place.path.split(".")
    prefix = "".join(f"{segment}." for segment in above)
    known = list(place.home.model_fields) if place.home is not None else []
    match = nearest(name, known)
    elsewhere = next((s.path for s in settings(config_class) if s.path.endswith(f".{name}")), None)
    meant = prefix + match if match else elsewhere
    if meant:
        return f'There is no setting "{place.path}"{owner}; did you mean "{meant}"?'
    there = f"there are {', '.join(known)}" if known else "it has none"
    return f'There is no setting "{place.path}"{owner}; {there}.'


def _repeat(given: object) -> str:
    """Return a given value as it would be typed, shortened where it is long."""
    try:
        text = json.dumps(given, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(given)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
