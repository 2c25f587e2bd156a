"""Builds one configuration from several layers: defaults, a base, a file, options, and `--set`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from asc.config.fields import default, item, members
from asc.config.files import read_settings
from asc.config.run import Component
from asc.config.validate import validate
from asc.errors import AscError
from asc.settings import Settings

C = TypeVar("C", bound=BaseModel)


def build_config(
    config_class: type[C],
    flags: Mapping[str, Any],
    config_file: Path | None,
    sets: Sequence[str],
    base: Mapping[str, Any] | None = None,
    component: str = "",
) -> C:
    """Return the configuration that these layers make, each on top of the one before.

    The layers are: the defaults of the class, `base` (the settings of a record), `config_file` (JSON or TOML, or the
    record of a run of `component`), `flags` (by field name; None means not typed), and `sets` ("a.b=c", in the order
    given). Tables are merged, everything else is replaced. A component that is given by its bare name keeps the
    settings that lower layers gave to the component of this name.
    Raises AscError, one line for each problem, and where a record has a setting that has to be given again.
    """
    layers = Layers(config_class)
    recorded, withheld = from_record(config_class, base or {})
    layers.lay(recorded)
    if config_file is not None:
        settings, of_a_record = read_settings(config_file, component)
        if of_a_record:
            settings, more = from_record(config_class, settings)
            withheld |= more
        layers.lay(settings)
    layers.lay({name: value for name, value in flags.items() if value is not None})
    for text in sets:
        layers.assign(text)
    for name, value in withheld.items():
        if name not in layers.tree:
            raise AscError(
                f"The record has {name} {value}, and asc connects to no address that it only finds in a record. "
                f"To use this one, add: --set {shlex.quote(f'{name}={value}')}  To use none, add: --set {name}=null"
            )
    return validate(config_class, layers.tree)


def from_record(config_class: type[BaseModel], settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a record that may be taken from it, and those that have to be given again."""
    again = config_class.given_again if issubclass(config_class, Settings) else frozenset()
    taken = {name: value for name, value in settings.items() if name not in again}
    return taken, {name: value for name, value in settings.items() if name in again and value is not None}


class Layers:
    """A tree of settings that is built layer by layer, and is not validated."""

    def __init__(self, config_class: type[BaseModel]) -> None:
        fields = config_class.model_fields.items()
        self._single = {name for name, field in fields if members(field.annotation) == (Component,)}
        self._lists = {name for name, field in fields if [item(k) for k in members(field.annotation)] == [Component]}
        defaults = {name: default(field) for name, field in fields}
        nested = (BaseModel, Mapping, list, tuple)  # a layer above may change a part of these
        self.tree: dict[str, Any] = {k: _plain(v) for k, v in defaults.items() if isinstance(v, nested)}

    def lay(self, upper: Mapping[str, Any]) -> None:
        """Add a layer on top."""
        for name, given in upper.items():
            value, below = _plain(given), self.tree.get(name)
            if name in self._single:
                self.tree[name] = _component(value, below)
            elif name in self._lists and isinstance(value, list):
                self.tree[name] = [_component(part, _named(part, below)) for part in value]
            else:
                self.tree[name] = _merged(below, value)

    def assign(self, text: str) -> None:
        """Set one setting by "path=value": a dotted path, where a number selects from a list, and JSON or text."""
        dotted, equals, raw = text.partition("=")
        path = [segment.strip() for segment in dotted.split(".")]
        if not equals or not all(path):
            raise AscError(
                f'--set was given "{text}"; expected a dotted path, an equals sign and a value, '
                "such as --set cache.max_entries=1000."
            )
        value = _parsed(raw)
        if len(path) == 1:
            split = path[0] in self._lists and isinstance(value, str)
            self.lay({path[0]: [part.strip() for part in raw.split(",")] if split else value})
            return
        node: Any = self.tree
        for depth, segment in enumerate(path[:-1], start=1):
            node = _inside(node, segment, path[:depth], text)
        last = _key(node, path[-1], path[:-1], text)
        if isinstance(node, list):
            node[last] = _component(value, node[last]) if path[0] in self._lists and len(path) == 2 else value
        elif self._names_component(path) and isinstance(value, str):
            named = _component(value, node)
            node.clear()
            node.update(named)
        else:
            node[last] = value

    def _names_component(self, path: Sequence[str]) -> bool:
        """Whether a path ends in a component's name. With another name, settings of the component before must go."""
        depth = 2 if path[0] in self._single else 3 if path[0] in self._lists else 0
        return path[-1] == "name" and len(path) == depth


def _plain(value: Any) -> Any:
    """Copy models, tables and lists into dicts and lists that can be changed."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: _merged(below.get(key), value) for key, value in above.items()}
    return above


def _component(value: Any, below: Any) -> Any:
    """Return a component's table. A table with a name is complete; one without changes the component below."""
    if isinstance(value, str):
        same = isinstance(below, dict) and below.get("name") == value
        return _plain(below) if same else {"name": value}
    return value if isinstance(value, dict) and "name" in value else _merged(below, value)


def _named(value: Any, below: Any) -> Any:
    """Return the component of this name in a list; None where there is none or more than one."""
    found = [part for part in below if isinstance(part, dict) and part.get("name") == value] if below else []
    return found[0] if len(found) == 1 else None


def _parsed(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _inside(node: Any, segment: str, path: Sequence[str], text: str) -> Any:
    """Return the table or list that `path` leads to, ending in `segment`; a new table where there is nothing yet."""
    key = _key(node, segment, path[:-1], text)
    if isinstance(node, dict) and node.get(key) is None:
        node[key] = {}
    if not isinstance(node[key], dict | list):
        raise AscError(
            f'--set was given "{text}", but "{".".join(path)}" is {json.dumps(node[key], default=str)}, '
            "which has no settings inside."
        )
    return node[key]


def _key(node: Any, segment: str, above: Sequence[str], text: str) -> Any:
    """Return a table's key, or a list's index as a number."""
    if isinstance(node, dict):
        return segment
    if segment.isdecimal() and int(segment) < len(node):
        return int(segment)
    there = f"holds {len(node)}, counted from 0" if node else "is empty"
    raise AscError(f'--set was given "{text}", but the list "{".".join(above)}" {there}, and has no "{segment}".')
