"""A command group with one subcommand for each installed backend, its options made from the backend's settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from asc.backend import Backend
from asc.cli.options import build_config, options_for
from asc.config import RunConfig

Chosen = Callable[..., Any]


def settings_options() -> list[click.Option]:
    """The options by which every backend command takes its settings from elsewhere than its own flags."""
    path = click.Path(path_type=Path, dir_okay=False)
    return [
        click.Option(["config_file", "--config"], type=path, help="settings from a JSON or TOML file"),
        click.Option(["sets", "--set"], multiple=True, metavar="A.B=C", help="one setting, also of a nested table"),
        click.Option(["--plugin"], multiple=True, type=path, expose_value=False, help="load a plugin from a file"),
    ]


class BackendGroup(click.RichGroup):
    """Calls `chosen(session, backend_name, config_from, **options)` for the backend that was named.

    `config_from(base)` gives the validated settings, with `base` below file, flags and `--set`.
    """

    chosen: Chosen
    extra: Sequence[click.Option] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the installed backends."""
        return sorted(entry.name for entry in ctx.obj.plugins.registry.entries() if entry.kind == "backend")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Make a backend's command. Raises AscError for one that is not installed."""
        entry = ctx.obj.plugins.registry.get("backend", cmd_name)
        config_class = entry.load_config()
        fields = options_for(config_class)
        names = {str(option.name) for option in fields}

        @click.pass_obj
        def callback(session: Any, /, config_file: Path | None, sets: tuple[str, ...], **values: Any) -> Any:
            flags = {name: values.pop(name) for name in names}

            def config_from(base: dict[str, Any] | None = None) -> RunConfig:
                config = build_config(config_class, flags, config_file, sets, base)
                assert isinstance(config, RunConfig)
                return config

            return self.chosen(session, cmd_name, config_from, **values)

        return click.RichCommand(
            name=cmd_name, callback=callback, params=[*fields, *settings_options(), *self.extra], help=entry.summary
        )


def make(session: Any, name: str, config: RunConfig) -> Backend[Any]:
    """Construct a backend with its settings."""
    backend: Backend[Any] = session.plugins.registry.get("backend", name).load()(config)
    return backend
