"""`asc demo`: a guided tour in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from asc.calls import call
from asc.cli.session import CommandSession, plugin_option
from asc.errors import AscError, what_it_did

if TYPE_CHECKING:
    from asc.demo.page import Page


@click.command("demo")
@plugin_option
@click.option("--page", "first", type=int, default=1, show_default=True, metavar="N", help="page to begin with")
@click.option(
    "--auto",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="turn each page so many seconds after its end",
)
@click.option(
    "--speed", type=click.FloatRange(min=0.1, max=100), default=1.0, show_default=True, help="2 is twice as fast"
)
@click.pass_context
def demo_command(context: click.Context, first: int, auto: float | None, speed: float) -> None:
    """Show speculation at work, page by page, in about three minutes.

    It needs no network and no GPU. Everything that it shows is computed while you watch.

    Space turns the page, b goes back, r runs it again, s skips to its end, q leaves. In a pipe all pages are printed.
    """
    from asc.demo.show import show  # noqa: PLC0415 -- numpy and the engine, which no other command waits for
    from asc.demo.tour import Tour  # noqa: PLC0415
    from asc.demo.where_next import Installed  # noqa: PLC0415
    from asc.plugins.offers import offers  # noqa: PLC0415

    session: CommandSession = context.obj
    group = context.parent.command if context.parent else None
    commands = group.list_commands(context) if isinstance(group, click.Group) else []
    backends = {entry.name: entry.summary for entry in session.plugins.registry.entries("backend")}
    pages = Tour(Installed(commands, backends, [offer.name for offer in offers()]), _added(session)).pages()
    if not 1 <= first <= len(pages):
        raise AscError(f"There is no page {first}: the tour has pages 1 to {len(pages)}, such as asc demo --page 2.")
    show(session.console, pages, first, speed, auto)


def _added(session: CommandSession) -> list[Page]:
    """Return the pages of plugins. One that raises, or answers anything else, adds none."""
    from asc.answers import instance  # noqa: PLC0415
    from asc.demo.added import guarded  # noqa: PLC0415
    from asc.demo.page import Page  # noqa: PLC0415

    found: list[Page] = []
    for plugin, pages in session.plugins.calls("asc_demo_pages"):
        title = session.plugins.source(plugin).title
        try:
            made: Any = call(f'the plugin "{plugin}"', pages)
            found += [guarded(title, instance("", page, Page, "a list of asc.demo.page.Page")) for page in made]
        except Exception as error:  # noqa: BLE001 -- whatever a plugin raises, the tour has its own pages
            session.warn(f"{title} adds no page to the tour: its asc_demo_pages {what_it_did(error)}.")
    return found
