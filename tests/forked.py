"""Programs in processes of their own, forked from a server that has imported torch and transformers.

A new interpreter imports them for seconds; torchrun starts three.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

HANG_S = 280.0
"""Seconds after which a program is taken to hang, many times what any of them needs."""
RANKS = 2
_IMPORTED = ["torch.distributed.fsdp", "transformers.trainer", "accelerate"]


def run(arguments: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Do what `python ARGUMENTS` does in a folder; the arguments are those of a script, or `-m` and those of a module.

    Raises AssertionError where the program hangs.
    """
    return _run(arguments, cwd, [{}])


def run_ranks(arguments: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Do what `torchrun --standalone --nproc-per-node 2 ARGUMENTS` does in a folder; see `run`.

    The exit code is the first one that is not 0. What the two ranks print is mixed.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=HANG_S))
    shared = {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RUN_ID": "forked",
        "WORLD_SIZE": str(RANKS),
        "LOCAL_WORLD_SIZE": str(RANKS),
        "GROUP_RANK": "0",
    }
    return _run(arguments, cwd, [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(RANKS)])


def _run(
    arguments: Sequence[str | Path], cwd: Path, environments: Sequence[Mapping[str, str]]
) -> subprocess.CompletedProcess[str]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    given = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("out", "err")]
        processes = [
            context.Process(target=_program, args=(given, cwd, files, {**os.environ, **environment}))
            for environment in environments
        ]
        for process in processes:
            process.start()
        deadline = time.monotonic() + HANG_S
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        hang = [process for process in processes if process.is_alive()]
        for process in hang:
            process.kill()
            process.join()
        out, err = (file.read_text(encoding="utf-8") for file in files)
        assert not hang, f"the program hangs: {err}"
        code = next((process.exitcode for process in processes if process.exitcode), 0)
        return subprocess.CompletedProcess(given, code, out, err)


def _program(arguments: list[str], cwd: Path, files: list[Path], environment: dict[str, str]) -> None:
    import torch

    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, str(cwd))
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        runpy.run_path(sys.argv[0], run_name="__main__")
