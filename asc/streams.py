"""Standard streams that can always be written to: output is never a reason for a run to die."""

from __future__ import annotations

import os
import select
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Tolerant(FileIO):
    """A file whose writes never fail: what cannot be written is lost. `failure` is the first error.

    A reader that closes a pipe is no error: it has what it wants.
    """

    failure: OSError | None = None
    before: TextIOWrapper  # the stream that this file replaces, which may close it when nothing refers to the stream

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                written = super().write(left)
                if written is None:  # another program has made the terminal non-blocking, and the terminal is busy
                    select.select((), (self,), ())
                left = left[written or 0 :]
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failure = self.failure or error
        return size


def keep_writable() -> None:
    """Make the standard streams accept whatever is written, even if they are closed, full, or without a reader.

    The null device replaces streams that are closed, so that no file of a run gets their numbers. Characters that a
    stream's encoding lacks become question marks. Streams that are not files stay as they are.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = _tolerant(sys.stdout, 1), _tolerant(sys.stderr, 2)


def failure(stream: TextIO) -> OSError | None:
    """Return why a part of what was written to a stream of `keep_writable` is lost."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw.failure if isinstance(raw, _Tolerant) else None


def _tolerant(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:  # it was closed when Python started
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # it is in memory
        return stream
    if not isinstance(stream, TextIOWrapper):
        return stream
    raw, lines, through = _Tolerant(descriptor, "w", closefd=False), stream.line_buffering, stream.write_through
    raw.before = stream
    buffer = raw if through else BufferedWriter(raw)
    return TextIOWrapper(buffer, stream.encoding, "replace", line_buffering=lines, write_through=through)
