"""Programs that were never written for this, compiled unmodified: `python benchmarks/riscv_public.py FOLDER [NAME...]`.

The folder holds the sources as their authors publish them, unpacked: `bzip2-1.0.8`, `lua-5.4.4`, `zopfli-zopfli-1.0.3`.
Each program is compiled for RISC-V by ziglang and for this computer by its own compiler. What both print must be the
same bytes. Then it runs plainly and with speculation by one worker, in turns, as in `riscv_runs.py`, and all runs must
end in the same state. Rows go to results/riscv-public.json.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from measure import RESULTS, read_rows, with_origin, write_result
from riscv_runs import compared, in_turns

from asc.plugins import load
from asc.run.run import Run
from asc_riscv.backend import RiscvBackend, RiscvConfig

COLLATZ = """
for start = 1, tonumber(arg[1]) do
  local n, steps = start, 0
  while n ~= 1 do
    if n % 2 == 0 then n = n // 2 else n = 3 * n + 1 end
    steps = steps + 1
  end
  if steps > 400 then print(start, steps) end
end
"""
STRINGS = """
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(tonumber(arg[1])))
local words = {}
for i = 1, 20000 do words[i] = string.format("%d:%.3f", i, math.sqrt(i)) end
table.sort(words)
print(#table.concat(words, " "), words[1], words[#words])
"""


MEMORY = 256  # MiB


class Work(NamedTuple):
    """A program: where its sources are, and what it is given."""

    folder: str
    left_out: tuple[str, ...]
    """Files that are no part of the program."""
    arguments: tuple[str, ...]
    files: dict[str, str]
    bytes_of_text: int
    """Of Python's own library, in the file `text` and as standard input."""


LUA, BZIP2, ZOPFLI = "lua-5.4.4/src", "bzip2-1.0.8", "zopfli-zopfli-1.0.3/src/zopfli"
TOOLS = ("bzip2recover.c", "dlltest.c", "mk251.c", "spewG.c", "unzcrash.c")
WORKS = {
    "lua: Collatz": Work(LUA, ("luac.c",), ("script.lua", "300000"), {"script.lua": COLLATZ}, 0),
    "lua: strings": Work(LUA, ("luac.c",), ("script.lua", "27"), {"script.lua": STRINGS}, 0),
    "bzip2": Work(BZIP2, TOOLS, ("-c",), {}, 3_000_000),
    "zopfli": Work(ZOPFLI, (), ("-c", "text"), {}, 40_000),
}


def text(size: int) -> bytes:
    """Return so many bytes of Python's own library."""
    found = b""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        if len(found) >= size:
            break
        found += path.read_bytes()
    return found[:size]


def compile_for(compiler: list[str], work: Work, sources: Path, target: Path) -> None:
    """Compile a program."""
    files = sorted(path for path in (sources / work.folder).glob("*.c") if path.name not in work.left_out)
    if not files:
        raise SystemExit(f"{sources / work.folder} has no sources: unpack them there, as the help says.")
    command = [*compiler, "-O1", "-w", "-o", str(target), *map(str, files), "-lm"]
    subprocess.run(command, check=True)


def measured(name: str, sources: Path, pairs: int, folder: Path) -> dict[str, Any]:
    """Return a row."""
    work, elf, native = WORKS[name], folder / "program.elf", folder / "program"
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-linux-musl", "-static"]
    compile_for(zig, work, sources, elf)
    compile_for([shutil.which("gcc") or "cc"], work, sources, native)
    for file, content in work.files.items():
        (folder / file).write_text(content, encoding="utf-8")
    given = folder / "text"
    given.write_bytes(text(work.bytes_of_text))
    with given.open("rb") as stdin:
        printed = subprocess.run([native, *work.arguments], cwd=folder, stdin=stdin, capture_output=True, check=True)
    settings = {"elf": elf, "arguments": work.arguments, "standard_input": given, "files": [*work.files, "text"]}
    config = RiscvConfig.model_validate({**settings, "memory": MEMORY, "workers": 1})
    outputs = set[bytes]()

    def run(speculate: bool) -> dict[str, Any]:
        with chdir(folder):
            made = Run(RiscvBackend(config), "riscv", load(), speculate=speculate)
            summary = dict(made.execute())
        outputs.add(made.computation.process.system.written())
        return summary

    found = compared(in_turns(run, pairs))
    return {"row": name, "printed": len(printed.stdout), "as_native": outputs == {printed.stdout}, **found}


def main() -> None:
    """Measure the programs that are named, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with the sources")
    parser.add_argument("names", nargs="*", choices=[*WORKS, []], metavar="NAME", help="by default all")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    command = shlex.join(["python", "benchmarks/riscv_public.py", "FOLDER", *options.names])
    known = read_rows("riscv-public", options.results)
    for name in options.names or WORKS:
        with tempfile.TemporaryDirectory() as folder:
            row = measured(name, options.folder.resolve(), options.pairs, Path(folder))
        (known[name],) = with_origin([row], command)
        write_result("riscv-public", {"rows": [known[each] for each in WORKS if each in known]}, options.results)
        print(f"{name}: {row['speedup']['median']:.2f}, as native: {row['as_native']}, {row['reason']}")


if __name__ == "__main__":
    main()
