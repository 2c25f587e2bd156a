"""A command group with one subcommand for each installed component of a kind, its options made from its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from pydantic import BaseModel

from asc.backend import Backend
from asc.cli.options import build_config, options_for
from asc.config.run import RunConfig

Chosen = Callable[..., Any]


def settings_options() -> list[click.Option]:
    """The options by which every such command takes its settings from elsewhere than its own flags."""
    path = click.Path(path_type=Path, dir_okay=False)
    return [
        click.Option(["config_file", "--config"], type=path, help="settings from a JSON or TOML file"),
        click.Option(["sets", "--set"], multiple=True, metavar="A.B=C", help="one setting, also of a nested table"),
        click.Option(["--plugin"], multiple=True, type=path, expose_value=False, help="load a plugin from a file"),
    ]


class ComponentGroup(click.RichGroup):
    """Calls `chosen(session, name, config_from, **options)` for the component of this `kind` that was named.

    `config_from(base)` gives the validated settings, with `base` below file, flags and `--set`.
    """

    kind = "backend"
    chosen: Chosen
    extra: Sequence[click.Option] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the installed components of the kind."""
        return list(ctx.obj.plugins.registry.names(self.kind))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Make a component's command. Raises AscError for one that is not installed."""
        entry = ctx.obj.plugins.registry.get(self.kind, cmd_name)
        config_class: type[BaseModel] = entry.load_config()
        fields = options_for(config_class)
        names = {str(option.name) for option in fields}

        @click.pass_obj
        def callback(session: Any, /, config_file: Path | None, sets: tuple[str, ...], **values: Any) -> Any:
            flags = {name: values.pop(name) for name in names}

            def config_from(base: dict[str, Any] | None = None) -> BaseModel:
                return build_config(config_class, flags, config_file, sets, base)

            return self.chosen(session, cmd_name, config_from, **values)

        return click.RichCommand(
            name=cmd_name, callback=callback, params=[*fields, *settings_options(), *self.extra], help=entry.summary
        )


def make(session: Any, name: str, config: RunConfig) -> Backend[Any]:
    """Construct a backend with its settings."""
    backend: Backend[Any] = session.plugins.registry.get("backend", name).load()(config)
    return backend
