"""Plays a scene in a thread of its own, so that keys are heard meanwhile."""

from __future__ import annotations

import threading

from asc.demo.pace import Left, Pace
from asc.demo.page import Page

_PATIENCE_S = 5.0


class Player:
    """One playing of a page's scene."""

    def __init__(self, page: Page, speed: float) -> None:
        self._pace = Pace(speed)
        self.scene = page.scene(self._pace)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._play, name="asc-demo-scene", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it is played to its end. Raises what the scene has raised."""
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Leave the page, whatever is going on there."""
        self._pace.leave()
        self._thread.join(_PATIENCE_S)

    def _play(self) -> None:
        try:
            self.scene.play()
        except Left:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again where it is heard
            self._error = error
