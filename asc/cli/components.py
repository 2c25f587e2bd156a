"""A command group with one subcommand for each installed component of a kind, its options made from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, Protocol

import rich_click as click
from pydantic import BaseModel

from asc import answers
from asc.backend import Backend
from asc.cli.foreign import blaming
from asc.cli.lazy import LazyGroup
from asc.cli.options import build_config, options_for
from asc.cli.session import CommandSession, plugin_option
from asc.config.fields import settings
from asc.config.run import ExecutedConfig, JudgedConfig, RunConfig
from asc.errors import AscError
from asc.group import Group
from asc.plugins.entry import Entry

_METAVARS = {"backend": "BACKEND", "study": "NAME"}
_KINDS: Mapping[str, type[RunConfig]] = {"judged": JudgedConfig, "executed": ExecutedConfig}
"""What is done with candidates, and the settings of the backends that do it."""


class ConfigFrom(Protocol):
    """Returns the validated settings that were typed."""

    def __call__(self, base: Mapping[str, Any] | None = None) -> Any:
        """Lay file, flags and `--set` over `base`."""


Chosen = Callable[Concatenate[CommandSession, str, ConfigFrom, ...], int | None]
"""What a group calls for the component of this name, with the options of the group; returns the exit code."""


class ComponentGroup(LazyGroup):
    """A command whose subcommands are the installed components of a kind, each with its own settings as options."""

    def __init__(
        self, name: str, chosen: Chosen, options: Sequence[click.Option], *, help: str, kind: str = "backend"
    ) -> None:
        super().__init__(name=name, help=help, subcommand_metavar=f"{_METAVARS[kind]} [OPTIONS]")
        self._chosen, self._options, self._kind = chosen, options, kind
        plugin_option(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the installed components of the kind."""
        return list(ctx.obj.plugins.registry.names(self._kind))

    def line(self, ctx: click.Context, name: str) -> str:
        """Return the summary of a component. Raises AscError for one that is not installed."""
        entry: Entry = ctx.obj.plugins.registry.get(self._kind, name)
        return entry.summary

    def load(self, ctx: click.Context, name: str) -> click.Command:
        """Make the command of a component, whose class is imported for its settings."""
        entry: Entry = ctx.obj.plugins.registry.get(self._kind, name)
        try:
            config_class: type[BaseModel] = entry.load_config()
        except AscError:
            if not ctx.resilient_parsing:
                raise
            return self._unseen(name)  # a completion imports no large package
        fields = options_for(config_class)
        flag_names = {str(option.name) for option in fields}

        @click.pass_obj
        def callback(session: CommandSession, /, config_file: Path | None, sets: tuple[str, ...], **values: Any) -> Any:
            flags = {flag: values.pop(flag) for flag in flag_names}

            def config_from(base: Mapping[str, Any] | None = None) -> BaseModel:
                return build_config(config_class, flags, config_file, sets, base, name)

            return self._chosen(session, name, config_from, **values)

        options = [*fields, *_settings_options(), *self._options]
        command = ComponentCommand(name, config_class, callback=callback, params=options, help=entry.summary)
        return plugin_option(command)

    def _unseen(self, name: str) -> click.Command:
        """Make the command of a component whose settings are not known, with the options that all of its kind have."""
        kinds = _KINDS.values() if self._kind == "backend" else ()
        fields = {option.name: option for kind in kinds for option in options_for(kind)}
        options: list[click.Parameter] = [*fields.values(), *_settings_options(), *self._options]
        command = click.RichCommand(name=name, params=options, context_settings={"ignore_unknown_options": True})
        return plugin_option(command)


class ComponentCommand(click.RichCommand):
    """The command of one component, with the settings of `config_class`."""

    def __init__(self, name: str, config_class: type[BaseModel], **attributes: Any) -> None:
        super().__init__(name=name, **attributes)
        self._config_class = config_class

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say what an unknown option may be: a setting that has none, or a positional argument with a hyphen.

        Any other unknown option gets the nearest.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = self._hint(error.option_name) or (
                None if error.possibilities else self._at_the_end(error.option_name)
            )
            if hint is None:
                raise
            raise click.UsageError(hint, ctx) from error

    def _hint(self, option: str) -> str | None:
        name = option.lstrip("-").replace("-", "_")
        own = _path(self._config_class, name)
        if own is not None:
            return f"There is no option {option}; to set it, type --set {own}=VALUE."
        for candidates, kind in _KINDS.items() if issubclass(self._config_class, RunConfig) else ():
            path = _path(kind, name)
            if path is not None:
                return f'{self.name} has no setting "{path}": only a backend whose candidates are {candidates} has it.'
        return None

    def _at_the_end(self, option: str) -> str | None:
        """Say how an argument with a hyphen is typed, if the command has positional arguments."""
        names = [parameter.human_readable_name for parameter in self.params if isinstance(parameter, click.Argument)]
        if not names:
            return None
        return f"There is no option {option}. If it belongs to {names[0]}, type it at the end, after --: -- {option}"


def _path(config_class: type[BaseModel], name: str) -> str | None:
    """Return the dotted path of a setting of this name."""
    return next((path for path, *_ in settings(config_class) if path.rpartition(".")[2] == name), None)


def _settings_options() -> list[click.Option]:
    """The options that set what a command's own flags do not."""
    path = click.Path(path_type=Path, dir_okay=False)
    return [
        click.Option(
            ["config_file", "--config"],
            type=path,
            help="settings from a JSON or TOML file, or from the config.json of a run",
        ),
        click.Option(["sets", "--set"], multiple=True, metavar="A.B=C", help="one setting, also of a nested table"),
    ]


def make_backend(session: CommandSession, name: str, config: RunConfig) -> Backend[Any]:
    """Make a backend from its settings."""
    registry = session.plugins.registry
    backend: Backend[Any] = registry.create("backend", name, config)
    with blaming(registry.get("backend", name)):
        answers.instance("group", backend.group, Group, "an asc.group.Group")
    return backend
