"""The programs that come with the backend, compiled for RISC-V, give their known results in every way of running."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asc.errors import AscError
from asc_riscv import Process, StopReason, compiled
from asc_riscv.native import extension
from asc_riscv.programs import PROGRAMS, Compiler, compilers, find_compiler


def chained(count: int) -> bytes:
    """Return a SHA-256 chain's end."""
    message = bytes(32)
    for _ in range(count):
        message = hashlib.sha256(message).digest()
    return message


def collatz_steps(start: int) -> int:
    """Return the number of steps to 1."""
    steps = 0
    while start != 1:
        start, steps = (start // 2 if start % 2 == 0 else 3 * start + 1), steps + 1
    return steps


END = chained(20)
KNOWN = {
    "collatz": ("30", f"start 27\nsteps {collatz_steps(27)}\n"),
    "collatz_count": ("30", f"steps {sum(map(collatz_steps, range(1, 30)))}\n"),
    "histogram": ("1000", None),
    "list_hash": ("1", None),
    "list_ordered": ("1", None),
    "list_shuffled": ("1", None),
    "matrix": ("8", None),
    "pi": ("1000", None),
    "sieve": ("1000", "primes 168\n"),
    "lexer": ("2000", None),
    "sha256": ("20", f"first word {int.from_bytes(END[:4], 'big')}\nlast word {int.from_bytes(END[28:], 'big')}\n"),
}


def test_every_program_is_tested() -> None:
    assert tuple(sorted(KNOWN)) == PROGRAMS


@pytest.fixture(scope="session")
def compiler() -> Compiler:
    """The compiler, or a reason to skip."""
    try:
        return find_compiler()
    except AscError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_its_result_in_every_way_of_running(name: str, cache: Path, compiler: Compiler) -> None:
    size, result = KNOWN[name]
    plain, tracked = (Process(compiled(name, cache=cache), [size]) for _ in range(2))
    assert plain.finish() == 0
    if result is not None:
        assert plain.system.written().decode() == result
    entry = tracked.machine.pc
    jumped = Process(compiled(name, cache=cache), [size])
    while not tracked.is_finished:
        tracked.machine.begin_stretch()
        stop = tracked.machine.run_tracked(20_000)
        assert stop.reason in (StopReason.BUDGET, StopReason.ECALL), stop.sentence()
        effect = tracked.machine.effect()
        assert effect is not None
        assert jumped.machine.matches(effect)
        jumped.machine.apply(effect)
        if stop.reason is StopReason.ECALL:
            tracked.system.answer()
            jumped.system.answer()
    assert entry == plain.machine.program.entry
    for other in (tracked, jumped):
        assert other.system.output == plain.system.output
        assert other.machine.instructions == plain.machine.instructions
        assert other.machine.registers.tolist() == plain.machine.registers.tolist()
        assert (other.machine.memory == plain.machine.memory).all()


def test_a_program_on_the_host_prints_the_same(cache: Path, compiler: Compiler, tmp_path: Path) -> None:
    gcc = shutil.which("gcc") or shutil.which("cc")
    if gcc is None:
        pytest.skip("there is no compiler for this computer")
    source = Path(compilers.__file__).parent / "matrix.c"
    Compiler("gcc", (gcc,)).compile([source], tmp_path / "matrix")
    ran = Process(compiled("matrix", cache=cache), ["20"])
    ran.finish()
    assert subprocess.run([tmp_path / "matrix", "20"], capture_output=True, check=True).stdout == ran.system.written()


def test_compiled_programs_are_kept(cache: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled("pi", cache=cache)
    monkeypatch.setattr("asc_riscv.programs.sources.find_compiler", None)
    assert compiled("pi", cache=cache) == first


def test_without_a_compiler_a_sentence_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilers.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(compilers.shutil, "which", lambda name: None)
    with pytest.raises(AscError, match=r"no compiler for RISC-V was found: .* pip install 'asc-riscv\[compiler\]'"):
        compiled("pi", cache=tmp_path)


def test_a_name_that_is_not_known_is_answered_with_those_that_are() -> None:
    with pytest.raises(AscError, match=r"there is no program 'colatz'; expected one of collatz, .*; did you mean"):
        compiled("colatz")


def test_what_the_compiler_says_is_in_the_error(tmp_path: Path, compiler: Compiler) -> None:
    (tmp_path / "wrong.c").write_text("this is not C\n", encoding="utf-8")
    with pytest.raises(AscError, match=r"did not compile wrong.c: .*error"):
        compiler.compile([tmp_path / "wrong.c"], tmp_path / "wrong.elf")


def test_the_extension_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asc_riscv._machine", None)
    with pytest.raises(AscError, match=r"the RISC-V machine is not compiled .* Install gcc or clang .* pip install"):
        extension()
