"""The RISC-V backend: its settings, and how computations are made from them, saved and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from asc.backend import Backend
from asc.cache import Cache, TrajectoryCache
from asc.config.run import Component, ExecutedConfig
from asc.errors import AscError
from asc.nearest import suggestion
from asc.settings import Positional
from asc.speculators.pool import NO_WORKERS, Pool
from asc.types import EngineState
from asc_riscv import checkpoint
from asc_riscv.computation import RiscvComputation
from asc_riscv.elf import Program, load_program
from asc_riscv.loops import PROFILE
from asc_riscv.machine import Machine
from asc_riscv.memoising import Memoising
from asc_riscv.process import Process
from asc_riscv.programs import PROGRAMS, compiled

ROUND_TRIP_S = {"threads": 1e-4, "dask": 1.2e-2, "none": 1e-4}  # of a task, there and back
_START_S = 1.5  # typical, of a local cluster
_SHOWN = 4000  # characters of the output in the summary


class RiscvConfig(ExecutedConfig):
    """Settings of `asc run riscv`."""

    elf: Path | None = Field(None, description="a program: a static ELF file for 64-bit RISC-V")
    program: str = Field(
        "collatz",
        description="without a file, the name of a program in C that is compiled at its first use",
        examples=list(PROGRAMS),
    )
    arguments: Annotated[tuple[str, ...], Positional()] = Field((), description="what the program is given")
    standard_input: Path | None = Field(None, description="file that the program reads as its standard input")
    files: tuple[Path, ...] = Field((), description="files that the program may open for reading, by these paths")
    memory: int | None = Field(None, ge=1, description="memory of the machine in MiB; by default what it needs and 16")
    head: str | None = Field(
        None,
        description="where steps begin: an address such as 0x101c8, or the name of a function; by default a profile "
        "chooses the head of a loop",
    )
    profile: int = Field(PROFILE, ge=1000, description="instructions in which loops are looked for")
    predictors: tuple[Component, ...] = Field((Component(name="deref"),), description="what predicts states")
    executor: Literal["threads", "dask", "none"] = Field(
        "threads",
        description="what executes candidates; with none, the main thread only remembers what it has done itself",
    )
    workers: int = Field(
        max(1, (os.cpu_count() or 2) - 1),
        ge=0,
        description="workers beside the main thread; 0 is the same as executor none",
    )

    dask: str | None = Field(
        None, description="address of a running Dask scheduler, tcp://HOST:PORT; by default a local cluster is started"
    )
    movable = given_again = frozenset({"dask"})

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        if self.elf is not None and "program" in self.model_fields_set:
            raise ValueError(
                f"a run has one program, and elf is {str(self.elf)!r} and program {self.program!r}: leave one of them "
                "out"
            )
        return self

    def load(self) -> Program:
        """Load the program. Raises AscError where that is not possible."""
        return compiled(self.program) if self.elf is None else load_program(self.elf)


class RiscvBackend(Backend[RiscvComputation]):
    """Runs a compiled program."""

    Config = RiscvConfig
    config: RiscvConfig

    @cached_property
    def program(self) -> Program:
        """The program, loaded once."""
        return self.config.load()

    @cached_property
    def _given(self) -> tuple[bytes, dict[str, bytes]]:
        """Standard input, and the files by their paths."""
        source = self.config.standard_input
        return b"" if source is None else _content(source), {str(path): _content(path) for path in self.config.files}

    @cached_property
    def _origin(self) -> dict[str, Any]:
        """What a checkpoint is bound to."""
        given = self.config.model_dump(mode="json", include={"arguments", "memory"})
        process = self._process()
        start = RiscvComputation(process).digest()
        return {"program": self.program.name, "start": start, **given}

    def _process(self) -> Process:
        standard_input, files = self._given
        memory = self.config.memory
        return Process(
            self.program,
            self.config.arguments,
            standard_input=standard_input,
            files=files,
            memory_bytes=None if memory is None else memory << 20,
        )

    def computation(self, *, plain: bool) -> RiscvComputation:
        """Make the computation of the program at its start."""
        if plain:
            return RiscvComputation(self._process(), profile=0)
        config = self.config
        memoise = config.cache if config.scheduler.memoise and not self._has_workers else None
        round_trip_s = ROUND_TRIP_S[config.executor]
        return RiscvComputation(self._process(), round_trip_s, self._head(), config.profile, memoise)

    def cache(self, computation: RiscvComputation) -> Cache:
        """Make the trajectory cache; what the machine remembers counts as well."""
        memoising = computation.memoising
        return TrajectoryCache(self.config.cache) if memoising is None else _Remembered(self.config.cache, memoising)

    @property
    def _has_workers(self) -> bool:
        return self.config.workers > 0 and self.config.executor != "none"

    def _head(self) -> int | None:
        """Return the address that the settings name."""
        name, symbols = self.config.head, self.program.symbols
        if name is None or name in symbols:
            return None if name is None else symbols[name][0]
        try:
            return int(name, 0)
        except ValueError:
            known = suggestion(name, symbols)
            raise AscError(
                f"head is {name!r}, which is no address and no function of {self.program.name}: give an address in its "
                f"code, as in --head 0x101c8, or leave it out{known}"
            ) from None

    def pool(self, computation: RiscvComputation) -> Pool:
        """Return threads, since a machine runs without Python's lock; or processes of a Dask cluster."""
        workers = self.config.workers
        if not self._has_workers:
            return NO_WORKERS
        if self.config.executor == "dask":
            return Pool(partial(_cluster, workers, self.config.dask, computation.process.machine), workers, _START_S)
        return Pool(partial(ThreadPoolExecutor, workers, "asc-worker"), workers, queues=True, hand_over_s=0.0)

    def save(self, computation: RiscvComputation, folder: Path, state: EngineState) -> None:
        """Write a checkpoint. The engine's state is not needed: an executed run is exact without it."""
        checkpoint.save(computation, folder, self._origin)

    def load(self, computation: RiscvComputation, folder: Path) -> EngineState | None:
        """Go to the checkpoint."""
        return EngineState() if checkpoint.load(computation, folder, self._origin) else None

    def finish(self, computation: RiscvComputation, folder: Path) -> None:
        """Write all that was printed, byte by byte, into files of these names."""
        for number, name in _OUTPUTS.items():
            if printed := computation.process.system.written(number):
                (folder / name).write_bytes(printed)

    def outcome(self, computation: RiscvComputation) -> Mapping[str, Any]:
        """Return the exit status, and what was printed, the beginning of it where that is long."""
        system = computation.process.system
        printed = {name: system.written(number) for number, name in _OUTPUTS.items()}
        return {
            "exit status": system.exit_status,
            "instructions": computation.process.machine.instructions,
            **{name: _shown(content) for name, content in printed.items() if content},
        }


class _Remembered(TrajectoryCache):
    """The trajectory cache, whose counts include what the machine remembers in C."""

    def __init__(self, config: TrajectoryCache.Config, memoising: Memoising) -> None:
        super().__init__(config)
        self._memoising = memoising

    def stats(self) -> Mapping[str, int]:
        """Return the counts of both, and the instructions that the machine leapt over."""
        own, counts = super().stats(), self._memoising.counts()._asdict()
        return {name: own.get(name, 0) + count for name, count in counts.items()}


def _cluster(workers: int, address: str | None, machine: Machine) -> Executor:
    from asc_riscv.cluster import Cluster  # noqa: PLC0415 -- an optional extra, slow to import

    return Cluster(workers, address, machine)


_OUTPUTS = {1: "output", 2: "errors"}


def _shown(printed: bytes) -> str:
    text = printed.decode("utf-8", "replace")
    if any(character in text for character in "\0\ufffd"):
        return f"{len(printed):,} bytes that are no text"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AscError(
            f"cannot read {path}: {error.strerror or error}. Name a file that the program may read."
        ) from error
