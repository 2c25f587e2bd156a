"""What makes a process a worker: it is deaf, silent, and ends with the main process."""

from __future__ import annotations

import os
import signal

from asc.processes import end_with, restore_environment
from asc_toy.ambient import guard_process


def serve_only(parent: int) -> None:
    """Make this process a worker of the process `parent`.

    It leaves Ctrl-C to that process, ends when that process ends, reads no input, and shows nothing: what a step does
    from a predicted state has not happened. A step that asks a clock, a file or chance is stopped.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    restore_environment()
    end_with(parent)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    guard_process()
