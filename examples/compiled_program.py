"""See what a compiled C program reads and writes, and make it finish sooner without a change to it.

The program below is compiled for RISC-V. Look first at one stretch of its loop: which registers it read, with the
values that a prediction must get right, and what it only added to, which no prediction needs. Then the whole program
runs plainly and with one worker. It needs a compiler: pip install 'asc-riscv[compiler]'.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc_riscv import Effect, Process, Program, load_program, programs
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.loops import choose_loop
from asc_riscv.registers import names_in

SOURCE = """\
#define SIZE 1000
#include "start.h"                       /* print, and the start of a program */

static void run(long size)
{
    unsigned long total = 0;
    for (unsigned long start = 1; start < (unsigned long)size; start++)
        for (unsigned long number = start; number != 1; total++)
            number = number % 2 == 0 ? number / 2 : 3 * number + 1;
    print("steps", total);
}
"""


def stretch(program: Program, size: int, turns: int) -> Effect | None:
    """Return what so many turns of the program's loop read and wrote; None where it has no loop."""
    process = Process(program, [str(size)])
    if choose_loop(process) is None or process.is_finished:
        return None
    process.machine.begin_stretch()
    process.machine.run_tracked(arrivals=turns)
    return process.machine.effect()


def show(effect: Effect, turns: int) -> None:
    """Print an effect."""
    print(f"{turns} turns of the loop at {effect.start_pc:#x} are {effect.instructions:,} instructions. They")
    rows = (
        ("read", effect.registers_read, effect.read_registers),
        ("wrote", effect.registers_written, effect.written_registers),
        ("added", effect.registers_added, effect.added),
    )
    for deed, registers, values in rows:
        pairs = zip(names_in(registers), values.tolist(), strict=True)
        print(f"  {deed:6}", ", ".join(f"{name} = {value:,}" for name, value in pairs) or "nothing")
    print(f"  and read {len(effect.words_read)} and wrote {len(effect.words_written)} words of the memory.")


def run(elf: Path, size: int, *, speculate: bool) -> dict[str, Any]:
    """Run the program, and return the summary."""
    config = RiscvConfig(elf=elf, arguments=(str(size),), workers=1)
    return dict(Run(RiscvBackend(config), "riscv", load(), speculate=speculate).execute())


def main(size: int, turns: int) -> None:
    """Compile the program, show a stretch of it, and run it twice."""
    with tempfile.TemporaryDirectory() as folder:
        source, elf = Path(folder) / "steps.c", Path(folder) / "steps"
        source.write_text(SOURCE, encoding="utf-8")
        headers = Path(programs.__file__).parent
        programs.find_compiler().compile([source], elf, [f"-I{headers}", "-O1"])
        effect = stretch(load_program(elf), size, turns)
        if effect is not None:
            show(effect, turns)
        plain, speculative = (run(elf, size, speculate=speculate) for speculate in (False, True))
    print(plain["outcome"]["output"].strip())
    print(f"plain {plain['seconds']:.2f} s, with one worker {speculative['seconds']:.2f} s")
    print(textwrap.fill(speculative["reason"], 80))
    same = plain["final_digest"] == speculative["final_digest"]
    print("Both ended in the same state, bit for bit." if same else "THE ENDS DIFFER: please report it.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4_000_000)
    parser.add_argument("--turns", type=int, default=1000)
    options = parser.parse_args()
    try:
        main(options.size, options.turns)
    except AscError as error:
        sys.exit(str(error))
