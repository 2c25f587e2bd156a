"""The trajectory cache of texts: what each prompt gave the last time, in memory and in a file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError
from asc.records.leftovers import temporary_name

_FORMAT = "asc texts, 1"
_HEAD = 10_000  # bytes at most of the first line


class Earlier(NamedTuple):
    """A text that a prompt gave: its tokens, the training's position then, and the sum of learning rates until then."""

    tokens: tuple[int, ...]
    position: int | None = None
    moved: float | None = None


class TextCache:
    """The newest text of each prompt, sample and noise, `most` texts at most; of more, the oldest are dropped.

    With `path`, texts are also lines of JSON in that file, which is read at the start. A line that was cut by a kill,
    or is damaged in another way, is left out. A text is only a draft: whatever is in the file, generated texts are
    right. Several processes may write to one file: what one of them writes may then be missing, but never wrong. Where
    the file cannot be written, the cache stays in memory, and `remarks` says so.
    """

    def __init__(self, path: str | Path | None = None, most: int = 100_000) -> None:
        if most < 1:
            raise AscError(f"A cache of texts holds 1 text or more, not {most}.")
        self._path, self._most = None if path is None else Path(path), most
        self._texts: OrderedDict[str, Earlier] = OrderedDict()
        self._lines = 0
        self._kind: str | None = None  # of the texts in the file
        self._fresh = True  # the file is still to be begun
        self.remarks: list[str] = []
        if self._path is not None:
            self._read(self._path)

    def __len__(self) -> int:
        """How many texts it holds."""
        return len(self._texts)

    def find(self, prompt: Sequence[int], sample: int, noise: int | None = None) -> Earlier | None:
        """Return what this prompt gave the last time, or None. `noise` is the seed of sampling, None for greedy."""
        return self._texts.get(_key(prompt, sample, noise))

    def of(self, kind: str) -> None:
        """Say what model and tokenizer the texts are of. Raises AscError if the file holds others' texts."""
        if self._kind is not None and not _fits(self._kind, kind):
            raise AscError(
                f"{self._path or 'The cache'} holds texts of another model ({self._kind}), not of this one ({kind}). "
                "Name another file, or delete this one: texts of one model are poor drafts for another."
            )
        self._kind = max(self._kind or "", kind, key=len)

    def put(self, texts: Mapping[tuple[tuple[int, ...], int, int | None], Earlier], *, write: bool = True) -> None:
        """Take over texts by prompt, sample and noise, and write them, unless another process does."""
        news = {_key(*about): text for about, text in texts.items()}
        for key, text in news.items():
            self._keep(key, text)
        if self._path is None or not write:
            return
        begin, self._fresh = self._fresh, True  # until all is written: an interrupt may cut a line
        try:
            if begin or self._lines + len(news) > 2 * self._most or not self._path.exists():
                self._rewrite(self._path)
            else:
                with self._path.open("ab", buffering=0) as file:  # one write, so that no other process's lines are cut
                    lines = b"".join(_line(key, text) for key, text in news.items())
                    if file.write(lines) < len(lines):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._lines += len(news)
        except OSError as error:
            self._remark(f"{self._path} was not written ({error.strerror}): its texts stay in memory.")
            self._path = None
        self._fresh = False

    def _rewrite(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(temporary_name(path.name))
        try:
            with part.open("wb") as file:
                file.write(json.dumps({"format": _FORMAT, "of": self._kind}).encode() + b"\n")
                file.writelines(_line(key, text) for key, text in self._texts.items())
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        self._lines = len(self._texts)

    def _read(self, path: Path) -> None:
        try:
            if not path.exists():
                return
            if not path.is_file():
                raise AscError(f"{path} is no file, so no texts can be kept in it: name a file.")
            with path.open("rb") as file:
                first = file.readline(_HEAD)
                if not first.strip() and not file.read(1):
                    return
                head = _parsed(first)
                if head is None or head.get("format") != _FORMAT or not isinstance(head.get("of"), str | None):
                    raise AscError(f"{path} is no cache of texts: its first line does not say so. Name another file.")
                self._kind = head.get("of")
                self._take(path, file)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise AscError(f"{path} cannot be read: {why}. Name another file.") from error

    def _take(self, path: Path, lines: Iterable[bytes]) -> None:
        """Take texts from lines of the file, after the first one."""
        left_out, line = 0, b"\n"
        for line in lines:
            entry = _entry(line)
            if entry is None:
                left_out += bool(line.strip())
                continue
            self._keep(*entry)
            self._lines += 1
        self._fresh = not line.endswith(b"\n") or bool(left_out)  # the next line would continue a cut one
        if left_out:
            self._remark(f"{left_out} damaged lines of {path} were left out.")

    def _keep(self, key: str, text: Earlier) -> None:
        self._texts[key] = text
        self._texts.move_to_end(key)
        if len(self._texts) > self._most:
            self._texts.popitem(last=False)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def __iter__(self) -> Iterator[Earlier]:
        """Iterate over the texts, the newest last."""
        return iter(self._texts.values())


def _key(prompt: Sequence[int], sample: int, noise: int | None) -> str:
    return hashlib.blake2b(json.dumps([noise, sample, *prompt]).encode(), digest_size=16).hexdigest()


def _line(key: str, text: Earlier) -> bytes:
    return json.dumps({"key": key, **text._asdict()}).encode() + b"\n"


def _fits(one: str, other: str) -> bool:
    """Return whether two kinds are of one model and tokenizer. Prompts that are tokens are of any tokenizer."""
    (model, _, words), (same, _, others) = one.partition(", tokenizer "), other.partition(", tokenizer ")
    return model == same and (not words or not others or words == others)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _entry(line: bytes) -> tuple[str, Earlier] | None:
    found = _parsed(line)
    if found is None or set(found) != {"key", *Earlier._fields} or not isinstance(found["key"], str):
        return None
    tokens, position, moved = (found[name] for name in Earlier._fields)
    if not isinstance(tokens, list) or not all(type(token) is int and token >= 0 for token in tokens):
        return None
    if type(position) not in (int, type(None)) or not (moved is None or _finite(moved)):
        return None
    return found["key"], Earlier(tuple(tokens), position, moved)


def _finite(number: Any) -> bool:
    try:
        return type(number) in (int, float) and math.isfinite(number)
    except OverflowError:
        return False
