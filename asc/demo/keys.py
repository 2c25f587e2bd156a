"""Keys, one at a time and without Enter, on a terminal that is restored afterwards."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Protocol


class Key(Enum):
    """What a key asks for."""

    NEXT, BACK, AGAIN, SKIP, LEAVE = range(5)


_KEYS = {
    **dict.fromkeys((" ", "\r", "\n", "n", "\x1b[C", "\x1bOC", "\x1b[6~"), Key.NEXT),  # right, page down
    **dict.fromkeys(("b", "\x7f", "\x08", "\x1b[D", "\x1bOD", "\x1b[5~"), Key.BACK),  # left, page up
    "r": Key.AGAIN,
    "s": Key.SKIP,
    **dict.fromkeys(("q", "\x04"), Key.LEAVE),
}
_ONE = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)
_WINDOWS_KEYS = {"M": Key.NEXT, "Q": Key.NEXT, "K": Key.BACK, "I": Key.BACK}  # after a prefix


def key_of(pressed: str) -> Key | None:
    """Return what a key asks for, by the characters that it sends."""
    return _KEYS.get(pressed)


def split(pressed: str) -> list[str]:
    """Return the keys that were pressed, one by one. Some keys send several characters."""
    return _ONE.findall(pressed)


class Keys(Protocol):
    """A source of keys."""

    def read(self, seconds: float) -> Key | None:
        """Return the next key that has a meaning, or None after so many seconds."""


@contextmanager
def keys() -> Iterator[Keys]:
    """Read keys of the terminal while entered. Ctrl-C raises KeyboardInterrupt as usual."""
    if sys.platform == "win32":
        yield _Windows()
        return
    import termios  # noqa: PLC0415 -- not on Windows
    import tty  # noqa: PLC0415

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        settings = termios.tcgetattr(terminal)
        settings[6][termios.VSUSP] = b"\0"  # Ctrl-Z would leave the shell on the tour's screen
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        yield _Posix(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


class _Posix:
    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._waiting: list[str] = []  # keys that came together with an earlier one

    def read(self, seconds: float) -> Key | None:
        import select  # noqa: PLC0415 -- does not work with terminals on Windows

        if not self._waiting:
            if not select.select([self._terminal], [], [], seconds)[0]:
                return None
            pressed = os.read(self._terminal, 64)
            if not pressed:  # the terminal was closed
                return Key.LEAVE
            self._waiting = split(pressed.decode(errors="replace"))
        return key_of(self._waiting.pop(0))


class _Windows:
    def read(self, seconds: float) -> Key | None:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if msvcrt.kbhit():
                    pressed = msvcrt.getwch()
                    if pressed == "\x03":
                        raise KeyboardInterrupt
                    return _WINDOWS_KEYS.get(msvcrt.getwch()) if pressed in "\0\xe0" else key_of(pressed)
                time.sleep(0.02)
        return None
