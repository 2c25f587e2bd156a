"""Pages that plugins add. A scene that raises says so on its own page, and the tour continues."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from rich.console import RenderableType
from rich.text import Text

from asc.demo.page import Page, PageLeft, Room, Scene, Tempo
from asc.errors import what_it_did

T = TypeVar("T")


def guarded(title: str, page: Page) -> Page:
    """Return the page of a plugin of this title, which raises nothing itself."""
    return page._replace(scene=partial(Guarded, title, page.scene))


class Guarded:
    """A plugin's scene. In place of what cannot be shown there is a sentence."""

    def __init__(self, title: str, scene: Callable[[Tempo], Scene], tempo: Tempo) -> None:
        self._title, self._fault = title, ""
        self._scene = self._made(partial(scene, tempo))

    def play(self) -> None:
        """Compute to the end, or until the scene raises."""
        if self._scene is not None:
            self._made(self._scene.play)

    def draw(self, room: Room) -> RenderableType:
        """Return what there is to see, or why there is nothing."""
        drawn = None if self._scene is None or self._fault else self._made(partial(self._scene.draw, room))
        return Text(f"{self._title} cannot show this page: it {self._fault}.") if drawn is None else drawn

    def _made(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except PageLeft:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever a plugin raises, the tour continues
            self._fault = what_it_did(error)
            return None
