"""`asc new KIND NAME`: a plugin package to start from, complete with tests."""

from __future__ import annotations

import keyword
import shlex
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import rich_click as click
from rich.text import Text

import asc
from asc import scaffold
from asc.cli.completion import words
from asc.cli.session import CommandSession, plugin_option
from asc.errors import AscError
from asc.nearest import suggestion
from asc.plugins import Plugins
from asc.plugins.offers import CORE, offers
from asc.plugins.registry import check_name


@click.command("new")
@click.argument("kind", metavar="KIND", shell_complete=words(scaffold.KINDS))
@click.argument("name", metavar="NAME")
@click.option(
    "--into", type=click.Path(path_type=Path), default=Path(), show_default="here", help="folder to write it into"
)
@plugin_option
@click.pass_obj
def new_command(session: CommandSession, kind: str, name: str, into: Path) -> None:
    """Write a plugin package of your own, complete with tests, to start from.

    KIND is predictor, recognizer, validator, backend, judged-backend or study. The package is the folder asc-NAME;
    nothing is overwritten.
    """
    if kind not in scaffold.KINDS:
        raise AscError(
            f'There is no template for a "{kind}"{suggestion(kind, scaffold.KINDS)} '
            f"Kinds: {', '.join(scaffold.KINDS)}, as in: asc new predictor {name}"
        )
    component = scaffold.component(kind)
    check_name(component, name)
    called = scaffold.names(component, name)
    _require_free(session.plugins, component, called)
    _require_folder(into)
    folder = into / called.distribution
    try:
        scaffold.write(scaffold.render(kind, name, required_core(asc.__version__)), folder)
    except FileExistsError as error:
        raise AscError(
            f'"{folder}" exists already, and nothing is overwritten. Choose another name, or a folder with --into.'
        ) from error
    except OSError as error:
        raise AscError(
            f'"{folder}" could not be written ({error.strerror or error}), and nothing of it was left behind. '
            "Free disk space, or name a folder that can be written with --into."
        ) from error
    session.console.print(Text(f"{folder} is a {kind.replace('-', ' ')} that works. Next, type:\n"), soft_wrap=True)
    for line in (f"cd {shlex.quote(str(folder))}", "pip install -e '.[test]'", "pytest", scaffold.try_it(kind, name)):
        session.console.print(Text(f"    {line}"), soft_wrap=True)
    serves = scaffold.KINDS[kind].serves
    if serves:
        backends = ", ".join(session.plugins.registry.names("backend")) or "none"
        session.console.print(Text(f"\n{serves} Installed: {backends}."), soft_wrap=True)


def required_core(running: str) -> str:
    """Return the requirement of a package made with this version: its minor version, as the next may change things."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - only where a package is written

    try:
        core = Version(running)
    except InvalidVersion:
        return "asc-core"
    if core.release == (0,):  # a checkout that was never installed does not know its version
        return "asc-core"
    first = core.public if core.is_prerelease else f"{core.major}.{core.minor}"
    below = f"0.{core.minor + 1}" if core.major == 0 else str(core.major + 1)
    return f"asc-core>={first},<{below}"


def _require_free(plugins: Plugins, kind: str, called: scaffold.Names) -> None:
    """Raise AscError where Python, a component, a plugin or a distribution has the name already."""
    name, choose = called.name, "choose another name."
    if keyword.iskeyword(called.module):
        raise AscError(f'"{name}" cannot name a {kind}, since it is a keyword of Python; {choose}')
    for entry in plugins.registry.entries():
        if entry.name.replace("_", "-") == name.replace("_", "-"):
            raise AscError(
                f'The name "{name}" is taken: {entry.source.label} has a {entry.kind} "{entry.name}"; {choose}'
            )
    for status in plugins.statuses:
        if status.name.replace("_", "-") == name.replace("_", "-"):
            label = f"{status.distribution} {status.version}".strip()
            raise AscError(f'The name "{name}" is taken: {label} has a plugin "{status.name}"; {choose}')
    if called.distribution in {CORE, *(offer.distribution for offer in offers())}:
        raise AscError(f'The name "{name}" is taken: {called.distribution} is a part of asc itself; {choose}')
    try:
        taken = version(called.distribution)
    except PackageNotFoundError:
        return
    raise AscError(f'The name "{name}" is taken: {called.distribution} {taken} is installed already; {choose}')


def _require_folder(into: Path) -> None:
    if not into.is_dir():
        what = "is no folder" if into.exists() else "does not exist"
        raise AscError(f'"{into}" {what}; expected a folder to write into. Make it, or name another with --into.')
