"""Silence of transformers, because the run uses the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """Within, transformers prints nothing on the terminal."""
    from transformers.utils import logging as found  # noqa: PLC0415 -- seconds to import

    logging: Any = found  # typed in part only
    level: int = logging.get_verbosity()
    bars = bool(logging.is_progress_bar_enabled())
    restore: Callable[[], None] = logging.enable_progress_bar if bars else logging.disable_progress_bar
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        restore()
