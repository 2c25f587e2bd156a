"""Messages between the main process and a worker, over a pair of sockets."""

from __future__ import annotations

import socket
import struct
from typing import Self

_SIZE = struct.Struct("!Q")  # before each message
_SMALL = 1 << 14  # bytes of a message that is copied to be sent at once
_STILL_S = 10.0  # without any byte of a message that has begun, after which the worker is taken to be stuck


class Wire:
    """One end of a connection, whose other end may be stuck or stopped in the midst of a message.

    Raises TimeoutError, which is an OSError, where the other end does not move on, and OSError where it has closed.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Return both ends: the main process's, and the worker's, which waits as long as it takes."""
        ours, theirs = socket.socketpair()
        ours.settimeout(_STILL_S)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        """Return the number of the file to wait for."""
        return self._end.fileno()

    def send(self, data: bytes) -> None:
        """Send a message."""
        size = _SIZE.pack(len(data))
        for part in (size + data,) if len(data) < _SMALL else (size, data):
            left = memoryview(part)
            while left:
                left = left[self._end.send(left) :]

    def receive(self) -> bytearray:
        """Wait for a message, and return it."""
        (size,) = _SIZE.unpack(self._exactly(_SIZE.size))
        return self._exactly(size)

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        left = memoryview(data)
        while left:
            received = self._end.recv_into(left)
            if not received:
                raise ConnectionResetError("the other end has closed")
            left = left[received:]
        return data
