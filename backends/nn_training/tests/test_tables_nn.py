"""Tables as corpora: CSV, JSON and Parquet files, folders of them, and data sets with rows that are no text."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from pyarrow import parquet

from asc.errors import AscError
from asc_nn_training.data.corpus import Corpus, load_corpus
from asc_nn_training.data.prepare import prepare


def words(seed: int, count: int = 30) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(count))


TEXTS = [f"{words(seed)}\n{words(seed, 3)}" for seed in range(60)]


def texts(corpus: Corpus) -> list[str]:
    return [document.text for document in corpus.documents]


def write_csv(path: Path, column: str = "text", delimiter: str = ",", rows: list[str] = TEXTS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", column])
        writer.writerows([number, text] for number, text in enumerate(rows))
    return path


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [".csv", ";", ".tsv", ".jsonl", "lines.json", "list.json", "strings.json", ".parquet"])
def test_every_kind_of_table_gives_its_texts(kind: str, tmp_path: Path) -> None:
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    path = tmp_path / f"a{kind}"
    if kind in (".csv", ".tsv"):
        write_csv(path, delimiter="," if kind == ".csv" else "\t")
    elif kind == ";":
        path = write_csv(tmp_path / "a.csv", delimiter=";")
    elif kind in (".jsonl", "lines.json"):
        write_lines(path, rows)
    elif kind == ".parquet":
        parquet.write_table(pyarrow.table({"text": TEXTS}), path)
    else:
        path.write_text(json.dumps(rows if kind == "list.json" else TEXTS))
    corpus = load_corpus(str(path))
    assert texts(corpus) == TEXTS
    assert corpus.remarks == ()


def test_a_long_document_in_csv_is_whole(tmp_path: Path) -> None:
    long = words(1, 50_000)
    assert long in texts(load_corpus(str(write_csv(tmp_path / "a.csv", rows=[*TEXTS, long]))))
    assert csv.field_size_limit() == 131_072


def test_a_folder_of_tables_is_one_corpus_and_files_without_the_column_are_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "a.csv", rows=TEXTS[:30])
    write_lines(tmp_path / "data" / "b.jsonl", [{"text": text} for text in TEXTS[30:]])
    write_csv(tmp_path / "c.csv", column="other")
    corpus = load_corpus(str(tmp_path))
    assert sorted(texts(corpus)) == sorted(TEXTS)
    assert len({document.name for document in corpus.documents}) == 60
    (remark,) = corpus.remarks
    assert "1 of the 3 files of" in remark
    assert "c.csv (it has no column 'text'; its columns are id, other). Name the column" in remark


def test_tables_beside_text_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(words(1))
    (tmp_path / "data").mkdir()
    parquet.write_table(pyarrow.table({"text": TEXTS}), tmp_path / "data" / "0.parquet")
    (remark,) = load_corpus(str(tmp_path)).remarks
    assert "also holds tables (data/0.parquet), which are not read beside text files" in remark
    assert texts(load_corpus(str(tmp_path / "data"))) == TEXTS


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"text": "a"}\n{"text": ', "line 2 is not JSON .* correct that line"),
        ("a.json", '{"text": ', "it is not JSON .* Correct the file"),
        ("a.csv", 'id,text\n1,"a" b', "it is not CSV at line 2 .* Correct the quotation marks"),
        ("a.csv", 'id,text\n1,"never closed\n2,b', "it is not CSV at line 3"),
        ("a.parquet", "nonsense", "it is not Parquet"),
        ("a.csv", "id,body\n1,a", "has no column 'text'; its columns are id, body. Name .* --text-column"),
        ("a.jsonl", '{"messages": []}', "has no column 'text'; its columns are messages"),
        ("a.csv", "id,text\n", "holds no text"),
    ],
)
def test_a_damaged_table_is_refused_with_the_place(name: str, content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(AscError, match=expected):
        load_corpus(str(tmp_path / name))


def test_rows_without_text_are_skipped_and_counted(tmp_path: Path) -> None:
    """They were trained on as the word None."""
    rows = [None if number % 3 == 0 else words(number) for number in range(300)]
    datasets.Dataset.from_dict({"text": rows}).save_to_disk(str(tmp_path / "saved"))
    corpus = load_corpus(str(tmp_path / "saved"))
    assert texts(corpus) == [text for text in rows if text is not None]
    assert corpus.remarks == (
        f"100 of the 300 rows of {tmp_path / 'saved'} have no text in the column 'text' and were left out: 100 null.",
    )


def test_rows_of_other_types_are_skipped_and_counted_by_type(tmp_path: Path) -> None:
    others = [None, 7, ["a", "b"], {"a": 1}, [], [{"role": "user", "content": "a"}], None]
    path = write_lines(tmp_path / "a.jsonl", [{"text": text} for text in [*TEXTS, *others]])
    corpus = load_corpus(str(path))
    assert texts(corpus) == TEXTS
    (remark,) = corpus.remarks
    assert remark.startswith(f"7 of the 67 rows of {path} have no text in the column 'text' and were left out: 2 null,")
    for kind in ("1 numbers", "1 lists of strings", "1 dictionaries", "1 lists,", "1 lists of chat messages"):
        assert kind in remark


def test_empty_cells_of_csv_are_null(tmp_path: Path) -> None:
    corpus = load_corpus(str(write_csv(tmp_path / "a.csv", rows=[*TEXTS, "", ""])))
    assert texts(corpus) == TEXTS
    assert "2 of the 62 rows" in corpus.remarks[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            ["a", "b"],
            r"No row of .* in the column 'text': 3 lists of strings\. .* data\.map\(.*join\(row\[\"text\"\]\)",
        ),
        (
            [{"role": "user", "content": "a"}],
            r"3 lists of chat messages\. .* tokenizer\.apply_chat_template\(row\[\"text",
        ),
        ({"a": "b"}, "3 dictionaries. Name the column that holds the text with --text-column"),
        ([1, 2], "3 lists. Name the column"),
        (3, "3 numbers. Name the column"),
        (None, "3 null. Name the column"),
    ],
)
def test_a_column_without_any_text_is_refused_with_advice(value: Any, expected: str, tmp_path: Path) -> None:
    datasets.Dataset.from_list([{"text": value}] * 3).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(AscError, match=expected):
        load_corpus(str(tmp_path / "saved"))


def test_halves_of_characters_in_json_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a \\ud83d b \\ud83d\\ude00"}')
    assert "".join(texts(load_corpus(str(tmp_path / "a.jsonl")))) == "a \ufffd b \U0001f600"


def test_remarks_reach_the_data_of_a_training(small: Any, tmp_path: Path) -> None:
    rows = [None, *(words(number, 200) for number in range(60))]
    path = write_lines(tmp_path / "a.jsonl", [{"text": text} for text in rows])
    assert "1 of the 61 rows" in prepare(small(data=str(path), data_cache=tmp_path)).remarks[0]
