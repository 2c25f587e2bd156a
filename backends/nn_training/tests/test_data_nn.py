"""From a corpus to batches."""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.batches import PackedBatches
from asc_nn_training.data.corpus import Document, load_corpus
from asc_nn_training.data.prepare import Data, prepare
from asc_nn_training.data.splits import SETS, similar, split
from asc_nn_training.data.tokenizer import Tokenizer, fetch, train

Make = Callable[..., NetworkConfig]


def words(seed: int, count: int = 400) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(count))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text file of paragraphs that are all different, as small as a corpus may be."""
    file = tmp_path_factory.mktemp("text") / "one.txt"
    file.write_text("\n\n".join(words(seed, 60) for seed in range(300)))
    return file


@pytest.fixture(scope="module")
def data(small: Make) -> Data:
    """The usual corpus, from Python's library itself."""
    return prepare(small(data="stdlib"))


def test_sets_are_disjoint_sequences_whole_and_probes_distinct(data: Data) -> None:
    assert data.gate.shape == (4, 4, 32)
    assert data.dev.shape == data.test.shape == (8, 32)
    assert len(torch.unique(data.probes, dim=0)) == len(data.probes) == 128
    rows = torch.cat([data.gate.view(-1, 32), data.dev, data.test])
    assert len(torch.unique(rows, dim=0)) == len(rows)
    assert int(rows.max()) < data.vocabulary == 512


def test_a_folder_of_the_library_s_files_is_the_same_corpus(small: Make, data: Data) -> None:
    """The documents have the same names and texts, so other tests may train on the folder."""
    found = prepare(small())
    assert found.digest == data.digest
    assert torch.equal(found.train.batch(7), data.train.batch(7))


def test_the_cache_returns_the_same_tokens_and_a_damaged_cache_is_replaced(
    small: Make, text: Path, tmp_path: Path
) -> None:
    config = small(data=str(text), data_cache=tmp_path)
    first = prepare(config)
    (folder,) = (tmp_path / "tokens").iterdir()
    train = folder / "train.npy"
    whole = train.read_bytes()
    for damage in (whole[:-100], whole[:500] + b"x" + whole[501:], b""):
        train.write_bytes(damage)
        again = prepare(config)
        assert torch.equal(again.train.batch(7), first.train.batch(7))
        assert train.read_bytes() == whole
    (folder / "meta.json").write_text("{")
    assert prepare(config).digest == first.digest


def test_an_incomplete_cache_is_ignored_and_once_it_is_old_removed(small: Make, text: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    old, new = (tmp_path / "tokens" / f".{name}.{dead.pid}.tmp" for name in ("old", "new"))
    old.mkdir(parents=True)
    new.mkdir()
    os.utime(old, (0, 0))
    assert prepare(small(data=str(text), data_cache=tmp_path)).tokens["train"] > 1000
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    ("umask", "mode", "folders", "files"),
    [
        (0o022, 0o755, 0o755, 0o644),
        (0o077, 0o755, 0o700, 0o600),
        (0o022, 0o2775, 0o2775, 0o664),  # a group shares it
        (0o077, 0o2775, 0o2770, 0o660),
        (0o077, 0o2755, 0o2750, 0o640),  # a group reads it
    ],
)
def test_who_may_use_the_cache_may_use_what_is_in_it(
    umask: int, mode: int, folders: int, files: int, small: Make, text: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(mode)
    before = os.umask(umask)
    try:
        prepare(small(data=str(text), data_cache=tmp_path))
    finally:
        os.umask(before)
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(made) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {folders}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.*")} == {files}


@settings(max_examples=30)
@given(st.integers(0, 2**30), st.integers(5, 60))
def test_documents_are_divided_whatever_their_order(seed: int, count: int) -> None:
    documents = [Document(f"{i}.txt", words(seed + i, 40)) for i in range(count)]
    shuffled = random.Random(seed).sample(documents, count)
    sets = split(documents)
    assert sets == split(shuffled)
    assert sorted(document for part in sets.values() for document in part) == sorted(documents)
    assert set(sets) == set(SETS)


def test_near_duplicates_stay_together() -> None:
    originals = [words(seed) for seed in range(40)]
    copies = [text.replace("abc", "xyz", 1) + " the end" for text in originals]
    documents = [Document(f"{i:02d}", text) for i, text in enumerate(originals + copies)]
    groups = [{document.name for document in group} for group in similar(documents)]
    assert sorted(map(sorted, groups)) == [[f"{i:02d}", f"{i + 40:02d}"] for i in range(40)]
    home = {document.name: name for name, part in split(documents).items() for document in part}
    assert all(home[f"{i:02d}"] == home[f"{i + 40:02d}"] for i in range(40))
    assert len(set(home.values())) == 4


@settings(max_examples=30)
@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 99), st.integers(60, 200))
def test_batches_depend_on_seed_and_step_alone_and_contain_each_sequence_once(
    length: int, size: int, seed: int, count: int
) -> None:
    tokens = np.arange(count, dtype=np.uint16)
    if (count - length) // length < size:
        return
    batches, again = PackedBatches(tokens, length, size, seed), PackedBatches(tokens, length, size, seed)
    rows = torch.cat([batches.batch(step) for step in range(batches.epoch_batches)])
    assert len(torch.unique(rows)) == rows.numel()  # no token twice in an epoch
    assert torch.equal(rows[:, 1:], rows[:, :-1] + 1)
    step = batches.epoch_batches + 3
    assert torch.equal(again.batch(step), batches.batch(step))


def test_few_documents_are_cut_into_blocks(small: Make, text: Path, tmp_path: Path) -> None:
    corpus = load_corpus(str(text))
    assert len(corpus.documents) > 40
    assert "".join(document.text for document in corpus.documents) == text.read_text()
    found = prepare(small(data_cache=tmp_path, data=str(text), max_bytes=None))
    assert found.tokens["train"] > found.tokens["test"] > 0


def test_saved_data_sets_are_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": [words(seed, 60) for seed in range(200)]})
    rows.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(str(tmp_path / "two"))
    assert len(load_corpus(str(tmp_path / "one")).documents) == 200
    assert len(load_corpus(str(tmp_path / "two")).documents) == 400
    with pytest.raises(AscError, match="has no column 'body'; its columns are text"):
        load_corpus(str(tmp_path / "one"), "body")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"data": "nonsense"}, "There is no corpus 'nonsense': --data takes stdlib, wikitext-2"),
        ({"length": 4000}, "need 64,000: give more text, or lower --length"),
        ({"batch": 100_000}, "fewer than a batch of 100000 sequences"),
        ({"gate_subsets": 100}, "do not make 100 subsets"),
    ],
)
def test_bad_settings_are_refused(small: Make, settings: dict[str, object], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        prepare(small(**settings))


def test_an_unreachable_hub_is_reported_at_once(monkeypatch: pytest.MonkeyPatch, small: Make, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for source in ("wikitext-2", "hf:some/thing"):
        with pytest.raises(AscError, match=r"is fetched from 127.0.0.1, which does not answer .* --data stdlib"):
            load_corpus(source)
    with pytest.raises(AscError, match="The tokenizer some/model is fetched from"):
        prepare(small(data_cache=tmp_path, tokenizer="some/model"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("  \n")
    with pytest.raises(AscError, match="holds no text"):
        load_corpus(str(tmp_path / "empty.txt"))


@pytest.mark.parametrize("fetched", [False, True])
def test_special_tokens_in_a_text_stay_text(fetched: bool, tmp_path: Path) -> None:
    """A document that spells out the end token has no end within."""
    tokenizer = train([words(1), "the end"], 400)
    if fetched:
        tokenizer.save(tmp_path)
        tokenizer = fetch(str(tmp_path))
    text = f"Models end with <|endoftext|>, as {words(2, 9)} <|endoftext|>"
    (tokens,) = tokenizer.encode([text])
    assert tokenizer.end not in tokens
    assert tokenizer.decode(tokens) == text
    assert tokenizer.decode([tokenizer.end]) == "<|endoftext|>"


def test_documents_are_separated_by_the_end_token_alone(small: Make, tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"{words(number)} <|endoftext|> {words(number + 99, 20)}")
    found = prepare(small(data=str(tmp_path), data_cache=tmp_path / "cache"))
    (folder,) = (tmp_path / "cache" / "tokens").iterdir()
    ends = sum(int((np.load(folder / f"{name}.npy") == found.end).sum()) for name in SETS)
    assert ends == 60


def test_a_tokenizer_that_cannot_keep_a_text_apart_from_its_end_token_is_refused() -> None:
    from tokenizers import Tokenizer as Fast
    from tokenizers import models

    unigram = Fast(models.Unigram([("</s>", 0.0), *((letter, -1.0) for letter in "abc</s>")], None, False))
    tokenizer = Tokenizer(unigram, 0, 8)
    assert tokenizer.encode(["abc"])[0].tolist() == [1, 2, 3]
    with pytest.raises(AscError, match=r"1 of 2 texts contain '</s>', which the tokenizer cannot tell from .* bpe"):
        tokenizer.encode(["abc", "a</s>b"])


def test_tokens_of_an_earlier_version_are_made_again(
    small: Make, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(data=str(text), data_cache=tmp_path)
    prepare(config)
    monkeypatch.setattr("asc_nn_training.data.tokens.VERSION", 1)
    prepare(config)
    assert len(list((tmp_path / "tokens").iterdir())) == 2


def test_without_a_home_folder_tokens_stay_in_memory(
    small: Make, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pwd

    def nobody(number: int) -> None:
        raise KeyError(number)

    expected = prepare(small(data=str(text), data_cache=tmp_path / "cache"))
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("ASC_CACHE", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    found = prepare(small(data=str(text), data_cache=None))
    assert torch.equal(found.train.batch(7), expected.train.batch(7))
    assert found.remarks == (
        "There is no home folder for a cache, so every run makes its tokens again. Name a folder with --data-cache.",
    )
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.EROFS, "Read-only file system"), (errno.ENOSPC, "No space left on device"), (errno.EACCES, "Permission")],
)
def test_a_cache_that_cannot_be_written_is_left_out(
    number: int, expected: str, small: Make, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = prepare(small(data=str(text), data_cache=tmp_path / "kept"))

    def refuse(*arguments: object, **others: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        found = prepare(small(data=str(text), data_cache=tmp_path / "full"))
        again = prepare(small(data=str(text), data_cache=tmp_path / "kept"))
    assert torch.equal(found.train.batch(7), kept.train.batch(7))
    (remark,) = found.remarks
    assert f"could not be written to {tmp_path / 'full'}" in remark
    assert expected in remark
    assert "name another folder with --data-cache" in remark
    assert again.remarks == ()  # what is cached already is only read
