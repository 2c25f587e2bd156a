"""The peak of memory that a training took."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")  # Linux has it


def peak_memory(device: torch.device) -> int:
    """Return the peak of memory in bytes: the device's on CUDA, else the process's; 0 where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.exists():  # the peak of `getrusage` includes the parent process
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    try:
        import resource  # noqa: PLC0415 -- Windows has no such module
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
