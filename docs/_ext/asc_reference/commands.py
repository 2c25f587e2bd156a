"""Every command, with its arguments and options, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import rich_click as click

from asc.cli.main import cli
from asc.cli.session import CommandSession
from asc.plugins import Plugins
from asc_reference.markdown import code, escaped, page, prose, table, toctree


def pages(plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Yield a page for each command, and one that lists all of them."""
    session = CommandSession()
    session.__dict__["plugins"] = plugins  # those of the project's own distributions, whatever else is installed
    above = click.Context(cli, info_name="asc", obj=session, **cli.context_settings)
    names = cli.list_commands(above)
    rows = []
    for name in names:
        command = _command(cli, above, name)
        context = click.Context(command, info_name=name, parent=above, obj=session)
        yield f"commands/{name}.md", page(*_described(command, context, "#"))
        rows.append((f"[asc {name}](commands/{name}.md)", escaped(command.get_short_help_str(200))))
    yield (
        "commands.md",
        page(
            "# Commands",
            table(("command", "what it does"), rows),
            "Every command takes `--help` and prints there what its page says. The exit code is 0 when all is done, 1 "
            "after an error, which the command reports in a sentence, 2 after wrong arguments, and 130 after Ctrl-C.",
            toctree(f"commands/{name}" for name in names),
        ),
    )


def _described(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    """Yield a command's section, and those of the commands below it."""
    yield f"{level} {context.command_path}"
    yield prose(inspect.cleandoc(command.help or ""))
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```"
    records = [found for option in command.get_params(context) if (found := option.get_help_record(context))]
    yield table(("option", "what it does"), ((code(name), escaped(text)) for name, text in records))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = _command(command, context, name)
            inner = click.Context(below, info_name=name, parent=context, obj=context.obj)
            yield from _described(below, inner, f"{level}#")


def _command(group: click.Group, context: click.Context, name: str) -> click.Command:
    """Return a group's command, imported if it is a lazy one."""
    command = group.resolve_command(context, [name])[1]
    assert command is not None
    return command
