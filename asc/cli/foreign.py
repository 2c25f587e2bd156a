"""What a backend or a study raises, as a sentence that names it: the command line shows no traceback of a plugin."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asc.errors import AscError, WrongAnswerError, what_it_did
from asc.plugins.entry import Entry

TRACEBACK = "traceback.txt"

_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EROFS}


@contextmanager
def blaming(entry: Entry, folder: Path | None = None) -> Iterator[None]:
    """Raise AscError in place of what the component raises; where there is a folder, the traceback is kept in it."""
    try:
        yield
    except AscError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            raise
        kept = ""
        if folder is not None and not isinstance(error, WrongAnswerError):
            with suppress(OSError):
                (folder / TRACEBACK).write_text("".join(traceback.format_exception(error)), encoding="utf-8")
                kept = f" The traceback is in {folder / TRACEBACK}"
        raise AscError(f"{entry.title} {what_it_did(error)}.{kept}") from error
