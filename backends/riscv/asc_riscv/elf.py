"""Programs: static ELF files for 64-bit RISC-V, read and checked."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from asc.errors import AscError

PAGE = 4096
_EXECUTABLE, _WRITABLE = 1, 2
_CODE_SECTION = 4  # SHF_EXECINSTR
_CAN_COMPILE = "Compile it with: riscv64-linux-gnu-gcc -static -O1, or: python -m ziglang cc -target riscv64-linux-musl"


class Segment(NamedTuple):
    """A part of the program that is loaded: its first address, its bytes, and its size in memory (zeros follow)."""

    address: int
    content: bytes
    size: int
    is_executable: bool
    is_writable: bool

    @property
    def end(self) -> int:
        """First address behind the segment."""
        return self.address + self.size


class Program(NamedTuple):
    """A program as its file has it. Addresses are the program's own.

    `code` is the range of addresses that hold instructions. `writable_start` is the lowest address that the program may
    write to. `symbols` are the addresses and sizes of its named functions and variables; empty if the file was
    stripped. `headers` is the address of the ELF program headers in memory, their size and their number.
    """

    name: str
    entry: int
    segments: tuple[Segment, ...]
    code: range
    writable_start: int
    symbols: dict[str, tuple[int, int]]
    headers: tuple[int, int, int]

    @property
    def base(self) -> int:
        """First address of the program's memory."""
        return self.segments[0].address // PAGE * PAGE

    @property
    def end(self) -> int:
        """First address behind the last segment."""
        return max(segment.end for segment in self.segments)


def load_program(source: str | Path | bytes, name: str | None = None) -> Program:
    """Read a program from an ELF file, or from the bytes of one.

    Args:
        source: path of the file, or its content.
        name: what messages call it; the file's name if not given.

    Raises AscError where there is no such file, or where it is no static little-endian program for 64-bit RISC-V.
    """
    if isinstance(source, bytes):
        return _Reader(name or "the program", source).program()
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise AscError(f"cannot read the program {source}: {error.strerror or error}") from error
    return _Reader(name or Path(source).name, content).program()


class _Reader:
    """Reads one file. Whatever is wrong with it becomes a sentence."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content

    def program(self) -> Program:
        """Return the program."""
        if self.content[:4] != b"\x7fELF":
            raise self.refused("is not an ELF file", f"expected a compiled program. {_CAN_COMPILE}")
        try:
            elf = ELFFile(io.BytesIO(self.content))
            self.check_kind(elf)
            segments = self.segments(elf)
            code = self.code(elf, segments)
            return Program(
                name=self.name,
                entry=self.entry(elf, code),
                segments=segments,
                code=code,
                writable_start=self.writable_start(segments, code),
                symbols=self.symbols(elf),
                headers=self.headers(elf, segments),
            )
        except (ELFError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
            # The library's parsers raise any of these on a damaged file.
            raise self.refused("is damaged or incomplete", f"{type(error).__name__}: {error}") from error
        except UnicodeDecodeError as error:
            raise self.refused("is damaged", "a name in it is not text") from error

    def refused(self, what: str, expected: str) -> AscError:
        """Return the error that says what the file is, and what was expected."""
        return AscError(f"{self.name} {what}: {expected}")

    def check_kind(self, elf: ELFFile) -> None:
        """Refuse what is no static program for this machine."""
        if elf.elfclass != 64:
            raise self.refused("is a 32-bit program", f"expected 64 bits. {_CAN_COMPILE}")
        if not elf.little_endian:
            raise self.refused("is a big-endian program", f"expected little-endian RISC-V. {_CAN_COMPILE}")
        if elf["e_machine"] != "EM_RISCV":
            machine = str(elf["e_machine"]).removeprefix("EM_")
            raise self.refused(f"is a program for another machine ({machine})", f"expected RISC-V. {_CAN_COMPILE}")
        if elf["e_type"] == "ET_REL":
            raise self.refused("is an object file", "expected a linked program; leave out -c")
        kinds = {segment["p_type"] for segment in elf.iter_segments()}
        if elf["e_type"] != "ET_EXEC" or "PT_INTERP" in kinds or "PT_DYNAMIC" in kinds:
            raise self.refused("is dynamically linked", "expected a static program; link with -static and -no-pie")

    def segments(self, elf: ELFFile) -> tuple[Segment, ...]:
        """Return what is loaded, by address."""
        found = [self.segment(each.header) for each in elf.iter_segments() if each["p_type"] == "PT_LOAD"]
        segments = sorted(each for each in found if each.size > 0)
        if not segments:
            raise self.refused("has nothing to load", "expected at least one PT_LOAD segment; is it a whole program?")
        for lower, upper in pairwise(segments):
            if upper.address < lower.end:
                raise self.refused(
                    f"has segments that overlap at address {upper.address:#x}", "expected the output of a linker"
                )
        return tuple(segments)

    def segment(self, header: Any) -> Segment:
        """Return one segment."""
        start, size = header["p_offset"], header["p_filesz"]
        content = self.content[start : start + size]
        if len(content) < size or header["p_memsz"] < size:
            raise self.refused(
                "is truncated", f"a segment of {size:,} bytes begins at byte {start:,} of {len(self.content):,}"
            )
        if header["p_vaddr"] + header["p_memsz"] > 1 << 56:
            raise self.refused("has a segment that does not fit", "expected addresses below 2 to the power of 56")
        return Segment(
            address=header["p_vaddr"],
            content=content,
            size=header["p_memsz"],
            is_executable=bool(header["p_flags"] & _EXECUTABLE),
            is_writable=bool(header["p_flags"] & _WRITABLE),
        )

    def code(self, elf: ELFFile, segments: tuple[Segment, ...]) -> range:
        """Return where instructions are: in sections marked so, or without sections, in executable segments."""
        executable = [each for each in segments if each.is_executable and each.content]
        if not executable:
            raise self.refused("has no code", "expected an executable segment")
        start = min(each.address for each in executable)
        end = max(each.address + len(each.content) for each in executable)
        marked = [
            (section["sh_addr"], section["sh_addr"] + section["sh_size"])
            for section in elf.iter_sections()
            if section["sh_flags"] & _CODE_SECTION and section["sh_size"] and section["sh_type"] == "SHT_PROGBITS"
        ]
        marked = [(first, behind) for first, behind in marked if start <= first and behind <= end]
        if marked:
            start, end = min(first for first, _ in marked), max(behind for _, behind in marked)
        start, end = start + start % 2, end - end % 2
        if end <= start:
            raise self.refused("has no code", "expected an executable segment")
        return range(start, end)

    def entry(self, elf: ELFFile, code: range) -> int:
        """Return where the program begins."""
        entry = int(elf["e_entry"])
        if entry not in code or entry % 2:
            raise self.refused(
                f"begins at {entry:#x}, where it has no code",
                f"expected an even address in {code.start:#x} to {code.stop:#x}; does it define _start?",
            )
        return entry

    def writable_start(self, segments: tuple[Segment, ...], code: range) -> int:
        """Return the lowest address that may be written."""
        writable = [each for each in segments if each.is_writable and each.end > code.stop]
        if any(each.is_writable and each.address < code.start for each in segments):
            raise self.refused("has writable memory below its code", "expected code first, as linkers do it")
        behind_code = (code.stop + 7) // 8 * 8
        if not writable:
            return max(behind_code, (max(each.end for each in segments) + 7) // 8 * 8)
        lowest = max(code.stop, min(each.address for each in writable))
        if code.stop <= lowest < behind_code:
            raise self.refused("has code and variables within 8 bytes", "expected them apart, as linkers do it")
        return lowest // 8 * 8

    def symbols(self, elf: ELFFile) -> dict[str, tuple[int, int]]:
        """Return addresses and sizes by name."""
        table = elf.get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return {}
        kinds = ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE")
        return {
            symbol.name: (symbol["st_value"], symbol["st_size"])
            for symbol in table.iter_symbols()
            if symbol.name and symbol["st_info"]["type"] in kinds and symbol["st_shndx"] != "SHN_UNDEF"
        }

    def headers(self, elf: ELFFile, segments: tuple[Segment, ...]) -> tuple[int, int, int]:
        """Return where the program headers are in memory (0 where they are not loaded), their size and number."""
        offset = elf["e_phoff"]
        size, number = elf["e_phentsize"], elf["e_phnum"]
        for header in elf.iter_segments():
            if header["p_type"] == "PT_LOAD" and header["p_offset"] <= offset < header["p_offset"] + header["p_filesz"]:
                return header["p_vaddr"] + offset - header["p_offset"], size, number
        return 0, size, number
