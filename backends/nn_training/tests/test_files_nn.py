"""Text files and folders of them, in whatever encoding and of whatever kind."""

from __future__ import annotations

import codecs
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from asc.cli.main import call
from asc.errors import AscError
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.corpus import load_corpus
from asc_nn_training.data.prepare import prepare

Make = Callable[..., NetworkConfig]
TEXT = "Grüße aus Malmö.\nEine zweite Zeile.\n"


def words(seed: int, count: int = 60) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(count))


def text_of(source: Path, encoding: str = "utf-8") -> str:
    return "".join(document.text for document in load_corpus(str(source), encoding=encoding).documents)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("latin-1"), "latin-1"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "latin-1"),
        (TEXT.encode("utf-16"), "utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8"),
        (TEXT.encode("utf-32"), "utf-8"),
        (TEXT.replace("\n", "\r\n").encode(), "utf-8"),
    ],
)
def test_a_text_is_the_same_in_every_encoding(data: bytes, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    assert text_of(tmp_path / "a.txt", encoding) == TEXT


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            TEXT.encode("latin-1"),
            r"a\.txt cannot be read: the byte 0xfc in line 1 is not utf-8\. .* --encoding latin-1",
        ),
        ("Eins\nZwei ß".encode("cp1252"), "the byte 0xdf in line 2 is not utf-8"),
        (TEXT.encode("utf-16-le"), "it has zero bytes, .* For UTF-16 type --encoding utf-16-le"),
        ("plain".encode("utf-16-le"), "it has zero bytes"),
        (b"%PDF-1.7 and so on", "it is a PDF document. Give its text"),
        (b"PK\x03\x04 and so on", "it is a zip archive or an office document"),
        (b"\x1f\x8b and so on", "it is compressed by gzip"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(data: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(AscError, match=expected):
        load_corpus(str(tmp_path / "a.txt"))


@pytest.mark.parametrize("name", ["nonsense", "base64"])
def test_an_encoding_that_is_none_is_refused_at_once(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["run", "nn_training", "--encoding", name]) != 0
    assert f'The setting "encoding" was given "{name}"; expected a text encoding' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_of_a_folder_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}.txt").write_text(words(number))
    for number in range(3):
        (tmp_path / f"old-{number}.txt").write_bytes("Grüße".encode("latin-1"))
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "lost.md").symlink_to(tmp_path / "nowhere")
    corpus = load_corpus(str(tmp_path))
    assert len(corpus.documents) == 50
    (remark,) = corpus.remarks
    assert remark.startswith(
        f"5 of the 55 files of {tmp_path} could not be read and were left out: lost.md (No such file"
    )
    assert "old-0.txt (the byte 0xfc in line 1 is not utf-8), old-1.txt" in remark
    assert ", and 2 more." in remark
    assert "--encoding latin-1" in remark
    assert "write the text into a file first" in remark


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open.txt").write_text(words(1))
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (remark,) = load_corpus(str(tmp_path)).remarks
    assert "closed (Permission denied)" in remark


def test_a_folder_without_readable_text_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode("latin-1"))
    with pytest.raises(AscError, match=r"holds no text. 1 of the 1 files .* 0xfc in line 1 is not utf-8"):
        load_corpus(str(tmp_path))


def test_what_was_left_out_is_said_where_the_rest_is_too_little(small: Make, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(words(1))
    (tmp_path / "b.txt").write_bytes(TEXT.encode("latin-1"))
    with pytest.raises(AscError, match=r"give more text.* 1 of the 2 files .* b\.txt \(the byte 0xfc"):
        prepare(small(data=str(tmp_path), data_cache=tmp_path / "cache"))


def test_a_name_of_any_bytes_is_read_and_can_be_printed(tmp_path: Path) -> None:
    strange = os.fsdecode(b"\xff.txt")
    (tmp_path / strange).write_text(words(1))
    (tmp_path / f"not-{strange}").write_bytes(b"\xff\xfe\xff")
    corpus = load_corpus(str(tmp_path), max_bytes=10_000)
    assert corpus.documents
    assert corpus.remarks[0].encode()


def test_pipes_devices_and_sockets_are_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AscError, match=r"it is a pipe, not a file.* write the text into a file first"):
        load_corpus(str(tmp_path / "pipe"))
    with pytest.raises(AscError, match="/dev/zero cannot be read: it is a device"):
        load_corpus("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # the path of a socket must be short
        listening.bind("socket")
        with pytest.raises(AscError, match="it is a socket"):
            load_corpus("socket")


def test_a_folder_of_other_files_says_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(
        AscError, match=r"has no files. Text files in a folder end in .md, .py, .txt, and tables in .csv"
    ):
        load_corpus(str(tmp_path))
    for name in ("a.tex", "b.tex", "README"):
        (tmp_path / name).write_text(words(1))
    with pytest.raises(AscError, match=r"has 2 \.tex, 1 unnamed files"):
        load_corpus(str(tmp_path))
    assert load_corpus(str(tmp_path / "a.tex")).documents


@pytest.mark.parametrize("lines", [1, 20])
def test_lines_that_repeat_are_named_as_the_cause(lines: int, small: Make, tmp_path: Path) -> None:
    draw = random.Random(1)
    text = "\n".join(words(draw.randrange(lines)) for _ in range(3000))
    (tmp_path / "log.txt").write_text(text)
    with pytest.raises(AscError, match=r"The text repeats itself: \d+ of its \d+ parts .* awk '!seen\[\$0\]\+\+' FILE"):
        prepare(small(data=str(tmp_path / "log.txt"), data_cache=tmp_path))


def test_documents_that_repeat_within_are_named_as_the_cause(small: Make, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}.txt").write_text(f"{words(number, 20)}\n" + "ok ok ok ok " * 400)
    with pytest.raises(
        AscError, match=r"give \d+ distinct probes, and 128 are needed\. The text repeats itself\. Remove"
    ):
        prepare(small(data=str(tmp_path), data_cache=tmp_path / "cache", max_bytes=None))


def test_a_file_that_is_only_short_is_not_said_to_repeat_itself(small: Make, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text(words(1))
    with pytest.raises(AscError, match="give more text") as caught:
        prepare(small(data=str(tmp_path / "short.txt"), data_cache=tmp_path))
    assert "repeats" not in str(caught.value)
