"""Tables as documents: rows of CSV, JSON and Parquet files and of data sets, each with a column of text."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asc.errors import AscError
from asc_nn_training.data.files import UnreadableError, read_text, require_file

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
JSON = ".json"
_DELIMITERS = ",;\t|"
_NULL, _STRINGS, _MESSAGES = "null", "lists of strings", "lists of chat messages"
_TO_TEXT = {
    _STRINGS: 'data.map(lambda row: {{"text": "\\n".join(row["{column}"])}}).save_to_disk("FOLDER")',
    _MESSAGES: (
        'data.map(lambda row: {{"text": tokenizer.apply_chat_template(row["{column}"], tokenize=False)}})'
        '.save_to_disk("FOLDER")'
    ),
}
"""How the package datasets makes text of a column."""


def texts(values: Iterable[object], column: str, source: str, remarks: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each row that has a text, and add a remark about the other rows.

    Raises AscError if there are rows and none has a text.
    """
    others: Counter[str] = Counter()
    count = 0
    for number, value in enumerate(values):
        count = number + 1
        if isinstance(value, str):
            yield number, value
        else:
            others[_kind(value)] += 1
    if not others:
        return
    what = ", ".join(f"{n:,} {kind}" for kind, n in others.most_common())
    advice = "".join(
        f" To make text of {kind}, with the package datasets: {_TO_TEXT[kind].format(column=column)}"
        for kind in others
        if kind in _TO_TEXT
    )
    left_out = others.total()
    if left_out == count:
        raise AscError(
            f"No row of {source} has text in the column {column!r}: {what}. "
            f"Name the column that holds the text with --text-column.{advice}"
        )
    remarks.append(
        f"{left_out:,} of the {count:,} rows of {source} have no text in the column {column!r} and were left out: "
        f"{what}.{advice}"
    )


def read_table(path: Path, column: str, encoding: str) -> list[object]:
    """Return the values of a column of a file. Raises UnreadableError if the file has no such column."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path, column)
    if suffix in (".csv", ".tsv"):
        return _csv(read_text(path, encoding), column)
    return _of_rows(_json_rows(read_text(path, encoding), whole=suffix == JSON), column)


def no_column(column: str, columns: Iterable[str]) -> UnreadableError:
    """Return the error that says which columns there are."""
    return UnreadableError(
        f"it has no column {column!r}; its columns are {', '.join(columns)}",
        "Name the column that holds the text with --text-column.",
    )


def _csv(text: str, column: str) -> list[object]:
    """Return the cells of a column; those that are empty are null, which CSV cannot write."""
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    before = csv.field_size_limit(sys.maxsize)  # the usual limit is less than a long document
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = next(reader, [])
        if column not in columns:
            raise no_column(column, columns)
        place = columns.index(column)
        return [(row[place] if place < len(row) else None) or None for row in reader if row]
    except csv.Error as error:
        raise UnreadableError(
            f"it is not CSV at line {reader.line_num} ({error})", "Correct the quotation marks there."
        ) from error
    finally:
        csv.field_size_limit(before)


def _json_rows(text: str, *, whole: bool) -> list[object]:
    """Return the rows of JSON: a list of rows if the file is one JSON value, else one row a line."""
    if whole:
        try:
            found = json.loads(text)
        except ValueError as error:
            if not str(error).startswith("Extra data"):
                raise UnreadableError(f"it is not JSON ({error})", "Correct the file.") from error
        else:
            return found if isinstance(found, list) else [found]
    rows: list[object] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise UnreadableError(
                    f"line {number} is not JSON ({error})", "JSON Lines have one row a line: correct that line."
                ) from error
    return rows


def _of_rows(rows: Sequence[object], column: str) -> list[object]:
    tables = [row for row in rows if isinstance(row, Mapping)]
    if tables and not any(column in row for row in tables):
        raise no_column(column, dict.fromkeys(str(name) for row in tables[:10] for name in row))
    return [row.get(column) if isinstance(row, Mapping) else row for row in rows]


def _parquet(path: Path, column: str) -> list[object]:
    import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415 -- datasets brings it; a second to import
    from pyarrow import parquet  # noqa: PLC0415

    require_file(path)
    try:
        table: Any = parquet.ParquetFile(path)
        columns = list(table.schema_arrow.names)
        if column in columns:
            return list(table.read(columns=[column]).column(0).to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableError(f"it is not Parquet ({str(error).splitlines()[0]})", "Check the file.") from error
    raise no_column(column, columns)


def _kind(value: object) -> str:
    """Return what a value is that is no text, in the plural."""
    kind = f"of type {type(value).__name__}"
    match value:
        case None:
            kind = _NULL
        case [str(), *_]:
            kind = _STRINGS
        case [{"role": _}, *_] | [{"from": _}, *_]:
            kind = _MESSAGES
        case list() | tuple():
            kind = "lists"
        case Mapping():
            kind = "dictionaries"
        case bool() | int() | float():
            kind = "numbers"
    return kind
