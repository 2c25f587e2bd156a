"""Messages between the main process and a worker, over a pair of sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple, Self

_HEAD = struct.Struct("!QQ")  # number and size, before each message
_SMALL = 1 << 14  # bytes up to which messages are copied to be sent together
_PIECE = 1 << 18  # bytes that are read at once
_STILL_S = 10.0  # without any byte of a message that has begun, after which the worker is taken to be stuck


class Message(NamedTuple):
    """A call or an answer, and the number of the call."""

    number: int
    data: bytes


class Wire:
    """One end of a connection, whose other end may be stuck or stopped in the midst of a message.

    Raises TimeoutError, which is an OSError, where the other end does not move on, and OSError where it has closed.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._received = bytearray()  # the beginning of a message

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Return both ends: the main process's, and the worker's, which waits as long as it takes."""
        ours, theirs = socket.socketpair()
        ours.settimeout(_STILL_S)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        """Return the number of the file to wait for."""
        return self._end.fileno()

    def send(self, messages: Iterable[Message]) -> None:
        """Send messages, small ones together."""
        together = bytearray()
        for number, data in messages:
            together += _HEAD.pack(number, len(data))
            if len(data) < _SMALL:
                together += data
            if len(together) >= _SMALL or len(data) >= _SMALL:
                self._send(together)
                together.clear()
            if len(data) >= _SMALL:
                self._send(data)
        self._send(together)

    def receive(self) -> list[Message]:
        """Wait for a message, and return it with the others that are there."""
        self._read(_HEAD.size)
        self._read(_HEAD.size + _HEAD.unpack_from(self._received)[1])
        messages, at, there = list[Message](), 0, len(self._received)
        while there - at >= _HEAD.size:
            number, size = _HEAD.unpack_from(self._received, at)
            end = at + _HEAD.size + size
            if end > there:
                break
            messages.append(Message(number, bytes(memoryview(self._received)[end - size : end])))
            at = end
        del self._received[:at]
        return messages

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _send(self, data: bytes | bytearray) -> None:
        with memoryview(data) as left:
            sent = 0
            while sent < len(left):
                sent += self._end.send(left[sent:])

    def _read(self, least: int) -> None:
        """Read until so many bytes are there."""
        while len(self._received) < least:
            piece = self._end.recv(_PIECE)
            if not piece:
                raise ConnectionResetError("the other end has closed")
            self._received += piece
