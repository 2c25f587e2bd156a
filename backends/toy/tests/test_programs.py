"""Each built-in program does what its hand-written and its whole-array form do, and has the property that it shows."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tokenize
from collections import Counter
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.errors import AscError
from asc.words import same
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build, cellular, collatz, collatz_big, lexer, linked_list
from asc_toy.programs.source_text import source
from asc_toy.state import copied, plain_state

MOST = {
    "collatz": 100,
    "collatz-count": 100,
    "collatz-memo": 3,
    "list-ordered": 3,
    "list-shuffled": 3,
    "matrix-rows": 20,
    "lcg-pi": 150,
    "cellular": 8,
    "logistic": 8,
    "lexer": 12,
    "collatz-single": 30,
    "sha256-chain": 8,
}
"""The largest n that is quick to run."""

seeds = st.integers(0, 1 << 40)


def ended(program: Program, state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in program.state}


def final(program: Program) -> dict[str, Any]:
    state = plain_state(copied(program.state))
    for _ in range(program.steps):
        program.step(state)
    return ended(program, state)


def assert_same(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert set(left) == set(right)
    for name, value in left.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == right[name].dtype
            np.testing.assert_array_equal(value, right[name])
        else:
            assert same(value, right[name]), name


def options_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    if name == "cellular":
        return st.fixed_dictionaries({"rule": st.integers(0, 255)})
    if name == "logistic":
        return st.fixed_dictionaries({"r": st.floats(0.0, 4.0)})
    return st.just({})


class Spy:
    """A state that records which names are read, and ignores accumulations."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__["values"] = values
        self.__dict__["reads"] = set()

    def __getattr__(self, name: str) -> Any:
        if name in {"add", "minimum", "maximum"}:
            return lambda *_: None
        self.reads.add(name)
        return self.values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.values[name] = value


@pytest.mark.parametrize("name", PROGRAMS)
@settings(max_examples=10)
@given(data=st.data())
def test_program_ends_as_the_hand_written_loop_and_numpy_do(name: str, data: st.DataObject) -> None:
    n, seed = data.draw(st.integers(1, MOST[name])), data.draw(seeds)
    options = data.draw(options_of(name))
    info = PROGRAMS[name]
    end = final(build(name, n, seed, options))
    assert_same(end, info.reference(n, seed, **options))
    if info.numpy_line is not None:
        assert_same(end, info.numpy_line(n, seed, **options))


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_arguments_give_the_same_program_and_another_seed_another(name: str) -> None:
    n = MOST[name]
    first, again, other = (dict(build(name, n, seed).state) for seed in (3, 3, 4))
    assert_same(first, again)
    assert any(not np.array_equal(first[word], other[word]) for word in first)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_from_the_same_state_gives_the_same_state(name: str) -> None:
    program = build(name, MOST[name], 5)
    first, again = (plain_state(copied(program.state)) for _ in range(2))
    for _ in range(min(program.steps, 4)):
        program.step(first)
        program.step(again)
    assert_same(ended(program, first), ended(program, again))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_reads_few_names(name: str) -> None:
    program = build(name, MOST[name])
    spy = Spy(dict(program.state))
    program.step(spy)
    assert len(spy.reads) <= 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_travel_to_workers_by_reference(name: str) -> None:
    step = build(name, 1).step
    assert pickle.loads(pickle.dumps(step)) is step


@pytest.mark.parametrize("info", PROGRAMS.values(), ids=PROGRAMS)
def test_every_entry_is_complete(info: Any) -> None:
    usual, demo = build(info.name), build(info.name, info.demo_n)
    assert usual.name == demo.name == info.name
    assert 1_000 <= demo.steps <= usual.steps
    assert info.n > info.demo_n
    assert info.summary
    assert info.counts
    assert info.lesson.endswith(".")
    assert (info.numpy_line is None) == bool(info.no_numpy)


def test_the_registry_imports_no_program() -> None:
    code = (
        "import sys, asc_toy.programs as p; print(*(i.where.partition(':')[0] for i in p.PROGRAMS.values()), sep='\\n')"
    )
    code += "; print('loaded', *(m for m in sys.modules if m.startswith('asc_toy.programs.')))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    lines = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert lines[-1] == "loaded asc_toy.programs.info"


def test_an_unknown_program_is_refused_with_the_nearest_and_all() -> None:
    with pytest.raises(
        AscError, match=r'no built-in program "colatz"; did you mean "collatz"\? The programs are collatz, .*sha256'
    ):
        build("colatz")
    with pytest.raises(AscError, match=r'no built-in program "xyzzy"\. The programs are '):
        build("xyzzy")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("collatz", 0), r"given n=0; n counts the starts to try and is at least 1, such as n="),
        *(
            ((name, 10**9), r"given n=1000000000, which takes [0-9,]+\.0 GB of memory, and [0-9.]+ GB are free: give a")
            for name in ("list-ordered", "list-shuffled", "matrix-rows")
        ),
        (("collatz-single", 10**9), r"n counts the steps of 64 iterations each and is at most 200,000,000"),
        *(((name, 10**16), r"is at most [0-9,]+\.$") for name in PROGRAMS),
        (("collatz", 10, -1), r"given seed=-1; a seed is a whole number, at least 0"),
        (("collatz", 10, 0, {"rule": 30}), r"has no option rule; it takes none"),
        (("cellular", 10, 0, {"r": 3.0}), r"has no option r; it takes rule"),
        (("cellular", 10, 0, {"rule": 256}), r"rule of the program cellular was given 256; it takes a whole number"),
        (("cellular", 10, 0, {"rule": 1.5}), r"it takes a whole number from 0 to 255, such as rule=90"),
        (("cellular", 10, 0, {"rule": "ninety"}), r"was given 'ninety'"),
        (
            ("logistic", 10, 0, {"r": 4.5}),
            r"r of the program logistic was given 4\.5; it takes a number from 0\.0 to 4\.0",
        ),
        (("logistic", 10, 0, {"r": float("nan")}), r"was given nan"),
    ],
)
def test_what_a_program_cannot_take_is_refused_with_what_it_takes(arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        build(*arguments)


def test_options_come_as_text_too() -> None:
    assert build("cellular", 1, 0, {"rule": "110"}).state["rule"] == 110
    assert build("logistic", 1, 0, {"r": "4"}).state["r"] == 4.0


def test_collatz_finds_the_known_longest_trajectory() -> None:
    assert final(build("collatz", 1_000))["best"] == 178 << 64 | 871
    assert final(build("collatz-count", 10))["total"] == 0 + 1 + 7 + 2 + 5 + 8 + 16 + 3 + 19 + 6


def test_collatz_with_numpy_refuses_starts_whose_trajectories_overflow() -> None:
    with pytest.raises(AscError, match=r"below 2\^32"):
        collatz.count_by_numpy(1 << 32, 1)


def test_a_step_of_a_remembered_trajectory_reads_nothing_but_x() -> None:
    spy = Spy({"x": 3**500, "upcoming": 0, "total": 0})  # 793 bits
    collatz_big.memo(spy)
    assert spy.reads == {"x"}
    assert spy.values["x"].bit_length() == 6 * collatz_big.DIGIT


def test_neighbouring_trajectories_pass_the_same_values() -> None:
    program = build("collatz-memo", 30, 1)
    state = plain_state(copied(program.state))
    seen = set()
    for _ in range(program.steps):
        seen.add((state.x, state.upcoming if state.x == 1 else None))  # what the step will read
        program.step(state)
    assert len(seen) < 30 + program.steps // 4
    assert state.x == 1
    assert state.upcoming == program.state["upcoming"] + 30


def test_the_single_trajectory_neither_ends_nor_repeats() -> None:
    program = build("collatz-single", 200, 2)
    state = plain_state(copied(program.state))
    seen = {state.x}
    for _ in range(program.steps):
        program.step(state)
        seen.add(state.x)
    assert len(seen) == 1 + program.steps


@pytest.mark.parametrize("name", ["list-ordered", "list-shuffled"])
def test_a_lap_of_the_list_is_a_power_of_two_of_steps_and_visits_every_node(name: str) -> None:
    program = build(name, 5, 7)
    state = plain_state(copied(program.state))
    following, p, visited = program.state["following"], 0, set()
    for _ in range(64):
        for _ in range(5):
            visited.add(p)
            p = int(following[p])
        program.step(state)
        assert state.p == p
    assert p == 0
    assert visited == set(range(320))
    assert linked_list.STEPS == 64


def test_the_layout_of_the_list_does_not_change_what_is_found() -> None:
    assert final(build("list-ordered", 4, 9))["best"] == final(build("list-shuffled", 4, 9))["best"]


def test_pi_is_near() -> None:
    assert abs(4 * final(build("lcg-pi", 200))["hits"] / (200 * 256) - np.pi) < 0.03


@pytest.mark.parametrize("rule", [0, 30, 90, 110, 184, 255])
def test_cellular_follows_wolframs_numbering(rule: int) -> None:
    program = build("cellular", 1, 3, {"rule": rule})
    cells = program.state["cells"]
    row = [cells >> (60 - i) & 1 for i in range(61)]  # the highest bit stands leftmost
    for _ in range(cellular.GENERATIONS):
        row = [rule >> (4 * row[i - 1] + 2 * row[i] + row[(i + 1) % 61]) & 1 for i in range(61)]
    assert final(program)["cells"] == sum(bit << (60 - i) for i, bit in enumerate(row))


def test_logistic_map_has_the_known_period() -> None:
    end = final(build("logistic", 4, 1, {"r": 3.5}))["x"]
    orbit = [end]
    for _ in range(4):
        orbit.append(3.5 * orbit[-1] * (1.0 - orbit[-1]))
    assert orbit[4] == end
    assert len(set(orbit)) == 4


@settings(max_examples=10)
@given(seed=seeds)
def test_the_lexer_counts_what_pythons_tokenizer_counts(seed: int) -> None:
    text = source(30_000, seed)
    padded = np.frombuffer(text + b"\n" * (-len(text) % lexer.CHUNK), np.uint8)
    state = plain_state(copied({**build("lexer", 1, 0).state, "text": padded}))
    for _ in range(len(padded) // lexer.CHUNK):
        lexer.step(state)
    kinds = Counter(token.type for token in tokenize.tokenize(io.BytesIO(text).readline))
    assert state.mode == lexer.CODE
    assert state.names == kinds[tokenize.NAME] > 0
    assert state.numbers == kinds[tokenize.NUMBER] > 0
    assert state.strings == kinds[tokenize.STRING] > 0
    assert state.comments == kinds[tokenize.COMMENT] > 0


def test_a_long_run_of_the_lexer_reads_its_text_again_in_other_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexer, "TEXT", 10_000)
    program = build("lexer", 12, 1)
    size = len(program.state["text"])
    assert size % 2 == 1
    assert 2 * size < 12 * lexer.CHUNK
    assert_same(final(program), PROGRAMS["lexer"].reference(12, 1))


def test_the_lexer_forgets_where_it_began() -> None:
    state = build("lexer", 4, 1).state
    ends = set()
    for mode in (lexer.CODE, lexer.IN_NAME, lexer.IN_NUMBER, lexer.IN_COMMENT, lexer.SINGLE):
        values = plain_state(copied({**state, "mode": mode}))
        for _ in range(4):
            lexer.step(values)
        ends.add(values.mode)
    assert len(ends) == 1


def test_what_takes_more_than_is_free_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc_toy.programs.info.free_bytes", lambda: 1e6)
    with pytest.raises(AscError, match=r"n=1000, which takes 0.0 GB of memory, and 0.0 GB are free"):
        build("matrix-rows", 1000)
    assert build("matrix-rows", 100).steps == 100


@pytest.mark.parametrize("name", ["list-ordered", "list-shuffled", "matrix-rows", "collatz-single"])
def test_the_memory_of_a_state_is_within_what_the_program_says(name: str) -> None:
    state = build(name, 64).state
    held = sum(value.nbytes if hasattr(value, "nbytes") else value.bit_length() / 8 for value in state.values())
    memory = PROGRAMS[name].memory
    assert memory is not None
    assert held <= memory(64) + 200


def test_memory_that_is_short_all_the_same_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("asc_toy.programs.info.free_bytes", lambda: inf)
    monkeypatch.setattr("asc_toy.programs.matrix.initial", short)
    with pytest.raises(AscError, match=r"too little memory for the program matrix-rows with n=9: give a smaller n"):
        build("matrix-rows", 9)
