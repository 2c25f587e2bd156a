"""`asc install` and `asc uninstall`: plugins in the environment that runs `asc`."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import rich_click as click
from rich.text import Text

import asc
from asc.cli.completion import folders, plugins
from asc.cli.session import CommandSession
from asc.errors import AscError
from asc.nearest import suggestion
from asc.plugins import environment
from asc.plugins.environment import Component, Installed, same
from asc.plugins.offers import CORE, normalised, offers

_ARCHIVES = (".whl", ".tar.gz", ".zip")


@click.command("install")
@click.argument("what", metavar="PACKAGE|FOLDER", shell_complete=folders)
@click.option("-e", "--editable", is_flag=True, help="of a folder: changes of its code count at once")
@click.option("-U", "--upgrade", is_flag=True, help="of a package: get the newest version that fits")
@click.pass_obj
def install_command(session: CommandSession, what: str, editable: bool, upgrade: bool) -> None:
    """Install a plugin into the environment that runs `asc`, from a package index or from a folder.

    It calls pip, and lists which components came.
    """
    wanted = _wanted(what, editable)
    options = [*(["--upgrade"] if upgrade else []), *(["--editable"] if editable else ["--"])]
    came = environment.install(wanted, options, _show(session))
    requested = [one for one in came if one.requested] or [_there(wanted)]
    now = environment.components()
    for one in requested:
        state = "is installed" if one in came else "was installed already"
        _say(session, f"{one.name} {one.version} {state} in {sys.prefix}.")
    names = [one.name for one in (*came, *requested)]
    found = [row for row in now if any(same(row.distribution, name) for name in names)]
    for row in found:
        if row.error is not None:
            session.warn(row.error)
    working = [row for row in found if row.error is None]
    if working:
        _say(session, f"Components: {_listed(working)}.")
        _say(session, f"Next, type: asc explain {working[0].name}")
    elif not found:
        name = requested[0].name
        session.warn(
            f"{name} provides no plugin of asc: it has no entry point of the group asc. To remove it again, type: "
            f"pip uninstall {name}"
        )


@click.command("uninstall")
@click.argument("name", shell_complete=plugins)
@click.pass_obj
def uninstall_command(session: CommandSession, name: str) -> None:
    """Uninstall a plugin from the environment that runs `asc`.

    NAME is the name of its distribution, which `asc plugins` shows. It calls pip. The files of a folder that was
    installed with --editable stay where they are.
    """
    if same(name, CORE):
        raise AscError(f"{CORE} is asc itself, and `asc uninstall` removes only plugins. Type: pip uninstall {CORE}")
    before = environment.components()
    own = [row for row in before if same(row.distribution, name)]
    if not own:
        raise AscError(_no_plugin(name, before))
    distribution = own[0].distribution
    environment.uninstall(distribution, _show(session))
    if any(same(row.distribution, distribution) for row in environment.components()):
        raise AscError(
            f"pip left {distribution} where it is, outside the environment that runs asc: what it printed above says "
            "where. Uninstall it there."
        )
    _say(session, f"{distribution} {own[0].version} is uninstalled.")
    if gone := [row for row in own if row.error is None]:
        _say(session, f"Components that are gone: {_listed(gone)}.")


def _wanted(what: str, editable: bool) -> str:
    """Return what pip is to install. Raises AscError where it is neither a package nor a folder of one."""
    if asc.__version__.startswith("0+"):
        raise AscError(
            f"{CORE} is not installed in this environment. Install it first, in a checkout: pip install -e ."
        )
    path = Path(what)
    if path.is_dir():
        return str(_folder(path))
    if path.is_file():
        if not what.endswith(_ARCHIVES):
            raise AscError(
                f'"{what}" is a file; expected a folder. A single file needs no installation: --plugin FILE.py'
            )
        what = str(path.absolute())
    elif "://" not in what and (path.is_absolute() or what.endswith(_ARCHIVES) or "/" in what or "\\" in what):
        raise AscError(f'"{what}" does not exist; expected the folder of a package, or the name of a package.')
    elif "://" not in what:
        _require_package(what)
    if editable:
        raise AscError(f'"{what}" is no folder; --editable takes the folder of a package.')
    return what


def _folder(path: Path) -> Path:
    """Return the whole path of a package's folder. Raises AscError where pip could not install it."""
    about = path / "pyproject.toml"
    if not about.is_file():
        raise AscError(
            f'The folder "{path}" has no pyproject.toml, so it is no package. `asc new` writes a package; a single '
            "file needs none: --plugin FILE.py"
        )
    try:
        tomllib.loads(about.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AscError(f'"{about}" cannot be read: {error}. Correct it, and install the folder again.') from error
    return path.absolute()


def _require_package(what: str) -> None:
    """Raise AscError where this cannot be the name of a package, or is the name of something else."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - only where a name was given

    try:
        name = Requirement(what).name
    except InvalidRequirement as error:
        raise AscError(
            f'"{what}" is no name of a package, and there is no such folder; expected a name such as asc-mine, or a '
            "folder such as ./asc-mine."
        ) from error
    if same(name, CORE):
        raise AscError(f"{CORE} is asc itself. For another version of it, type: pip install --upgrade {CORE}")
    for offer in offers():
        if same(name, offer.name):
            raise AscError(f'The backend "{offer.name}" comes with {offer.distribution}. {offer.sentence}')


def _there(wanted: str) -> Installed:
    """Return the distribution of a package or a wheel that was installed before."""
    from importlib.metadata import version  # noqa: PLC0415 - as above

    from packaging.requirements import Requirement  # noqa: PLC0415

    name = Path(wanted).name.partition("-")[0] if wanted.endswith(_ARCHIVES) else Requirement(wanted).name
    name = normalised(name)
    return Installed(name, version(name), requested=True)


def _no_plugin(name: str, rows: Sequence[Component]) -> str:
    """Say why a distribution cannot be uninstalled as a plugin."""
    for row in rows:
        if row.name == name and row.distribution == CORE:
            return f'The {row.kind} "{name}" is a part of asc itself ({CORE}), so it cannot be uninstalled.'
        if row.name == name:
            return f'The {row.kind} "{name}" comes with {row.distribution}. Type: asc uninstall {row.distribution}'
    known = sorted({row.distribution for row in rows} - {CORE})
    there = f"Plugins come from: {', '.join(known)}." if known else "No plugin is installed."
    return (
        f'No distribution "{name}" provides a plugin of asc{suggestion(name, known)} {there} '
        f"Anything else is uninstalled with: pip uninstall {shlex.quote(name)}"
    )


def _listed(rows: Sequence[Component]) -> str:
    return ", ".join(f"{row.kind} {row.name}" for row in rows)


def _show(session: CommandSession) -> environment.Show:
    def show(line: str) -> None:
        if not line.startswith("Requirement already satisfied"):  # one for each requirement of asc itself
            session.messages.print(Text(line, style="dim"), soft_wrap=True)

    return show


def _say(session: CommandSession, sentence: str) -> None:
    session.console.print(Text(sentence), soft_wrap=True)
