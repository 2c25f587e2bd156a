"""Drawn programs end as they do by themselves, whatever is speculated, wherever they were stopped and resumed."""

from __future__ import annotations

import random
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from assembler import BASE, CODE, DATA, DATA_BYTES, ECALL, MIDDLE, addi, b_type, encoded
from drawn import ADDING, looping
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc.plugins import load
from asc.run.record import CHECKPOINTS
from asc.run.run import Run
from asc.speculators.pool import Pool
from asc.testing.executors import Inline
from asc.types import EngineState
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.computation import RiscvComputation
from asc_riscv.elf import Program, Segment

TURNS, NUMBER, STATUS = 26, 17, 10
"""Registers: turns of the outer loop that are left, and number and argument of a system call."""

LUI, PLUGINS = 0x37, load()


def whole(body: list[int], turns: int, seed: int) -> Program:
    """Return a program that does the body so many times, and exits."""
    begin = [(MIDDLE >> 12) + 1 << 12 | BASE << 7 | LUI, addi(BASE, BASE, MIDDLE % 4096 - 4096)]
    loop = [*body, addi(TURNS, TURNS, -1)]
    back = b_type(1, TURNS, 0, -4 * len(loop))
    code = encoded([*begin, addi(TURNS, 0, turns), *loop, back, addi(NUMBER, 0, 93), addi(STATUS, 0, 0), ECALL])
    data = random.Random(seed).randbytes(DATA_BYTES)
    segments = (Segment(CODE, code, len(code), True, False), Segment(DATA, data, DATA_BYTES, False, True))
    return Program("drawn", CODE, segments, range(CODE, CODE + len(code)), DATA, {}, (0, 0, 0))


class Backend(RiscvBackend):
    """Runs a drawn program, with candidates executed at once or by threads."""

    def __init__(self, drawn: Program, threads: int) -> None:
        scheduler = {"overdraft": 1000.0}
        recognizer = {"name": "recurring", "distance": 3}
        given = {"profile": 1000, "memory": 1, "scheduler": scheduler, "recognizer": recognizer}
        super().__init__(RiscvConfig.model_validate(given))
        self._drawn, self._threads = drawn, threads

    @property
    def program(self) -> Program:  # type: ignore[override]
        return self._drawn

    def pool(self, computation: RiscvComputation) -> Pool:
        make: partial[Executor] = partial(ThreadPoolExecutor, self._threads) if self._threads else partial(Inline)
        return Pool(make, max(1, self._threads), hand_over_s=0.0)


def end(run: Run) -> str:
    """Return the digest of the end, or what the program did that the machine refuses."""
    try:
        return str(run.execute()["final_digest"])
    except AscError as error:
        return str(error)


@settings(max_examples=60)
@given(
    looping(ADDING) | looping(),
    st.integers(1, 2000),
    st.integers(0, 99),
    st.sampled_from([0, 0, 2]),
    st.integers(0, 99),
)
def test_a_run_ends_as_the_program_by_itself(body: list[int], turns: int, seed: int, threads: int, cut: int) -> None:
    drawn = whole(body, turns, seed)
    plain = end(Run(Backend(drawn, 0), "riscv", PLUGINS, speculate=False))
    assert end(Run(Backend(drawn, threads), "riscv", PLUGINS)) == plain
    stopped = Backend(drawn, threads)
    computation = stopped.computation(plain=False)
    try:
        computation.advance(1 + cut * turns // 100)
    except AscError:  # the run above has ended there as well
        return
    with TemporaryDirectory() as folder:
        stopped.save(computation, Path(folder) / CHECKPOINTS, EngineState())
        resumed = Run(Backend(drawn, threads), "riscv", PLUGINS, folder=Path(folder), resume=True)
        assert end(resumed) == plain
