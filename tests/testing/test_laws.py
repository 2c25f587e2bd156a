"""The kit itself: laws cannot be lost, each states itself and has a failure hint, and the kit works from outside."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
import pytest

import asc.testing
from asc.predictor import History
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

pytest_plugins = ["pytester"]

OFFERED = [getattr(asc.testing, name) for name in asc.testing.__all__]
KINDS: list[type] = [kind for kind in OFFERED if isinstance(kind, type) and issubclass(kind, Laws)]
EACH = [pytest.param(kind, law, id=f"{kind.__name__}-{law}") for kind in KINDS for law in sorted(stated_by(kind))]

OUTSIDE = '''
from asc.testing import PredictorLaws
from asc.types import Combination


class Mine:
    """A stride; extends no base."""

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


RAISES = 'if history.positions[-1] > 50:\n            raise ValueError("too many")'
KIT = "asc.testing.pytest_plugin"
OPTIONS = ("-p", "no:cacheprovider", "-p", "no:xdist", "-rs", "--color=no")

Shown = Callable[..., str]


def outside(sign: str = "-", other: str = "+", before: str = "") -> str:
    """Return a test module with a predictor that continues at its rate, or goes as many steps back."""
    return OUTSIDE.format(sign=sign, other=other, before=before)


@pytest.fixture
def shown(pytester: pytest.Pytester) -> Shown:
    """Run pytest, within this process, on a test module that is no part of this repository; return what it prints."""

    def run(text: str, *arguments: str) -> str:
        pytester.makepyfile(test_mine=text)
        return "\n".join(pytester.runpytest_inprocess(*OPTIONS, *arguments).outlines)

    return run


@pytest.mark.parametrize(("kind", "law"), EACH)
def test_a_law_states_itself_in_one_line_and_has_a_failure_hint(kind: type, law: str) -> None:
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
    """Under all laws but one."""

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


def test_other_tests_stand_beside_the_laws() -> None:
    class More(Stride):
        def test_of_its_own(self) -> None:
            """Not a law."""

    assert "test_of_its_own" not in laws_of(More)
    More().test_of_its_own()


def test_a_class_that_cannot_be_extended_after_it_is_made_is_refused() -> None:
    class Slotted:
        __slots__ = ()

        def predict(self, history: History, horizon: int) -> None:
            """Predict nothing."""

    class Under(PredictorLaws):
        def predictor(self) -> Slotted:
            return Slotted()

    with pytest.raises(AssertionError, match=r"has __slots__ or is a tuple: let it extend Predictor\.$"):
        Under().test_fits_its_kind()


CHANGES = 'history.read("words")[-1]["n"] = 0'


def test_the_first_law_that_fails_shows_the_cause(shown: Shown) -> None:
    source = outside(before=CHANGES).replace("frozenset()", 'frozenset({"words"})')
    assert "_ TestMine.test_leaves_the_history_untouched _" in shown(source, "-x")


def test_laws_of_form_come_first_and_tests_of_ones_own_last(pytester: pytest.Pytester) -> None:
    own = "class TestMine(BackendLaws, ExactLaws):\n    def test_a(self): 0\n"
    order = [item.name for item in pytester.getitems(f"from asc.testing import BackendLaws, ExactLaws\n{own}")]
    assert order[:2] == ["test_fits_its_kind", "test_starts_the_same_each_time"]
    assert order[-1] == "test_a"
    assert set(order[:-1]) == laws_of(BackendLaws) | laws_of(ExactLaws)


LOOPS = "while horizon > 12:\n            pass"


def test_a_law_that_hangs_is_ended_and_names_the_method_and_the_place(shown: Shown) -> None:
    text = shown(outside(before=LOOPS).replace("dropped", "limit_s = 0.2\n    dropped"), "-x", "-p", KIT)
    assert re.search(r"\nMine\.predict did not return within 0\.2 s \(test_mine\.py, line 1[34]\): it loops, or", text)
    assert "_ TestMine.test_raises_nothing _" in text
    assert "If it is only slow, give the laws a larger limit_s" in text


def test_two_kinds_of_laws_stand_side_by_side() -> None:
    class Both(BackendLaws, ExactLaws):
        dropped: ClassVar = {"test_loss_is_bounded": "one of each", "test_outcome_is_json": "one of each"}

    for law in Both.dropped:
        with pytest.raises(SkipTest):
            getattr(Both(), law)()


def test_the_kit_works_from_outside(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(outside("-", "+"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *OPTIONS, f"--rootdir={tmp_path}", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    laws = len(laws_of(PredictorLaws))
    assert f"{laws - 3} passed, 3 skipped" in done.stdout, done.stdout + done.stderr
    assert "let it do so" in done.stdout
    assert "nobody waits for it" in done.stdout
    assert "cost of a call" not in done.stdout  # without the plugin


def test_a_law_that_fails_shows_its_sentence_and_the_costs_are_shown(shown: Shown) -> None:
    text = shown(outside("", "-"), "-p", KIT)
    laws = len(laws_of(PredictorLaws))
    assert f"1 failed, {laws - 4} passed, 3 skipped" in text, text
    assert "\nit is nowhere nearer than the last state" in text
    assert text.count("it is wrong everywhere. Check signs, and that coefficients stand oldest first") == 1
    assert "def test_beats_standing_still" not in text  # its sentence is enough
    assert "cost of a call" in text
    rows = [line for line in text.splitlines() if line.startswith("TestMine")]
    assert [row.split()[3] for row in rows] == ["count", "congruential", "lap", "mixed", "descent"]
    assert "worth it only" not in text
    assert all(" µs and " in row and row.endswith(" KiB a call") for row in rows)


@pytest.mark.parametrize("style", ["short", "long"])
def test_the_failure_hint_stands_below_a_failure_however_it_is_shown(style: str, shown: Shown) -> None:
    text = shown(outside("", "-"), "-p", KIT, f"--tb={style}", "-k", "beats_standing_still")
    assert "- if it fails -" in text
    failure = text.split("FAILURES")[1].split("if it fails")[0]
    assert ("laws/predictors.py" in failure, "def test_beats" in failure) == (True, style == "long")
    assert text.index("it is nowhere nearer") < text.index("\nit is wrong everywhere.")


def test_one_mistake_takes_few_lines(shown: Shown) -> None:
    text = shown(outside(before=RAISES), "-p", KIT)
    assert "see test_raises_nothing" in text
    assert text.count("raise ValueError") == 1  # one law shows where it happened
    assert "ValueError: too many (test_mine.py, line 14)" in text
    assert text.count("- if it fails -") == 2  # of test_raises_nothing, and of the run in which it was switched off
    assert len(text.splitlines()) < 150


def test_a_class_that_does_not_fit_its_kind_is_named_by_every_law(shown: Shown) -> None:
    text = shown(outside().replace("def predict(", "def predicts("), "-p", KIT, "-k", "fits_its_kind or raises_nothing")
    sentence = "The predictor Mine of test_mine has no method predict(history, horizon), but has predicts: rename"
    assert text.count(f"\n{sentence}") == 2
    assert text.count("- if it fails -") == 1


def test_one_mistake_shows_no_chain_of_tracebacks_without_the_plugin(shown: Shown) -> None:
    text = shown(outside(before=RAISES), "-k", "not raises_nothing")
    assert "direct cause" not in text
    assert "During handling" not in text
    assert "def require" not in text
    assert "def _predict" not in text


def test_an_error_in_other_code_is_shown_with_its_place(shown: Shown) -> None:
    text = outside().replace("return Mine()", 'raise LookupError("no such file")')
    text = shown(text, "-p", KIT, "-k", "raises_nothing")
    assert "test_mine.py:" in text
    assert "if it fails" not in text


def test_a_slow_call_is_remarked_on_and_never_judged(shown: Shown) -> None:
    text = shown(outside(before="import time; time.sleep(0.006 if horizon == 10 else 0)"), "-p", KIT, "-k", "cost")
    assert "1 passed" in text
    assert re.search(
        r"^TestMine: predict on \w+ takes \d+ ms a call: worth it only where a boundary of the run takes much longer\.",
        text,
        re.MULTILINE,
    )


def test_a_law_is_not_lost_to_another_base() -> None:
    class Lenient:
        def test_raises_nothing(self) -> None:
            """Nothing."""

    with pytest.raises(TypeError, match="loses the law test_raises_nothing to another of its bases"):
        type("TestMine", (Lenient, PredictorLaws), {})


def test_only_a_pickle_counts_as_a_pickle(tmp_path: Path) -> None:
    """Lengths at the beginning of a file may look like a pickle; members of an archive are examined as well."""
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
