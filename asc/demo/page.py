"""What a page of the tour is: a title, some sentences, and a scene that computes what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from rich.console import RenderableType

from asc.demo.pace import Pace


class Room(NamedTuple):
    """Columns and rows that a scene has."""

    width: int
    height: int

    @property
    def roomy(self) -> bool:
        """Whether a large terminal can be made use of."""
        return self.width >= 100 and self.height >= 24


class Scene(Protocol):
    """Something that is computed while it is looked at. It is played once, and drawn as often as the eye wants."""

    def play(self) -> None:
        """Compute to the end; called in a thread of its own where somebody watches."""

    def draw(self, room: Room) -> RenderableType:
        """Return what there is to see now; called at any moment, also before it is played."""


class Page(NamedTuple):
    """One page."""

    title: str
    words: str
    scene: Callable[[Pace], Scene]
