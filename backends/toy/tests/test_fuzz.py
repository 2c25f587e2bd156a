"""Random programs, and every known way to a wrong end, against the user's own loop.

    ASC_PROGRAMS=5000 ASC_SEED=100000 pytest backends/toy/tests/test_fuzz.py -k random_programs

`python benchmarks/fuzz.py --programs 10000` runs more of them, counts the outcomes, and writes the figures down.
"""

from __future__ import annotations

import collections
import contextvars
import ctypes
import datetime
import decimal
import os
import random
import re
import secrets
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from fuzzing import fees
from fuzzing.ambient import in_known_surroundings
from fuzzing.case import case, hurry
from fuzzing.differences import difference
from fuzzing.judge import WRONG, judge
from fuzzing.plain import State
from fuzzing.shrink import describe, shrink

from asc.errors import AscError
from asc_toy import Result, accelerate

BATCH = 16
BATCHES = int(os.environ.get("ASC_PROGRAMS", "") or 192) // BATCH
FIRST = int(os.environ.get("ASC_SEED", "") or 0)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_end_as_the_users_own_loop(batch: int) -> None:
    """Many of those that could be leapt over must be: otherwise nothing would be proved."""
    leapt = []
    for seed in range(FIRST + batch * BATCH, FIRST + (batch + 1) * BATCH):
        drawn = case(seed)
        verdict = judge(drawn)
        if verdict.outcome in WRONG:
            pytest.fail(f"{describe(drawn, verdict)}\nSmaller:\n{describe(*shrink(drawn, verdict))}")
        if drawn.hurried and drawn.subject.kind != "wild" and not drawn.subject.may:
            leapt.append(verdict.skipped > 0)
    assert sum(leapt) >= len(leapt) / 4


# Known ways to a wrong end.

EXECUTORS = ["none", "threads", "processes"]


def settings(executor: str) -> dict[str, Any]:
    return {
        "executor": executor,
        "workers": 2,
        "recognizer": {"name": "recurring", "distance": 4},
        "scheduler": {"overdraft": 10.0},
    }


def own_loop(step: Callable[[Any], None], state: dict[str, Any], steps: int) -> dict[str, Any]:
    held = State()
    vars(held).update(state)
    for _ in range(steps):
        step(held)
    return vars(held)


def exact(step: Callable[[Any], None], initial: Callable[[], dict[str, Any]], steps: int, executor: str) -> Result:
    """Run both ways; the ends must be equal."""
    expected = in_known_surroundings(lambda: own_loop(step, initial(), steps))
    with hurry():
        result = in_known_surroundings(lambda: accelerate(step, initial(), steps, settings(executor)))
    assert difference(expected, result.state) == ""
    return result


def exact_or_refused(
    step: Callable[[Any], None], initial: Callable[[], dict[str, Any]], steps: int, executor: str, *named: str
) -> None:
    """Run both ways; the ends must be equal, or the sentence of the refusal names what it is about."""
    try:
        exact(step, initial, steps, executor)
    except AscError as error:
        sentence = str(error)
    else:
        return
    for pattern in named:
        assert re.search(pattern, sentence), sentence


def arrays() -> dict[str, Any]:
    return {
        "n": 0,
        "k": 0,
        "h": np.zeros(4, np.int64),
        "a": np.arange(6),
        "f": np.linspace(0, 1, 6),
        "g": np.linspace(1, 2, 6),
        "grid": np.asfortranarray(np.arange(12).reshape(3, 4)),
    }


def now_and_then(change: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a step that does something every 20th time, so that the steps between can be leapt over."""

    def step(s: Any) -> None:
        if s.n % 20 == 7:
            change(s)
        s.k = int(s.a[s.n % 6]) + int(s.h[1])
        s.n += 1

    return step


def add_at(s: Any) -> None:
    np.add.at(s.h, [1, 1], 1)


def every_ufunc_at(s: Any) -> None:
    np.subtract.at(s.f, [0, 0], 0.5)
    np.maximum.at(s.a, [2, 3], s.n)
    np.negative.at(s.h, [1, 2])


def out(s: Any) -> None:
    np.add(s.a, 1, out=s.a)
    np.multiply(s.f, 0.5, out=s.g)
    np.cumsum(s.h, out=s.h)


def writing_functions(s: Any) -> None:
    np.put(s.a, [0, 3], s.n)
    np.copyto(s.f, s.g)
    np.place(s.a, s.a > 3, [1, 2])
    np.putmask(s.h, s.h < 2, s.n)
    np.fill_diagonal(s.grid, s.n)


def writing_methods(s: Any) -> None:
    s.a.sort()
    s.h.fill(s.n)
    s.f.partition(2)
    s.a.put([1], s.n)
    s.h.byteswap(inplace=True)


def through_a_memoryview(s: Any) -> None:
    memoryview(np.asarray(s.a))[2] = s.n
    memoryview(s.h)[1] = s.n


def through_ctypes(s: Any) -> None:
    s.a.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))[2] = s.n
    ctypes.memset(s.h.ctypes.data, 1, 8)


def after_setflags(s: Any) -> None:
    np.asarray(s.a).setflags(write=True)
    s.a[1] = s.n
    s.h.setflags(write=False)
    try:
        s.h[1] = 99
    except ValueError:
        s.a[0] += 1
    s.h.setflags(write=True)


def through_views(s: Any) -> None:
    view, row, column = s.a[1:4], s.grid[1], s.grid[:, 2]
    view += 1
    row[0] = s.n
    column *= -1
    s.grid.T[0, 1] = 5
    s.a.flat[4] = s.n
    s.h[::-1][0] += 1


def through_an_iterator(s: Any) -> None:
    for x in np.nditer(s.a, op_flags=["readwrite"]):
        x[...] = x + 1
    for row in s.grid:
        row[0] += 1


def by_a_generator(s: Any) -> None:
    np.random.default_rng(s.n).shuffle(s.a)
    random.Random(s.n).shuffle(s.h)


def where_an_error_is_caught(s: Any) -> None:
    """A read-only array would raise a ValueError here, and the user's own does not."""
    try:
        np.add(s.a, 1, out=s.a)
    except ValueError:
        s.h[0] = -1


ESCAPES = [
    add_at,
    every_ufunc_at,
    out,
    writing_functions,
    writing_methods,
    through_a_memoryview,
    through_ctypes,
    after_setflags,
    through_views,
    through_an_iterator,
    by_a_generator,
    where_an_error_is_caught,
]


@pytest.mark.parametrize("executor", ["none", "threads"])
@pytest.mark.parametrize("change", ESCAPES, ids=lambda change: change.__name__)
def test_no_write_escapes(change: Callable[[Any], None], executor: str) -> None:
    exact(now_and_then(change), arrays, 200, executor)


@pytest.mark.parametrize("executor", ["none", "threads"])
@pytest.mark.parametrize("change", ESCAPES, ids=lambda change: change.__name__)
def test_no_write_escapes_that_every_step_makes(change: Callable[[Any], None], executor: str) -> None:
    def step(s: Any) -> None:
        change(s)
        s.n += 1

    exact(step, arrays, 60, executor)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("executor", ["none", "threads"])
def test_no_write_escapes_through_torch(executor: str) -> None:
    import torch

    def change(s: Any) -> None:
        torch.from_numpy(np.asarray(s.f)).add_(1)
        torch.from_numpy(s.g).mul_(0.5)
        torch.as_tensor(s.a)[1] = s.n

    exact(now_and_then(change), arrays, 200, executor)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_adding_at_an_index_twice_counts_twice(executor: str) -> None:
    def step(s: Any) -> None:
        np.add.at(s.h, [1, 1], 1)
        s.n += 1

    result = exact(step, lambda: {"h": np.zeros(4, np.int64), "n": 0}, 10, executor)
    assert result.state["h"].tolist() == [0, 20, 0, 0]


# The state is what it seems.


def sum_over_all_words(s: Any) -> None:
    s.total += sum(v for k, v in vars(s).items() if k[0] == "w")
    s.w1 = s.n % 3
    s.n += 1


def swap(s: Any) -> None:
    s.f, s.g = s.g, s.f
    s.f[s.n % 6] = s.n
    s.n += 1


def double_buffer(s: Any) -> None:
    s.g[1:-1] = (s.f[:-2] + s.f[2:]) / 2
    s.f, s.g = s.g, s.f
    s.n += 1


def keep_the_old_array(s: Any) -> None:
    old = s.f
    s.f = old * 0.5
    s.k = float(old[1])
    old[2] = 7.0
    s.n += 1


def keep_the_old_array_as_a_word(s: Any) -> None:
    s.g = s.f
    s.f = s.f + 1
    s.n += 1


def late_and_deleted(s: Any) -> None:
    if s.n % 10 == 3:
        s.late = s.n
    elif hasattr(s, "late") and s.n % 10 == 7:
        del s.late
    s.k = getattr(s, "late", -1)
    s.n += 1


def delete_and_set_again(s: Any) -> None:
    n = s.n
    del s.n
    if n % 3:
        s.k = list(vars(s)).index("f")
    s.n = n + 1


def operators(s: Any) -> None:
    s.f *= 0.5
    s.g = s.g + s.f
    s.a += 1
    s.grid = s.grid - 1
    s.n += 1


def kinds_of_values(s: Any) -> None:
    s.k = [True, 1, 1.0, "1", b"1", None, (1,), np.int64(1)][s.n % 8]
    s.n += 1


def one_and_true(s: Any) -> None:
    s.k = 1 if type(s.k) is bool else True
    s.n += 1


def negative_zero(s: Any) -> None:
    s.k = -0.0 if s.k == 0.0 and str(s.k) == "0.0" else 0.0
    s.n += 1


STATE = [
    swap,
    double_buffer,
    keep_the_old_array,
    keep_the_old_array_as_a_word,
    late_and_deleted,
    delete_and_set_again,
    operators,
    kinds_of_values,
    one_and_true,
    negative_zero,
]


@pytest.mark.parametrize("executor", ["none", "threads"])
@pytest.mark.parametrize("step", STATE, ids=lambda step: step.__name__)
def test_the_state_is_a_plain_object(step: Callable[[Any], None], executor: str) -> None:
    exact(step, arrays, 150, executor)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_all_words_are_seen_by_vars(executor: str) -> None:
    result = exact(sum_over_all_words, lambda: {"n": 0, "total": 0, "w0": 1, "w1": 1, "x": 5}, 300, executor)
    assert result.state["total"] == 599


@pytest.mark.parametrize("executor", EXECUTORS)
def test_double_buffering_by_swap(executor: str) -> None:
    result = exact(double_buffer, arrays, 101, executor)
    assert result.state["f"][0] == 1.0  # an odd number of swaps: the second buffer is in front


def two_names_for_one_array() -> dict[str, Any]:
    a = np.arange(6)
    return {"a": a, "b": a, "n": 0}


def an_array_and_its_view() -> dict[str, Any]:
    a = np.arange(6)
    return {"a": a, "b": a[1:4], "n": 0}


@pytest.mark.parametrize("executor", ["none", "threads"])
@pytest.mark.parametrize("initial", [two_names_for_one_array, an_array_and_its_view])
def test_names_that_share_memory_are_kept_together_or_refused(initial: Any, executor: str) -> None:
    def step(s: Any) -> None:
        s.a[s.n % 6] += 1
        s.n += int(s.b[1] > 0)

    exact_or_refused(step, initial, 100, executor, "share|same|memory", "'a'", "'b'")


@pytest.mark.parametrize(
    "value",
    [
        np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        np.zeros(3, [("a", "i4"), ("b", "f8")]),
        np.array([1, None], dtype=object),
        np.asfortranarray(np.eye(3)),
        np.arange(12.0)[::2],
        np.arange(3, dtype=">i4"),
    ],
    ids=["masked", "structured", "object", "F order", "strided", "big-endian"],
)
def test_unusual_arrays_are_kept_or_refused_at_the_start(value: Any) -> None:
    def step(s: Any) -> None:
        s.n += len(s.a)
        s.k = s.a[1]

    exact_or_refused(step, lambda: {"n": 0, "k": value[1], "a": value}, 50, "none", "'a'")


@pytest.mark.parametrize("executor", ["none", "threads"])
def test_a_matrix_keeps_its_class(executor: str) -> None:
    def step(s: Any) -> None:
        s.k = int((s.a * s.a)[0, 1])
        s.n += 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = np.matrix([[1, 2], [3, 4]])
    exact_or_refused(step, lambda: {"n": 0, "k": 0, "a": matrix}, 50, executor, "'a'")


# Ambient state that stays as the user has set it.

TABLE = [random.random() for _ in range(8)]
SETTING: contextvars.ContextVar[int] = contextvars.ContextVar("SETTING", default=0)


def by_the_fee_now_and_then(s: Any) -> None:
    if s.n % 5000 == 4999:
        s.total += fees.charge(s.n)
    s.n += 1


def by_the_decimal_context(s: Any) -> None:
    s.x = decimal.Decimal(1 + s.n % 50) / 7
    s.n += 1


def by_numpys_errors(s: Any) -> None:
    try:
        s.x = float(np.float64(1) / np.float64(s.n % 3))
    except FloatingPointError:
        s.x = -1.0
    s.n += 1


def by_warning_filters(s: Any) -> None:
    try:
        warnings.warn("odd" if s.n % 2 else "even", UserWarning, stacklevel=1)
        s.x = 0
    except UserWarning:
        s.x = s.n % 5
    s.n += 1


def by_a_table_made_at_import(s: Any) -> None:
    s.x = TABLE[s.n % 8]
    s.n += 1


def by_the_order_of_a_set(s: Any) -> None:
    s.x = "".join({"alpha", "beta", "gamma", str(s.n % 3)}) + str(hash("a"))
    s.n += 1


def by_the_environment(s: Any) -> None:
    s.x = os.environ.get("FUZZED", "none") + str(s.n % 4)
    s.n += 1


def by_a_context_variable(s: Any) -> None:
    s.x = SETTING.get() + s.n % 4
    s.n += 1


def by_the_recursion_limit(s: Any) -> None:
    s.x = sys.getrecursionlimit() + s.n % 4
    s.n += 1


def set_the_fee() -> None:
    fees.FEE = 3


def set_the_context() -> None:
    decimal.getcontext().prec = 50


def set_errors() -> None:
    np.seterr(divide="raise")


def set_filters() -> None:
    warnings.simplefilter("error")


def set_environment() -> None:
    os.environ["FUZZED"] = "set at run time"


def nothing() -> None:
    pass


READ = [
    (by_the_decimal_context, set_the_context),
    (by_numpys_errors, set_errors),
    (by_warning_filters, set_filters),
    (by_a_table_made_at_import, nothing),
    (by_the_order_of_a_set, nothing),
    (by_the_environment, set_environment),
    (by_a_context_variable, lambda: SETTING.set(9)),
    (by_the_recursion_limit, lambda: sys.setrecursionlimit(1500)),
]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("step", "prepare"), READ, ids=lambda part: part.__name__)
def test_what_is_set_outside_is_the_same_in_every_worker(step: Any, prepare: Any, executor: str) -> None:
    def run(loop: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            prepare()
            return loop()

        return in_known_surroundings(call)

    def accelerated() -> dict[str, Any]:
        with hurry():
            return accelerate(step, {"n": 0, "x": 0}, 300, settings(executor)).state

    expected = run(lambda: own_loop(step, {"n": 0, "x": 0}, 300))
    assert difference(expected, run(accelerated)) == ""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_modules_global_that_was_set_at_run_time(executor: str) -> None:
    """It matters in every 5,000th step only."""
    try:
        set_the_fee()
        result = accelerate(by_the_fee_now_and_then, {"n": 0, "total": 0}, 20_000, settings(executor))
    finally:
        fees.FEE = 1
    assert result.state == {"n": 20_000, "total": 3 * (4999 + 9999 + 14_999 + 19_999)}


# Ambient state that a step changes, or that is never the same.

counter = 0
log: list[int] = []
dice = random.Random(1)


def draws(s: Any) -> None:
    s.x = random.random()


def draws_with_numpy(s: Any) -> None:
    s.x = float(np.random.rand())


def draws_from_a_global_generator(s: Any) -> None:
    s.x = dice.random()


def counts_in_a_global(s: Any) -> None:
    global counter  # noqa: PLW0603 -- that is the point
    counter += 1
    s.x = counter


def appends_to_a_global(s: Any) -> None:
    log.append(s.x)
    s.x = len(log)


def counts_in_a_default(s: Any, seen: list[int] = [0]) -> None:  # noqa: B006 -- that is the point
    seen[0] += 1
    s.x = seen[0]


def counts_in_an_attribute(s: Any) -> None:
    counts_in_an_attribute.calls = getattr(counts_in_an_attribute, "calls", 0) + 1  # type: ignore[attr-defined]
    s.x = counts_in_an_attribute.calls  # type: ignore[attr-defined]


def counts_in_a_module(s: Any) -> None:
    fees.CALLS.append(1)
    s.x = len(fees.CALLS)


def counts_in_a_closure() -> Callable[[Any], None]:
    count = 0

    def counts(s: Any) -> None:
        nonlocal count
        count += 1
        s.x = count

    return counts


class CountsInItself:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, s: Any) -> None:
        self.calls += 1
        s.x = self.calls


def looks_at_a_clock(s: Any) -> None:
    s.x = time.time()


def looks_at_another_clock(s: Any) -> None:
    s.x = time.perf_counter()


def looks_at_the_date(s: Any) -> None:
    s.x = str(datetime.datetime.now())


def draws_from_the_system(s: Any) -> None:
    s.x = os.urandom(4)


def draws_secrets(s: Any) -> None:
    s.x = secrets.token_bytes(4)


def draws_names(s: Any) -> None:
    s.x = str(uuid.uuid4())


def reads_a_file(s: Any) -> None:
    with open(os.devnull, encoding="utf-8") as file:
        s.x = file.read()


def changes_the_environment(s: Any) -> None:
    os.environ["FUZZED"] = str(s.x)
    s.x += 1


def changes_the_decimal_context(s: Any) -> None:
    decimal.getcontext().prec += 1
    s.x = decimal.getcontext().prec


IMPURE: list[tuple[Callable[[Any], None], str]] = [
    (draws, "random"),
    (draws_with_numpy, "random"),
    (draws_from_a_global_generator, "dice"),
    (counts_in_a_global, "counter"),
    (appends_to_a_global, "log"),
    (counts_in_a_default, "seen"),
    (counts_in_an_attribute, "calls|counts_in_an_attribute"),
    (counts_in_a_module, "CALLS|fees"),
    (counts_in_a_closure(), "count"),
    (CountsInItself(), "calls|CountsInItself"),
    (looks_at_a_clock, "time"),
    (looks_at_another_clock, "perf_counter"),
    (looks_at_the_date, "datetime|now"),
    (draws_from_the_system, "urandom"),
    (draws_secrets, "secrets|urandom|token_bytes"),
    (draws_names, "uuid|urandom"),
    (reads_a_file, "open|file|devnull|/dev/null"),
    (changes_the_environment, "environ|FUZZED"),
    (changes_the_decimal_context, "decimal"),
]


@pytest.fixture(autouse=True)
def _fresh_globals() -> Iterator[None]:
    globals().update(counter=0)
    log.clear()
    yield
    fees.CALLS.clear()
    fees.FEE = 1


@pytest.mark.parametrize(("step", "named"), IMPURE, ids=lambda part: getattr(part, "__name__", None))
def test_an_impure_step_is_refused_by_name(step: Callable[[Any], None], named: str) -> None:
    def run() -> None:
        accelerate(step, {"x": 0}, 10, settings("none"))

    with pytest.raises(AscError, match=named):
        in_known_surroundings(run)


@pytest.mark.parametrize("seed", range(12))
def test_drawing_is_refused_at_the_first_step_for_every_seed(seed: int) -> None:
    calls = 0

    def step(s: Any) -> None:
        nonlocal calls
        calls += 1
        s.x = random.random() < 0.5

    def run() -> None:
        random.seed(seed)
        accelerate(step, {"x": False}, 100, settings("none"))

    with pytest.raises(AscError, match=r"random|calls"):
        in_known_surroundings(run)
    assert calls == 1


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("change", [case for case in IMPURE if case[0] is not looks_at_the_date][:8])
def test_what_is_impure_now_and_then_is_done_as_the_loop_does_it_or_refused(change: Any, executor: str) -> None:
    impure, named = change

    def step(s: Any) -> None:
        if s.n % 50 == 30:
            impure(s)
        s.n += 1

    def start() -> dict[str, Any]:
        globals().update(counter=0)
        log.clear()
        fees.CALLS.clear()
        counts_in_a_default.__defaults__[0][0] = 0  # type: ignore[index]
        counts_in_an_attribute.calls = 0  # type: ignore[attr-defined]
        dice.seed(1)
        return {"n": 0, "x": 0}

    exact_or_refused(step, start, 200, executor, named)


def test_a_worker_that_wants_to_exit_is_bad_speculation() -> None:
    """From a state that never occurs, the step ends the program."""

    def step(s: Any) -> None:
        if s.n not in range(97):
            raise SystemExit(3)
        s.n = (s.n + 1) % 97 if s.n % 7 else (s.n + 5) % 97

    config = settings("threads") | {"predictors": ["quadratic"]}
    expected = own_loop(step, {"n": 0}, 2000)
    assert accelerate(step, {"n": 0}, 2000, config).state == expected


def test_a_local_dask_cluster() -> None:
    pytest.importorskip("distributed")
    from distributed import LocalCluster

    def initial() -> dict[str, Any]:
        return arrays() | {"bag": [1, 2], "seen": collections.Counter()}

    def change(s: Any) -> None:
        add_at(s)
        s.bag.append(s.bag.pop(0))
        s.seen[s.n % 3] += 1

    step = now_and_then(change)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        config = settings("dask") | {"dask": cluster.scheduler_address, "workers": 1}
        with hurry():
            result = accelerate(step, initial(), 300, config)
    assert difference(own_loop(step, initial(), 300), result.state) == ""
