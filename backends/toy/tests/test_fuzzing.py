"""The fuzzer itself: the same program for a seed, differences of every kind found, a broken `accelerate` caught."""

from __future__ import annotations

import array
import collections
import copy
import random
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fuzzing import judge as judging
from fuzzing.ambient import in_known_surroundings
from fuzzing.case import Case, case
from fuzzing.differences import difference
from fuzzing.draw import draw
from fuzzing.judge import CRASHED, DIFFERENT, EXACT, HARMLESS, RAISED, REFUSED, VAGUE, Verdict, judge
from fuzzing.plain import run_loop
from fuzzing.shrink import describe, shrink
from fuzzing.subject import Statement, Subject, Word, loaded

from asc.errors import AscError, StepError

NAN = float("nan")
SETTINGS = {"executor": "none"}


def twin(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"w": value}, {"w": copy.deepcopy(value)}


def test_a_seed_always_draws_the_same_program() -> None:
    assert [draw(seed).source() for seed in range(50)] == [draw(seed).source() for seed in range(50)]
    assert [case(seed) for seed in range(50)] == [case(seed) for seed in range(50)]
    assert len({draw(seed).source() for seed in range(50)}) == 50


def test_every_program_compiles_and_most_take_all_their_steps() -> None:
    def ends(seed: int) -> bool:
        with loaded(draw(seed)) as program:
            return run_loop(program, 3).complete

    assert sum(in_known_surroundings(partial(ends, seed)) for seed in range(100)) > 90


@pytest.mark.parametrize(
    "value",
    [
        [1, 2.5, NAN, -0.0, "a", b"b", None, True, 1j],
        {"a": [1], "b": {"c": (1, 2)}},
        {3, 1, 2},
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.eye(3)),
        np.ma.array([1, 2], mask=[0, 1]),
        np.array([None, [1]], dtype=object),
        np.zeros(2, [("a", "i4"), ("b", "f8")]),
        collections.deque([1], maxlen=3),
        SimpleNamespace(x=[1]),
        random.Random(3),
        np.random.default_rng(3),
        array.array("q", [1]),
        bytearray(b"a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_equal_values_do_not_differ(value: Any) -> None:
    assert difference(*twin(value)) == ""


A, B = np.arange(4), np.arange(4.0)
L = [1]


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": np.int64(1)}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}),
        ({"a": {8, 0}}, {"a": {0, 8}}),
        ({"a": [1]}, {"a": (1,)}),
        ({"a": [0.0]}, {"a": [-0.0]}),
        ({"a": A}, {"a": A.astype(np.int32)}),
        ({"a": A}, {"a": A.reshape(2, 2)}),
        ({"a": A}, {"a": A + 1}),
        ({"a": A}, {"a": A.astype(">i8")}),
        ({"a": np.eye(3)}, {"a": np.asfortranarray(np.eye(3))}),
        ({"a": np.eye(2)}, {"a": np.ma.array(np.eye(2))}),
        ({"a": np.ma.array([1, 2])}, {"a": np.ma.array([1, 2], mask=[0, 1])}),
        ({"a": B, "b": B}, {"a": B, "b": B.copy()}),
        ({"a": B, "b": B[1:3]}, {"a": B, "b": B[1:3].copy()}),
        ({"a": L, "b": L}, {"a": L, "b": [1]}),
        ({"a": L, "b": [1]}, {"a": L, "b": L}),
        ({"a": [L, L]}, {"a": [L, [1]]}),
        ({"a": collections.deque([1])}, {"a": collections.deque([1], maxlen=2)}),
        ({"a": SimpleNamespace(x=1)}, {"a": SimpleNamespace(x=2)}),
        ({"a": random.Random(1)}, {"a": random.Random(2)}),
        ({"a": np.array([0.0])}, {"a": np.array([-0.0])}),
        ({"a": np.array([1, [2]], dtype=object)}, {"a": np.array([1, [3]], dtype=object)}),
    ],
)
def test_different_values_differ(expected: dict[str, Any], found: dict[str, Any]) -> None:
    if isinstance(expected.get("a"), set) and list(expected["a"]) == list(found["a"]):
        pytest.skip("these sets have the same order here")
    assert difference(expected, found) != ""


def subject(*statements: str, may: tuple[str, ...] = (), words: str = "n", first: str = "") -> Subject:
    state = tuple(Word(name, "[1]" if name.startswith("list") else "0") for name in words.split())
    return Subject(1, "affine", state, tuple(Statement(text, may, first) for text in statements), 20)


def accelerated_by(run: Callable[[Any, Mapping[str, Any], int], Any]) -> Callable[..., Any]:
    """Return an `accelerate` of which only the loop differs from one that is right."""

    def accelerate(step: Any, state: Mapping[str, Any], steps: int, config: Any, **options: Any) -> Any:
        summary = {"skipped": 3, "reason": "", "warnings": []}
        state = run(step, step.__globals__["initial"](), steps)  # what was given stays as it is
        return SimpleNamespace(state=state, summary=summary | {"position": steps})

    return accelerate


def own_loop(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
    from fuzzing.plain import State

    held = State()
    vars(held).update(state)
    for position in range(steps):
        try:
            step(held)
        except Exception as error:
            caught = StepError("it raised")
            caught.position, caught.state = position, None
            raise caught from error
    return vars(held)


def verdict(monkeypatch: pytest.MonkeyPatch, program: Subject, run: Any) -> Verdict:
    monkeypatch.setattr(judging, "accelerate", accelerated_by(run))
    return judge(Case(program, SETTINGS, False))


def test_the_right_loop_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(60):
        found = verdict(monkeypatch, draw(seed)._replace(until=""), own_loop)
        assert found.outcome in (EXACT, RAISED), describe(case(seed), found)


def one_more(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
    return own_loop(step, state, steps + 1)


def sorted_names(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
    return dict(sorted(own_loop(step, state, steps).items()))


def separated(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in own_loop(step, state, steps).items()}


def step_twice_at_first(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
    own_loop(step, copy.deepcopy(state), 1)
    return own_loop(step, state, steps)


@pytest.mark.parametrize(
    ("statements", "words", "wrong"),
    [
        (["s.n += 1"], "n", one_more),
        (["s.n += 1"], "z n", sorted_names),
        (["s.list1 = s.list0", "s.n += 1"], "n list0", separated),
        (["s.n = random.random()"], "n", step_twice_at_first),
        (["print(s.n)"], "n", step_twice_at_first),
        (["LOG.append(1)"], "n", step_twice_at_first),
        (["s.n = tick()"], "n", step_twice_at_first),
        (["fees.CALLS.append(1)"], "n", step_twice_at_first),
        (["s.n = s.n + 1\nif s.n > 5:\n    raise KeyError(s.n)"], "n", lambda step, state, steps: dict(state)),
    ],
)
def test_a_wrong_loop_is_caught(monkeypatch: pytest.MonkeyPatch, statements: list[str], words: str, wrong: Any) -> None:
    program = subject(*statements, words=words)
    assert verdict(monkeypatch, program, own_loop).outcome in (EXACT, RAISED)
    assert verdict(monkeypatch, program, wrong).outcome == DIFFERENT


def test_a_changed_initial_state_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = accelerated_by(own_loop)

    def careless(step: Any, state: Any, steps: int, config: Any) -> Any:
        result = right(step, state, steps, config)
        state["list0"].append(2)
        return result

    monkeypatch.setattr(judging, "accelerate", careless)
    found = judge(Case(subject("s.n += 1", words="n list0"), SETTINGS, False))
    assert (found.outcome, found.text[:27]) == (DIFFERENT, "the given state was changed")


def refusing(sentence: str) -> Any:
    def run(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
        raise AscError(sentence)

    return run


def test_a_refusal_is_right_only_where_it_names_what_the_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "the step changes `COUNT`"
    impure, pure = subject("global COUNT\nCOUNT += 1", may=("COUNT",)), subject("s.n += 1")
    assert verdict(monkeypatch, impure, refusing(sentence)).outcome == REFUSED
    assert verdict(monkeypatch, impure, refusing("it is not deterministic")).outcome == VAGUE
    assert verdict(monkeypatch, pure, refusing(sentence)).outcome == HARMLESS


def test_anything_else_that_is_raised_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def crashing(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
        raise ZeroDivisionError("oh")

    found = verdict(monkeypatch, subject("s.n += 1"), crashing)
    assert found.outcome == CRASHED
    assert "ZeroDivisionError: oh" in found.text


@pytest.mark.parametrize("change", [{"position": 4}, {"state": {"n": 9}}])
def test_an_error_must_come_at_the_same_position_with_the_last_good_state(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    def raising(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
        try:
            return own_loop(step, state, steps)
        except StepError as error:
            for name, value in ({"state": {"n": 5}} | change).items():
                setattr(error, name, value)
            raise

    program = subject("if s.n == 5:\n    s.n = 0\n    raise KeyError(s.n)", "s.n += 1")
    assert verdict(monkeypatch, program, own_loop).outcome == RAISED
    assert verdict(monkeypatch, program, raising).outcome == DIFFERENT


def test_a_failure_shrinks_to_what_causes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(step: Any, state: Mapping[str, Any], steps: int) -> dict[str, Any]:
        ended = own_loop(step, state, steps)
        return {**ended, "x": ended["x"] + 1} if "x" in ended else ended

    program = subject("s.y = s.n", "s.x = 3", "s.z += 1", "s.n += 1", words="n y z")
    found = verdict(monkeypatch, program, wrong)
    small, found = shrink(Case(program, SETTINGS, False), found)
    assert [statement.source for statement in small.subject.statements] == ["s.x = 3"]
    assert ([word.name for word in small.subject.words], found.outcome) == (["n"], DIFFERENT)
    assert "s.x = 3" in describe(small, found)
