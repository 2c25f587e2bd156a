"""The kit itself: laws cannot be lost, each says what it states and what to do, and it works from outside."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
import pytest

import asc.testing
from asc.predictors.linear import Linear
from asc.testing import (
    BackendLaws,
    CacheLaws,
    ComputationLaws,
    ExactLaws,
    JudgedLaws,
    PredictorLaws,
    RecognizerLaws,
    ValidatorLaws,
)
from asc.testing.laws import Laws, backends, laws_of, stated_by

OFFERED = [getattr(asc.testing, name) for name in asc.testing.__all__]
KINDS: list[type] = [kind for kind in OFFERED if isinstance(kind, type) and issubclass(kind, Laws)]
EACH = [pytest.param(kind, law, id=f"{kind.__name__}-{law}") for kind in KINDS for law in sorted(stated_by(kind))]

OUTSIDE = '''
from asc.testing import PredictorLaws
from asc.types import Combination


class Mine:
    """A stride."""

    needs = frozenset()

    def predict(self, history, horizon):
        if len(history.positions) < 2:
            return None
        {before}
        before, newest = history.positions[-2:]
        return Combination(({sign}horizon / (newest - before), 1 {other} horizon / (newest - before)))


class TestMine(PredictorLaws):
    dropped = {{"test_work_does_not_grow": "nobody waits for it"}}

    def predictor(self):
        return Mine()
'''


RAISES = 'if len(history.positions) > 5:\n            raise ValueError("too many")'


def outside(sign: str = "-", other: str = "+", before: str = "") -> str:
    """Return a test module with a predictor that goes on at its rate, or as many steps back."""
    return OUTSIDE.format(sign=sign, other=other, before=before)


def pytest_outside(folder: Path, text: str, *arguments: str) -> str:
    """Run pytest on a test module that is no part of this repository; return what it prints."""
    (folder / "test_mine.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-rs", "--color=no"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [*command, f"--rootdir={folder}", *arguments, "test_mine.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("kind", "law"), EACH)
def test_a_law_states_itself_in_one_line_and_says_what_to_do(kind: type, law: str) -> None:
    first, *rest = (getattr(kind, law).__doc__ or "").split("\n")
    assert first[0].isupper()
    assert first.endswith(".")
    assert rest[0] == ""
    assert "If it fails: " in " ".join(" ".join(rest).split())


@pytest.mark.parametrize(
    ("kind", "name", "arguments"),
    [
        (BackendLaws, "backend", ()),
        (CacheLaws, "cache", (8,)),
        (ComputationLaws, "computation", ()),
        (ExactLaws, "computation", ()),
        (JudgedLaws, "computation", ()),
        (PredictorLaws, "predictor", ()),
        (RecognizerLaws, "recognizer", ()),
        (ValidatorLaws, "validator", ()),
    ],
)
def test_a_law_class_says_what_to_give(kind: type, name: str, arguments: tuple[int, ...]) -> None:
    assert not kind.__name__.startswith("Test")  # imported into a test module, the class itself is not collected
    with pytest.raises(NotImplementedError, match=f"^give the class a method {name}[(].*that makes the one"):
        getattr(kind(), name)(*arguments)


def test_what_is_public_is_sorted_and_there() -> None:
    names = asc.testing.__all__
    assert sorted(names) == sorted(set(names))
    constants, others = ([name for name in names if name.isupper() is upper] for upper in (True, False))
    assert names == [*sorted(constants), *sorted(others, key=lambda name: (name[0].islower(), name))]
    public = {name for name, value in vars(asc.testing).items() if not name.startswith("_") and not _module(value)}
    assert public - {"annotations"} == set(names)


def _module(value: Any) -> bool:
    return type(value).__name__ == "module"


class Stride(PredictorLaws):
    """Under the laws, but for one."""

    dropped: ClassVar = {"test_raises_nothing": "it is known to raise on Sundays"}

    def predictor(self) -> Linear:
        return Linear()


def test_a_dropped_law_is_skipped_with_its_reason() -> None:
    with pytest.raises(SkipTest, match=r"^it is known to raise on Sundays$"):
        Stride().test_raises_nothing()
    assert Stride.test_raises_nothing.__doc__ == "Dropped: it is known to raise on Sundays"
    assert Stride.test_raises_nothing.__name__ == "test_raises_nothing"
    PredictorLaws.test_raises_nothing(Stride())  # the law itself is what it was


def test_a_law_stays_dropped_in_a_class_below() -> None:
    class Below(Stride):
        pass

    with pytest.raises(SkipTest):
        Below().test_raises_nothing()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_law_cannot_be_dropped(kind: type) -> None:
    law = min(laws_of(kind))
    with pytest.raises(TypeError, match=rf'^Mine drops {law}s, which is no law; did you mean "{law}"\?$'):
        type("Mine", (kind,), {"dropped": {f"{law}s": "a slip of the pen"}})
    with pytest.raises(TypeError, match=r"^Mine drops xyzzy, which is no law\.$"):
        type("Mine", (kind,), {"dropped": {"xyzzy": "nothing like it"}})


@pytest.mark.parametrize("kind", KINDS)
def test_a_law_is_not_dropped_without_a_reason(kind: type) -> None:
    law = min(laws_of(kind))
    with pytest.raises(TypeError, match=f"^Mine drops {law} without a reason: write a sentence that says why\\.$"):
        type("Mine", (kind,), {"dropped": {law: "  "}})


@pytest.mark.parametrize("kind", KINDS)
def test_a_law_is_not_replaced(kind: type) -> None:
    law = min(laws_of(kind))
    with pytest.raises(TypeError, match=f"^Mine replaces the law {law}\\. Give your own test another name"):
        type("Mine", (kind,), {law: lambda self: None})


def test_tests_of_ones_own_stand_beside_the_laws() -> None:
    class More(Stride):
        def test_of_its_own(self) -> None:
            """Not a law."""

    assert "test_of_its_own" not in laws_of(More)
    More().test_of_its_own()


def test_two_kinds_of_laws_stand_side_by_side() -> None:
    class Both(BackendLaws, ExactLaws):
        dropped: ClassVar = {"test_loss_is_bounded": "one of each", "test_outcome_is_json": "one of each"}

    for law in Both.dropped:
        with pytest.raises(SkipTest):
            getattr(Both(), law)()


def test_the_kit_works_from_outside(tmp_path: Path) -> None:
    said = pytest_outside(tmp_path, outside("-", "+"))
    laws = len(laws_of(PredictorLaws))
    assert f"{laws - 3} passed, 3 skipped" in said, said
    assert "so there is no state to keep" in said
    assert "nobody waits for it" in said


def test_a_law_that_fails_outside_shows_its_sentence_and_the_costs_are_shown(tmp_path: Path) -> None:
    said = pytest_outside(tmp_path, outside("", "-"), "-p", "asc.testing.pytest_plugin")
    laws = len(laws_of(PredictorLaws))
    assert f"1 failed, {laws - 4} passed, 3 skipped" in said, said
    assert "\nit is nowhere nearer than the last state" in said
    assert said.count("it is wrong everywhere. Check signs, and that coefficients stand oldest first") == 1
    assert "def test_beats_standing_still" not in said  # its sentence is enough
    assert "cost of a call" in said
    rows = [line for line in said.splitlines() if line.startswith("TestMine")]
    assert [row.split()[3] for row in rows] == ["count", "congruential", "lap", "mixed", "descent"]
    assert "worth it only" not in said
    assert all(" µs and " in row and row.endswith(" KiB a call") for row in rows)


def test_without_costs_there_is_no_table_of_them(tmp_path: Path) -> None:
    assert "cost of a call" not in pytest_outside(tmp_path, outside("-", "+"), "-k", "cost")


@pytest.mark.parametrize("style", ["short", "long"])
def test_what_to_do_stands_below_a_failure_however_it_is_shown(style: str, tmp_path: Path) -> None:
    plugin = ("-p", "asc.testing.pytest_plugin", f"--tb={style}", "-k", "beats_standing_still")
    said = pytest_outside(tmp_path, outside("", "-"), *plugin)
    assert "- if it fails -" in said
    shown = said.split("FAILURES")[1].split("if it fails")[0]
    assert ("laws/predictors.py" in shown, "def test_beats" in shown) == (True, style == "long")
    assert said.index("it is nowhere nearer") < said.index("\nit is wrong everywhere.")


def test_one_mistake_takes_few_lines(tmp_path: Path) -> None:
    said = pytest_outside(tmp_path, outside(before=RAISES), "-p", "asc.testing.pytest_plugin")
    assert "see test_raises_nothing" in said
    assert said.count("raise ValueError") == 1  # where it happened is shown by one law
    assert "ValueError: too many (test_mine.py, line 15)" in said
    assert said.count("- if it fails -") == 2  # that of test_raises_nothing, and of the run that it was switched off in
    assert len(said.splitlines()) < 150


def test_one_mistake_shows_no_chain_of_tracebacks_without_the_plugin(tmp_path: Path) -> None:
    said = pytest_outside(tmp_path, outside(before=RAISES), "-k", "not raises_nothing")
    assert "direct cause" not in said
    assert "During handling" not in said
    assert "def require" not in said
    assert "def _ask" not in said


def test_an_error_elsewhere_is_shown_with_its_place(tmp_path: Path) -> None:
    text = outside().replace("return Mine()", 'raise LookupError("no such file")')
    said = pytest_outside(tmp_path, text, "-p", "asc.testing.pytest_plugin", "-k", "raises_nothing")
    assert "test_mine.py:" in said
    assert "if it fails" not in said


def test_a_slow_call_is_remarked_on_and_never_judged(tmp_path: Path) -> None:
    text = outside(before="import time; time.sleep(0.006 if horizon == 10 else 0)")
    said = pytest_outside(tmp_path, text, "-p", "asc.testing.pytest_plugin", "-k", "cost")
    assert "1 passed" in said
    assert re.search(
        r"^TestMine: predict on \w+ takes \d+ ms a call: worth it only where a boundary of the run takes much longer\.",
        said,
        re.MULTILINE,
    )


def test_a_law_is_not_lost_to_another_base() -> None:
    class Lenient:
        def test_raises_nothing(self) -> None:
            """Nothing."""

    with pytest.raises(TypeError, match="loses the law test_raises_nothing to another of its bases"):
        type("TestMine", (Lenient, PredictorLaws), {})


def test_what_is_no_pickle_is_not_taken_for_one(tmp_path: Path) -> None:
    """Lengths at the beginning of a file may look like one; members of an archive are looked into."""
    looks_like_one = tmp_path / "data.safetensors"
    looks_like_one.write_bytes(b"\x80\x04\x00\x00\x00\x00\x00\x00" + b"{" + b" " * 1150 + b"}")
    assert not any(map(backends._is_pickle, backends._parts(looks_like_one)))
    real = tmp_path / "real"
    real.write_bytes(pickle.dumps({"a": [1, 2]}))
    assert any(map(backends._is_pickle, backends._parts(real)))
    np.savez_compressed(tmp_path / "objects.npz", a=np.array([{}, None], dtype=object))
    assert any(map(backends._is_pickle, backends._parts(tmp_path / "objects.npz")))
    np.savez_compressed(tmp_path / "numbers.npz", a=np.arange(5))
    assert not any(map(backends._is_pickle, backends._parts(tmp_path / "numbers.npz")))
