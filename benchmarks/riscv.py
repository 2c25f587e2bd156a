"""How fast the RISC-V machine is, and what tracking costs, in paired runs.

    python benchmarks/riscv.py [--pairs 5] [--only collatz ...] [--superstep 20000] [--quick]

Each program runs plainly, then tracked in supersteps of so many instructions, in turns, with the time of the process
that runs it (the effects are not taken; see below). `f` is the tracked time over the plain one. Beside it stand the
program compiled for this computer by the same kind of compiler with -O1, and the same instructions in unicorn. Last,
the cost of an effect by its size: to compare it and to apply it, called from Python (about 50 ns are the call); and the
cost of a hit in a run with a memo: to look up, compare and apply an effect that read 4 words.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import RESULTS, spread, with_origin, write_result
from rich.console import Console
from rich.table import Table

from asc_riscv import Machine, Process, Program, compiled
from asc_riscv.elf import Segment
from asc_riscv.machine import NO_LIMIT
from asc_riscv.memo import Memo
from asc_riscv.native import extension
from asc_riscv.programs import PROGRAMS, Compiler, compilers
from asc_riscv.stop import STOP_REASONS

SIZES = {
    "collatz": 1_000_000,
    "collatz_count": 1_000_000,
    "histogram": 4_000_000,
    "lexer": 4_000_000,
    "list_hash": 20,
    "list_ordered": 2_000,
    "list_shuffled": 2_000,
    "matrix": 320,
    "pi": 30_000_000,
    "sieve": 8_000_000,
    "sha256": 100_000,
}
_EXIT = (93, 94)


def timed(program: Program, size: int, superstep: int | None) -> tuple[float, int]:
    """Run a program to its end; return the seconds of processor time, and the instructions."""
    process = Process(program, [str(size)])
    handle, library, budget = process.machine.handle, extension().lib, superstep or NO_LIMIT
    run = library.machine_run if superstep is None else library.machine_run_tracked
    begin, used_up, call = library.machine_begin_stretch, library.STOP_BUDGET, library.STOP_ECALL
    began = time.process_time()
    while not process.is_finished:  # as little Python as possible: a superstep takes microseconds
        if superstep is not None:
            begin(handle)
        reason = run(handle, budget, NO_LIMIT)
        if reason == used_up:
            continue
        if reason != call:
            raise SystemExit(f"{program.name} stopped: {STOP_REASONS[reason].value}")
        process.system.answer()
    return time.process_time() - began, process.machine.instructions


def native_s(name: str, size: int, folder: Path) -> float | None:
    """Seconds of processor time of the program on this computer; None without a compiler."""
    command = shutil.which("gcc") or shutil.which("cc")
    if command is None:
        return None
    made = folder / name
    Compiler("cc", (command,)).compile([Path(compilers.__file__).parent / f"{name}.c"], made)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([made, str(size)], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def unicorn_s(program: Program, size: int) -> float | None:
    """Seconds of processor time in unicorn, from the state in which our machine begins; None where it is missing."""
    try:
        import unicorn  # noqa: PLC0415 -- only for this column
        from unicorn import riscv_const as names  # noqa: PLC0415
    except ImportError:
        return None
    begin = Process(program, [str(size)]).machine
    bytes_of_memory = begin.memory.nbytes // 4096 * 4096
    other = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    other.mem_map(begin.base, bytes_of_memory)
    other.mem_write(begin.base, begin.memory[:bytes_of_memory].tobytes())
    other.reg_write(names.UC_RISCV_REG_MSTATUS, 0x6000)
    for number in range(1, 32):
        other.reg_write(names.UC_RISCV_REG_X0 + number, int(begin.registers[number]))

    def on_call(emulator: Any, _number: int, _data: Any) -> None:
        if emulator.reg_read(names.UC_RISCV_REG_X17) in _EXIT:
            emulator.emu_stop()

    other.hook_add(unicorn.UC_HOOK_INTR, on_call)
    began = time.process_time()
    other.emu_start(begin.pc, begin.base + bytes_of_memory - 4)
    return time.process_time() - began


def measured(name: str, pairs: int, size: int, superstep: int, folder: Path) -> dict[str, Any]:
    """Return a row: the figures of one program."""
    program = compiled(name)
    plain, ratios, instructions = [], [], 0
    for _ in range(pairs):
        seconds, instructions = timed(program, size, None)
        plain.append(seconds)
        ratios.append(timed(program, size, superstep)[0] / seconds)
    return {
        "row": name,
        "size": size,
        "instructions": instructions,
        "superstep": superstep,
        "plain_mips": spread([instructions / seconds / 1e6 for seconds in plain]),
        "plain_s": spread(plain),
        "f": spread(ratios),
        "native_s": native_s(name, size, folder),
        "unicorn_s": unicorn_s(program, size),
    }


def effect_costs(program: Program) -> list[dict[str, Any]]:
    """Return the cost of comparing and applying effects of supersteps of growing length, called from Python."""
    native = extension()
    rows = []
    for superstep in (20, 200, 2_000, 20_000, 200_000):
        machine = Process(program, ["5000000"]).machine
        machine.run(3_000_000)
        machine.begin_stretch()
        machine.run_tracked(superstep)
        effect = machine.effect()
        assert effect is not None
        machine.undo_stretch()
        pointer, handle = effect.pointer(native.ffi), machine.handle
        matches, apply = native.lib.effect_matches, native.lib.effect_apply
        repeats = 2_000_000 // (100 + len(effect.words_read) + len(effect.words_written))
        costs = {}
        began = time.process_time()
        for _ in range(repeats):
            matches(pointer, handle)
        costs["matches"] = time.process_time() - began
        began = time.process_time()
        for _ in range(repeats):
            apply(pointer, handle)
        costs["apply"] = time.process_time() - began
        sizes = {"words_read": len(effect.words_read), "words_written": len(effect.words_written)}
        times = {f"{name}_ns": seconds / repeats * 1e9 for name, seconds in costs.items()}
        rows.append({"superstep": superstep, "registers_read": effect.registers_read.bit_count(), **sizes, **times})
    return rows


_READS_FOUR_WORDS = (
    0x02800593,  # li a1, 40
    0x0004B703,  # ld a4, 0(s1): the head of a loop
    0x0084B783,  # ld a5, 8(s1)
    0x0104B803,  # ld a6, 16(s1)
    0x0184B883,  # ld a7, 24(s1)
    0xFFF58593,  # addi a1, a1, -1
    0xFE0596E3,  # bnez a1, the head
    0xFFF68693,  # addi a3, a3, -1: an exit
    0xFE0690E3,  # bnez a3, the first instruction
    0x00100073,  # ebreak
)
_S1, _A1, _A3 = 9, 11, 13  # registers


def hit_ns(hits: int = 1_000_000) -> float:
    """Return the processor time of a hit in nanoseconds, with the four instructions between two of them."""
    code, data = struct.pack(f"<{len(_READS_FOUR_WORDS)}I", *_READS_FOUR_WORDS), range(0x20000, 0x21000)
    segments = (
        Segment(0x10000, code, len(code), is_executable=True, is_writable=False),
        Segment(data.start, b"", len(data), is_executable=False, is_writable=True),
    )
    program = Program("four words", 0x10000, segments, range(0x10000, 0x10000 + len(code)), data.start, {}, (0, 0, 0))
    machine = Machine(program, memory_bytes=1 << 18)
    machine.registers[_S1], machine.registers[_A3] = data.start, hits
    machine.watch(program.entry + 4, [program.entry + 28])
    memo = Memo(machine, 1 << _A1)
    began = time.process_time()
    machine.run(memo=memo)
    return (time.process_time() - began) / memo.counts().hits * 1e9


def show(rows: list[dict[str, Any]], effects: list[dict[str, Any]], hit: dict[str, float]) -> None:
    """Print the tables."""
    table = Table("program", "million instructions a second", "f", "plain s", "native -O1 s", "unicorn s")
    for row in rows:
        beside = [f"{row[key]:.2f}" if row[key] is not None else "" for key in ("native_s", "unicorn_s")]
        figures = (f"{row['plain_mips']['median']:.0f}", f"{row['f']['median']:.2f}", f"{row['plain_s']['median']:.2f}")
        table.add_row(row["row"], *figures, *beside)
    costs = Table(*effects[0])
    for effect in effects:
        costs.add_row(*(f"{value:,.0f}" for value in effect.values()))
    for each in (table, costs):
        Console().print(each)
    print(f"a hit that reads 4 words: {hit['median']:.0f} ns")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs a program")
    parser.add_argument("--only", nargs="*", choices=PROGRAMS, default=PROGRAMS, help="programs")
    parser.add_argument("--superstep", type=int, default=20_000, help="instructions of a tracked superstep")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; nothing is written")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name in chosen.only:
            size = SIZES[name] // 20 if chosen.quick else SIZES[name]
            rows.append(measured(name, 1 if chosen.quick else chosen.pairs, size, chosen.superstep, Path(folder)))
    effects = effect_costs(compiled("sieve"))
    hit = spread([hit_ns() for _ in range(chosen.pairs)])
    show(rows, effects, hit)
    if not chosen.quick:
        body = {"rows": with_origin(rows, " ".join(["python", *sys.argv])), "effects": effects, "hit_ns": hit}
        print(f"written to {write_result('riscv', body).relative_to(RESULTS.parent.parent)}")


if __name__ == "__main__":
    main()
