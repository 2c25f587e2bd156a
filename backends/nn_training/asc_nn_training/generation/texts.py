"""The trajectory cache of texts: what each prompt gave the last time, in memory and in a file."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError

_FORMAT = "asc texts, 1"


class Earlier(NamedTuple):
    """A text that a prompt gave: its tokens, the training's position then, and the sum of learning rates until then."""

    tokens: tuple[int, ...]
    position: int | None = None
    moved: float | None = None


class TextCache:
    """The newest text of each prompt, sample and noise, `most` texts at most; of more, the oldest are dropped.

    With `path`, texts are also lines of JSON in that file, which is read at the start. A line that was cut by a kill,
    or is damaged in another way, is left out. A text is only a draft: whatever is in the file, generated texts are
    right. Where the file cannot be written, the cache stays in memory, and `remarks` says so.
    """

    def __init__(self, path: Path | None = None, most: int = 100_000) -> None:
        if most < 1:
            raise AscError(f"A cache of texts holds 1 text or more, not {most}.")
        self._path, self._most = path, most
        self._texts: OrderedDict[str, Earlier] = OrderedDict()
        self._lines = 0
        self._kind: str | None = None  # of the texts in the file
        self._fresh = True  # the file is still to be begun
        self.remarks: list[str] = []
        if path is not None:
            self._read(path)

    def __len__(self) -> int:
        """How many texts it holds."""
        return len(self._texts)

    def find(self, prompt: Sequence[int], sample: int, noise: int | None = None) -> Earlier | None:
        """Return what this prompt gave the last time, or None. `noise` is the seed of sampling, None for greedy."""
        return self._texts.get(_key(prompt, sample, noise))

    def of(self, kind: str) -> None:
        """Say what model and tokenizer the texts are of. Raises AscError if the file holds others' texts."""
        if self._kind is not None and self._kind != kind:
            raise AscError(
                f"{self._path or 'The cache'} holds texts of another model ({self._kind}), not of this one ({kind}). "
                "Name another file, or delete this one: texts of one model are poor drafts for another."
            )
        self._kind = kind

    def put(self, texts: Mapping[tuple[tuple[int, ...], int, int | None], Earlier]) -> None:
        """Take over texts by prompt, sample and noise, and write them."""
        news = {_key(*about): text for about, text in texts.items()}
        for key, text in news.items():
            self._texts[key] = text
            self._texts.move_to_end(key)
        while len(self._texts) > self._most:
            self._texts.popitem(last=False)
        if self._path is None:
            return
        try:
            if self._fresh or self._lines + len(news) > 2 * self._most:
                self._rewrite(self._path)
            else:
                with self._path.open("a", encoding="utf-8") as file:
                    file.writelines(_line(key, text) for key, text in news.items())
                self._lines += len(news)
        except OSError as error:
            self._remark(f"{self._path} was not written ({error.strerror}): its texts stay in memory.")
            self._path = None

    def _rewrite(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"format": _FORMAT, "of": self._kind}) + "\n")
            file.writelines(_line(key, text) for key, text in self._texts.items())
        part.replace(path)
        self._lines, self._fresh = len(self._texts), False

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        if not path.is_file():
            raise AscError(f"{path} is no file, so no texts can be kept in it: name a file.")
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise AscError(f"{path} cannot be read: {error.strerror}. Name another file.") from error
        head = _parsed(lines[0])
        if head is None or head.get("format") != _FORMAT or not isinstance(head.get("of"), str | None):
            if any(lines):
                raise AscError(f"{path} is no cache of texts: its first line does not say so. Name another file.")
            return
        self._kind = head.get("of")
        left_out = 0
        for line in lines[1:]:
            entry = _entry(line)
            if entry is None:
                left_out += bool(line)
                continue
            key, text = entry
            self._texts[key] = text
            self._texts.move_to_end(key)
            self._lines += 1
        while len(self._texts) > self._most:
            self._texts.popitem(last=False)
        self._fresh = bool(lines[-1]) or bool(left_out)  # the next line would continue a cut one
        if left_out:
            self._remark(f"{left_out} damaged lines of {path} were left out.")

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def __iter__(self) -> Iterator[Earlier]:
        """Iterate over the texts, the newest last."""
        return iter(self._texts.values())


def _key(prompt: Sequence[int], sample: int, noise: int | None) -> str:
    return hashlib.blake2b(json.dumps([noise, sample, *prompt]).encode(), digest_size=16).hexdigest()


def _line(key: str, text: Earlier) -> str:
    return json.dumps({"key": key, **text._asdict()}) + "\n"


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
    if type(position) not in (int, type(None)) or type(moved) not in (int, float, type(None)):
        return None
    return found["key"], Earlier(tuple(tokens), position, moved)
