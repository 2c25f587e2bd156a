"""Corpora as documents: the standard library, text files, and saved or published data sets."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError
from asc_nn_training.training.hub import offline, require_hub

_SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
_SUFFIXES = {".txt", ".md", ".py"}
_WIKITEXT = {"wikitext-2": "wikitext-2-raw-v1", "wikitext-103": "wikitext-103-raw-v1"}
_TITLE = re.compile(r"^ = [^=].*[^=] = *$")  # a top-level heading of WikiText
_BLOCKS = 64  # pieces that a corpus of few documents is cut into
_FEW = 40


class Document(NamedTuple):
    """A text that belongs to one set as a whole."""

    name: str
    text: str


class Corpus(NamedTuple):
    """Documents in a fixed order, and the SHA-256 of all of them."""

    name: str
    documents: tuple[Document, ...]
    digest: str


def load_corpus(source: str, text_column: str = "text", max_bytes: int | None = None) -> Corpus:
    """Return the corpus that `source` names; see `DataConfig.data`. With `max_bytes`, a fixed choice of its documents.

    Raises AscError if there is no such corpus, if it cannot be fetched, or if it holds no text.
    """
    documents = [document for document in _documents(source, text_column) if document.text.strip()]
    if not documents:
        raise AscError(f"The corpus {source} holds no text. Name another corpus with --data.")
    if max_bytes is not None:
        documents = _within(documents, max_bytes)
    if len(documents) < _FEW:
        documents = list(_cut(documents))
    digest = hashlib.sha256()
    for document in documents:
        for part in document:
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return Corpus(source, tuple(documents), digest.hexdigest())


def _documents(source: str, text_column: str) -> Iterable[Document]:
    if source == "stdlib":
        root = Path(sysconfig.get_paths()["stdlib"])
        return _files(root, (path for path in root.rglob("*.py") if not _SKIPPED & set(path.relative_to(root).parts)))
    if source in _WIKITEXT:
        return _articles(_fetch("Salesforce/wikitext", _WIKITEXT[source], "text"))
    if source.startswith("hf:"):
        name, _, config = source[3:].partition(":")
        return _rows(_fetch(name, config or None, text_column))
    path = Path(source).expanduser()
    if path.is_dir():
        if (path / "dataset_info.json").exists() or (path / "dataset_dict.json").exists():
            return _rows(_saved(path, text_column))
        return _files(path, (file for file in path.rglob("*") if file.suffix in _SUFFIXES))
    if path.is_file():
        return _files(path.parent, [path])
    raise AscError(
        f"There is no corpus {source!r}: --data takes stdlib, wikitext-2, wikitext-103, hf:NAME or hf:NAME:CONFIG, a "
        "text file, a folder of text files, or a folder made by save_to_disk."
    )


def _files(root: Path, paths: Iterable[Path]) -> Iterator[Document]:
    """Yield the files that are UTF-8 text, by name."""
    for path in sorted(paths):
        try:
            yield Document(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, OSError):
            continue


def _rows(texts: Iterable[str]) -> Iterator[Document]:
    return (Document(f"{number:09d}", text) for number, text in enumerate(texts))


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


def _fetch(name: str, config: str | None, column: str) -> Iterator[str]:
    """Return the texts of a published data set, from the hub or from its local cache."""
    import datasets  # noqa: PLC0415 -- seconds to import

    require_hub(f"The data set {name}")
    try:
        found = datasets.load_dataset(name, config)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = " HF_HUB_OFFLINE is set, so only the local cache was searched." if offline() else ""
        raise AscError(
            f"The data set {name} could not be loaded: {first}{hint} Name another corpus with --data, such as stdlib."
        ) from error
    return _texts(found, column, name)


def _saved(path: Path, column: str) -> Iterator[str]:
    import datasets  # noqa: PLC0415 -- seconds to import

    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:
        raise AscError(f"The folder {path} could not be read as a saved data set: {error}") from error
    return _texts(found, column, str(path))


def _texts(found: Any, column: str, name: str) -> Iterator[str]:
    """Return the texts of all splits, in the order of their names: our own sets are divided by document."""
    splits = [found[key] for key in sorted(found)] if isinstance(found, dict) else [found]
    for split in splits:
        if column not in split.column_names:
            raise AscError(
                f"{name} has no column {column!r}; its columns are {', '.join(split.column_names)}. "
                "Name the column that holds the text with --text-column."
            )
    return (str(text) for split in splits for text in split[column])


def _within(documents: list[Document], max_bytes: int) -> list[Document]:
    """Return documents of at most so many bytes in all, chosen by a hash of their names, in their order."""
    chosen, total = set(), 0
    for document in sorted(documents, key=lambda each: hashlib.sha256(each.name.encode()).digest()):
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
