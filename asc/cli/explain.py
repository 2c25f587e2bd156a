"""`asc explain NAME`: what a component does and what can be set."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import rich_click as click
from pydantic import BaseModel
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from asc.cli.completion import components
from asc.cli.session import CommandSession, plugin_option
from asc.config.fields import default, item, members, settings
from asc.errors import AscError
from asc.plugins import Entry
from asc.plugins.registry import Registry
from asc.predictor import Predictor

CHOSEN = {
    "backend": ("asc run {}", "--set {}=VALUE"),
    "predictor": ("--predictors {}", "--set predictors.0.{}=VALUE"),
    "recognizer": ("--recognizer {}", "--set recognizer.{}=VALUE"),
    "validator": ("--validator {}", "--set validator.{}=VALUE"),
    "study": ("asc study {}", "--set {}=VALUE"),
}
"""How a component of each kind is chosen by name, and how one of its settings is changed."""

_SAMPLES: dict[Any, list[Any]] = {str: ["one", "two"], int: [1, 2], float: [0.1, 0.2]}


@click.command("explain")
@plugin_option
@click.argument("name", shell_complete=components())
@click.pass_obj
def explain_command(session: CommandSession, name: str) -> None:
    """Explain a component: what it does, its settings, and where it comes from."""
    registry = session.plugins.registry
    for number, entry in enumerate(registry.find(name)):
        if number:
            session.console.print()
        for part in explanation(registry, entry):
            session.console.print(part)


def explanation(registry: Registry, entry: Entry) -> Iterator[RenderableType]:
    """Yield what a component does and what can be set. Raises AscError where its class cannot be used."""
    component, config = entry.load(), entry.load_config()
    home = entry.source.plugin if entry.source.module else component.__module__  # a single file's module has no name
    yield Text.assemble((entry.name, "bold"), f"  {entry.kind} of {entry.source.label}, in {home}")
    yield Text(f"\n{_reflowed(inspect.cleandoc(component.__doc__ or entry.summary))}\n")
    choose, change = CHOSEN[entry.kind]
    yield Text(f"Choose it with {choose.format(entry.name)}{entry.source.option}.")
    yield from map(Text, reads(registry, entry))
    found = list(settings(config))
    if not found:
        yield Text("It has no settings.")
        return
    yield Text(f"Change its settings with {change.format(found[0].path)}.\n")
    if (example := _list(config)) is not None:
        name, value = example
        yield Text(f"A list is typed as JSON: {change.format(name).removesuffix('VALUE')}{value}\n")
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("setting", no_wrap=True)
    for heading in ("type", "default", "description"):
        table.add_column(heading, overflow="fold")
    for setting in found:
        table.add_row(*(Text(text) for text in setting))
    yield table


def reads(registry: Registry, entry: Entry) -> Iterator[str]:
    """Yield a sentence on what a component needs, and one on how many snapshots a predictor looks back on.

    Both are those of the component with its default settings.
    """
    if entry.kind not in ("predictor", "recognizer", "validator"):
        return
    try:
        component = registry.create(entry.kind, entry.name)
    except AscError as error:
        yield f"It cannot be made with its default settings: {error}"
        return
    if component.needs:
        yield f"It needs {', '.join(sorted(component.needs))} of the computation."
    if isinstance(component, Predictor):
        yield f"It looks back on {component.depth} snapshot{'' if component.depth == 1 else 's'}."


def _list(config: type[BaseModel]) -> tuple[str, str] | None:
    """Return the first setting that is a list of numbers or texts, with an example of a value, quoted for a shell."""
    for name, field in config.model_fields.items():
        for kind in map(item, members(field.annotation)):
            if kind in _SAMPLES:
                given = default(field)
                value = list(given)[:2] if isinstance(given, list | tuple) and given else _SAMPLES[kind]
                return name, shlex.quote(json.dumps(value, separators=(",", ":")))
    return None


def _reflowed(text: str) -> str:
    """Join the lines of each paragraph, which the console wraps; tables, lists and formulas stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        paragraph if re.search(r"^([ |*-]|\d+\.)", paragraph, re.MULTILINE) else " ".join(paragraph.split())
        for paragraph in paragraphs
    )
