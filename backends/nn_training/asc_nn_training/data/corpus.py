"""Corpora as documents: the standard library, text files, tables, and saved or published data sets."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError
from asc_nn_training.data import tables
from asc_nn_training.data.files import UnreadableError, named, read_each, read_text, shown, walk
from asc_nn_training.models.hub import offline, reason, require_hub
from asc_nn_training.paths import absolute

WIKITEXT = {"wikitext-2": "wikitext-2-raw-v1", "wikitext-103": "wikitext-103-raw-v1"}
STDLIB, HUB = "stdlib", "hf:"
_TEXTS = frozenset({".txt", ".md", ".py"})
_KINDS = (_TEXTS, tables.SUFFIXES, frozenset({tables.JSON}))
"""What a folder is read for: files of the first of these kinds that it has."""
_SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
_TITLE = re.compile(r"^ = [^=].*[^=] = *$")  # a top-level heading of WikiText
_BLOCKS = 64  # pieces that a corpus of few documents is cut into
_FEW = 40


class Document(NamedTuple):
    """A text that belongs to one set as a whole."""

    name: str
    text: str


class Corpus(NamedTuple):
    """Documents in a fixed order, the SHA-256 of all of them, and sentences about what was left out."""

    name: str
    documents: tuple[Document, ...]
    digest: str
    remarks: tuple[str, ...] = ()


def is_name(source: str) -> bool:
    """Whether this names a corpus, and not a file or folder."""
    return source == STDLIB or source in WIKITEXT or source.startswith(HUB)


def load_corpus(
    source: str, text_column: str = "text", max_bytes: int | None = None, encoding: str = "utf-8"
) -> Corpus:
    """Return the corpus that `source` names; see `DataConfig.data`. With `max_bytes`, a fixed choice of its documents.

    Raises AscError if there is no such corpus, if it cannot be fetched, or if it holds no text.
    """
    remarks: list[str] = []
    found = _documents(source, text_column, encoding, remarks)
    documents = [Document(name, _without_surrogates(text)) for name, text in found if text.strip()]
    if not documents:
        raise AscError(" ".join([f"The corpus {source} holds no text.", *remarks, "Name another corpus with --data."]))
    if max_bytes is not None:
        documents = _within(documents, max_bytes)
    if len(documents) < _FEW:
        documents = list(_cut(documents))
    digest = hashlib.sha256()
    for document in documents:
        for part in document:
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return Corpus(source, tuple(documents), digest.hexdigest(), tuple(remarks))


def _documents(source: str, column: str, encoding: str, remarks: list[str]) -> Iterable[Document]:
    if source == STDLIB:
        root = Path(sysconfig.get_paths()["stdlib"])
        files = [path for path in walk(root).files if path.suffix == ".py"]
        own = [path for path in files if not _SKIPPED & set(path.relative_to(root).parts)]
        return _texts(root, own, "utf-8", [])  # an installation may have left out files
    if source in WIKITEXT:
        return _articles(text for _, text in _rows(_fetch("Salesforce/wikitext", WIKITEXT[source]), "text", source, []))
    if source.startswith(HUB):
        name, _, config = source.removeprefix(HUB).partition(":")
        return _numbered(_rows(_fetch(name, config or None), column, source, remarks))
    path = absolute(Path(source))
    if not path.exists() or not source:
        raise AscError(
            f"There is no corpus {source!r}: --data takes stdlib, wikitext-2, wikitext-103, hf:NAME or hf:NAME:CONFIG, "
            "a text, CSV, JSON or Parquet file, a folder of such files, or a folder made by save_to_disk."
        )
    if not path.is_dir():
        return _file(path, column, encoding, remarks)
    if (path / "dataset_info.json").exists() or (path / "dataset_dict.json").exists():
        return _numbered(_rows(_saved(path), column, source, remarks))
    return _folder(path, column, encoding, remarks)


def _file(path: Path, column: str, encoding: str, remarks: list[str]) -> Iterable[Document]:
    try:
        if path.suffix.lower() in {*tables.SUFFIXES, tables.JSON}:
            values = tables.read_table(path, column, encoding)
            return _numbered(tables.texts(values, column, shown(path), remarks))
        return [Document(path.name, read_text(path, encoding))]
    except UnreadableError as error:
        raise AscError(f"{shown(path)} cannot be read: {error.reason}. {error.remedy}") from error


def _folder(folder: Path, column: str, encoding: str, remarks: list[str]) -> Iterable[Document]:
    """Read a folder's text files, or else its tables."""
    found = walk(folder)
    kinds = [[path for path in found.files if path.suffix.lower() in kind] for kind in _KINDS]
    if not any(kinds):
        counts = Counter(path.suffix or "unnamed" for path in found.files).most_common(3)
        has = ", ".join(f"{count} {suffix}" for suffix, count in counts) or "no"
        raise AscError(
            f"The folder {shown(folder)} has {has} files. Text files in a folder end in {', '.join(sorted(_TEXTS))}, "
            f"and tables in {', '.join(sorted(tables.SUFFIXES))} or .json: rename the files, or name one with --data."
        )
    files, others = next(kind for kind in kinds if kind), kinds[1]
    if files is not kinds[0]:
        read = read_each(folder, files, lambda path: tables.read_table(path, column, encoding), remarks, found.unlisted)
        names = [f"{name}:{number:09d}" for name, values in read for number in range(len(values))]
        rows = tables.texts((value for _, values in read for value in values), column, shown(folder), remarks)
        return (Document(names[number], text) for number, text in rows)
    if others:
        remarks.append(
            f"{shown(folder)} also holds tables ({named(folder, others)}), which are not read beside text files. To "
            "train on one, name it with --data."
        )
    return _texts(folder, files, encoding, remarks, found.unlisted)


def _texts(
    folder: Path,
    files: Iterable[Path],
    encoding: str,
    remarks: list[str],
    unlisted: Sequence[tuple[str, UnreadableError]] = (),
) -> Iterable[Document]:
    read = read_each(folder, files, lambda path: read_text(path, encoding), remarks, unlisted)
    return [Document(name, text) for name, text in read]


def _numbered(rows: Iterable[tuple[int, str]]) -> Iterator[Document]:
    return (Document(f"{number:09d}", text) for number, text in rows)


def _articles(lines: Iterable[str]) -> Iterator[Document]:
    """Join WikiText's lines into articles; each begins with a top-level heading."""
    article: list[str] = []
    number = 0
    for line in lines:
        if _TITLE.match(line.rstrip("\n")) and article:
            yield Document(f"{number:09d}", "".join(article))
            article, number = [], number + 1
        article.append(line)
    if article:
        yield Document(f"{number:09d}", "".join(article))


def _fetch(name: str, config: str | None) -> Any:
    """Return a published data set, from the hub or from its local cache."""
    import datasets  # noqa: PLC0415 -- seconds to import

    require_hub(f"The data set {name}")
    try:
        return datasets.load_dataset(name, config)
    except Exception as error:
        hint = " HF_HUB_OFFLINE is set, so only the local cache was searched." if offline() else ""
        raise AscError(
            f"The data set {name} could not be loaded: {reason(error)}{hint} Name another corpus with --data, such as "
            "stdlib."
        ) from error


def _saved(path: Path) -> Any:
    import datasets  # noqa: PLC0415 -- seconds to import

    try:
        return datasets.load_from_disk(str(path))
    except Exception as error:
        raise AscError(f"The folder {path} could not be read as a saved data set: {reason(error)}") from error


def _rows(found: Any, column: str, name: str, remarks: list[str]) -> Iterator[tuple[int, str]]:
    """Return the texts of all splits, in the order of their names: our own sets are divided by document."""
    splits = [found[key] for key in sorted(found)] if isinstance(found, dict) else [found]
    for split in splits:
        if column not in split.column_names:
            error = tables.no_column(column, split.column_names)
            raise AscError(f"{name} cannot be read: {error.reason}. {error.remedy}")
    return tables.texts(_values(splits, column, name), column, name, remarks)


def _values(splits: Iterable[Any], column: str, name: str) -> Iterator[object]:
    try:
        for split in splits:
            yield from split[column]
    except Exception as error:  # images and sounds need packages that may be missing
        raise AscError(
            f"The column {column!r} of {name} cannot be read: {reason(error)} Name the column that holds the text with "
            "--text-column."
        ) from error


def _without_surrogates(text: str) -> str:
    """Replace halves of characters, which JSON may hold and no encoding can write."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _within(documents: list[Document], max_bytes: int) -> list[Document]:
    """Return documents of at most so many bytes in all, chosen by a hash of their names, in their order."""
    chosen, total = set(), 0
    for document in sorted(
        documents, key=lambda each: hashlib.sha256(each.name.encode("utf-8", "surrogatepass")).digest()
    ):
        size = len(document.text.encode("utf-8", "surrogatepass"))
        if total and total + size > max_bytes:
            continue
        chosen.add(document.name)
        total += size
    return [document for document in documents if document.name in chosen]


def _cut(documents: list[Document]) -> Iterator[Document]:
    """Cut few documents into blocks at paragraphs or lines, so that some blocks can be held out."""
    size = max(1, sum(len(document.text) for document in documents) // _BLOCKS)
    for document in documents:
        text, start, number = document.text, 0, 0
        while start < len(text):
            end = start + size
            if end < len(text):
                breaks = (text.find(mark, end) for mark in ("\n\n", "\n", " "))
                end = next((at + 1 for at in breaks if 0 <= at < end + size), end)
            yield Document(f"{document.name}#{number:04d}", text[start:end])
            start, number = end, number + 1
