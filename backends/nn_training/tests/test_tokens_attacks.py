"""Attacks on the token cache: whatever is wrong with its files, a run gets the right tokens, or makes them again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failing_disk import DISK, HOWS, Countdown, How, Killed
from replaced_files import folder, nowhere, pipe

from asc_nn_training.data.splits import SETS
from asc_nn_training.data.tokenizer import Tokenizer, train
from asc_nn_training.data.tokens import Tokenized, cached

KEY: dict[str, Any] = {"corpus": "a text", "vocabulary": 300}
EVENTS = 24  # more than the making of a cache has
FILES = ("meta.json", "tokenizer.json", *(f"{name}.npy" for name in SETS))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(["the end of the text that the tokenizer learns from"], 270)


@pytest.fixture
def use(tokenizer: Tokenizer, tmp_path: Path) -> Callable[[], int]:
    """Use the cache in a folder as a run does; return how often the tokens had to be made. They are always right."""

    def used() -> int:
        times, remarks = 0, list[str]()

        def make() -> Tokenized:
            nonlocal times
            times += 1
            return Tokenized(
                {name: np.arange(number + 5, dtype=np.uint16) for number, name in enumerate(SETS)}, tokenizer
            )

        found = cached(tmp_path, KEY, make, remarks)
        assert {name: found.sets[name].tolist() for name in SETS} == {
            name: list(range(number + 5)) for number, name in enumerate(SETS)
        }
        assert found.tokenizer.to_text() == tokenizer.to_text()
        assert (found.tokenizer.end, found.tokenizer.vocabulary) == (tokenizer.end, tokenizer.vocabulary)
        assert all("could not be written" in remark for remark in remarks)
        return times

    return used


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("event", range(EVENTS))
def test_a_cache_whose_files_fail_from_any_event_on_is_whole_or_made_again(
    use: Callable[[], int], tmp_path: Path, event: int, how: How
) -> None:
    """Once while it is made, and once while a damaged one is replaced."""
    for damaged in (False, True):
        if damaged:
            next(tmp_path.glob("tokens/*/train.npy")).write_bytes(b"")
        with suppress(Killed), DISK.failing(tmp_path, how, Countdown(event)):
            use()
        assert use() <= 1
        assert use() == 0


def test_every_event_of_the_cache_is_among_them(use: Callable[[], int], tmp_path: Path) -> None:
    use()
    next(tmp_path.glob("tokens/*/train.npy")).write_bytes(b"")
    events = Countdown(EVENTS)
    with DISK.failing(tmp_path, "killed", events):
        use()
    assert 0 <= events.left < EVENTS // 2, "neither too few nor many that never come"


def flipped(path: Path, place: float) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def gone(path: Path) -> None:
    path.unlink()


def foreign(path: Path) -> None:
    """Put there what belongs to another cache: for tokens, those of another set."""
    if path.suffix == ".npy":
        np.save(path, np.arange(3, dtype=np.uint16))
    else:
        found = json.loads(path.read_text())
        path.write_text(json.dumps(found | {"key": {"corpus": "another"}, "version": "2.0"}))


DAMAGES = (*(partial(flipped, place=place) for place in (0.0, 0.3, 0.5, 0.8, 1.0)), cut, emptied, longer, gone)


@pytest.mark.parametrize("damage", [*DAMAGES, pipe, folder, nowhere, foreign])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_noticed_and_the_tokens_are_made_again(
    use: Callable[[], int], tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    assert use() == 1
    (found,) = (tmp_path / "tokens").iterdir()
    damage(found / file)
    assert use() == 1
    assert use() == 0


@pytest.mark.parametrize("name", ["end", "vocabulary"])
def test_a_number_beside_the_tokens_that_is_not_as_it_was_written_is_noticed(
    use: Callable[[], int], tmp_path: Path, name: str
) -> None:
    use()
    (meta,) = tmp_path.glob("tokens/*/meta.json")
    found = json.loads(meta.read_text())
    meta.write_text(json.dumps(found | {name: found[name] + 1}))
    assert use() == 1
    assert use() == 0


def test_the_cache_of_another_corpus_under_this_name_is_noticed(
    use: Callable[[], int], tmp_path: Path, tokenizer: Tokenizer
) -> None:
    use()
    (mine,) = (tmp_path / "tokens").iterdir()
    other = Tokenized({name: np.zeros(9, np.uint16) for name in SETS}, tokenizer)
    cached(tmp_path / "other", {**KEY, "corpus": "another"}, lambda: other, [])
    (theirs,) = (tmp_path / "other" / "tokens").iterdir()
    shutil.rmtree(mine)
    theirs.rename(mine)
    assert use() == 1
    assert use() == 0


@pytest.mark.parametrize("place", ["tokens", "tokens/*"])
def test_a_file_in_place_of_a_folder_gets_a_remark(use: Callable[[], int], tmp_path: Path, place: str) -> None:
    use()
    (folder,) = tmp_path.glob(place)
    shutil.rmtree(folder)
    folder.write_text("a file")
    assert use() == use() == 1
