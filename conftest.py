"""What tests must not depend on: a busy machine, and how the process that started them treats signals."""

from __future__ import annotations

import gc
import signal

from hypothesis import settings

settings.register_profile("asc", deadline=None)  # on a busy machine an example may take its time
settings.load_profile("asc")

# What is started by nohup, or in the background of a script, ignores these, and so would all that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for name in ("SIGTERM", "SIGHUP"):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collections, which would search it for half a second each.

    Transformers, for one, collects garbage in every training.
    """
    gc.collect()
    gc.freeze()
