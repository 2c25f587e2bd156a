"""Files as text: encodings, files that are no text, and folders of which some files cannot be read."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# A mark at the beginning of a file says more than a setting. UTF-16's is also the beginning of UTF-32's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an office document",
    b"\x1f\x8b": "compressed by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"BZh": "compressed by bzip2",
    b"PAR1": "a Parquet file, whose name must end in .parquet",
    b"ARROW1": "an Arrow file",
    b"GGUF": "a GGUF model",
}
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)
_NAMED = 3  # files that a sentence names
_OTHER_ENCODING = "If the text has another encoding, name it with --encoding, such as --encoding latin-1."


class UnreadableError(Exception):
    """A file cannot be read: the reason, as the end of a sentence, and what to do about it, as a sentence."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Walk(NamedTuple):
    """The paths of all files under a folder, in order, and the folders that cannot be listed, with the reason."""

    files: list[Path]
    unlisted: list[tuple[str, UnreadableError]]


def read_text(path: Path, encoding: str) -> str:
    """Return a file's text, with `\\n` at the end of each line. A byte order mark overrides the encoding."""
    require_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _failed(error) from error
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    form = next((form for magic, form in _FORMATS.items() if data.startswith(magic)), None)
    if form is not None:
        raise UnreadableError(f"it is {form}", "Give its text as a file of plain text.")
    try:
        text = data.decode(marked or encoding)
    except UnicodeError as error:
        _require_few_zeros(data.count(b"\0"), len(data))
        raise UnreadableError(_undecodable(data, marked or encoding, error), _OTHER_ENCODING) from error
    _require_few_zeros(text.count("\0"), len(text))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def require_file(path: Path) -> None:
    """Raise UnreadableError for anything but a regular file: a pipe may wait forever, and a device may never end."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _failed(error) from error
    special = next((kind for applies, kind in _SPECIAL if applies(mode)), None)
    if special is not None:
        raise UnreadableError(
            f"it is {special}, not a file",
            "A run reads its text again when it is resumed, so write the text into a file first.",
        )


def walk(folder: Path) -> Walk:
    """Return everything under a folder that is not itself a folder. Links to folders are not followed."""
    found = Walk([], [])

    def unlisted(error: OSError) -> None:
        found.unlisted.append((shown(str(error.filename)), _failed(error)))

    for root, _, names in os.walk(folder, onerror=unlisted):
        found.files.extend(Path(root, name) for name in names)
    found.files.sort()
    return found


def read_each(
    folder: Path,
    paths: Iterable[Path],
    read: Callable[[Path], T],
    remarks: list[str],
    unlisted: Sequence[tuple[str, UnreadableError]] = (),
) -> list[tuple[str, T]]:
    """Return each file's name within the folder and its content, and add a remark about those that cannot be read."""
    contents: list[tuple[str, T]] = []
    failed = list(unlisted)
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            contents.append((name, read(path)))
        except UnreadableError as error:
            failed.append((shown(name), error))
    if failed:
        first = ", ".join(f"{name} ({error.reason})" for name, error in failed[:_NAMED])
        more = f", and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        remedies = " ".join(dict.fromkeys(error.remedy for _, error in failed))
        remarks.append(
            f"{len(failed)} of the {len(contents) + len(failed)} files of {shown(folder)} could not be read and were "
            f"left out: {first}{more}. {remedies}"
        )
    return contents


def shown(path: str | Path) -> str:
    """Return a path as it can be printed, whatever bytes are in it."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def named(folder: Path, paths: Sequence[Path]) -> str:
    """Return the names, within a folder, of the first of these files."""
    names = ", ".join(shown(path.relative_to(folder)) for path in paths[:_NAMED])
    return names + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")


def _failed(error: OSError) -> UnreadableError:
    return UnreadableError(error.strerror or str(error), "Check that it exists and may be read.")


def _require_few_zeros(count: int, size: int) -> None:
    if 100 * count > size:
        raise UnreadableError(
            "it has zero bytes, so it is no text, or its encoding is UTF-16",
            "For UTF-16 type --encoding utf-16-le, or utf-16-be.",
        )


def _undecodable(data: bytes, encoding: str, error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return f"it is not {encoding} ({error})"
    line = data.count(b"\n", 0, error.start) + 1
    return f"the byte 0x{data[error.start]:02x} in line {line} is not {encoding}"
