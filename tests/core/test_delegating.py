"""Where steps wait, workers take the main thread's supersteps as well, and the main thread serves them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from asc.engine import Engine
from asc.predictor import History
from asc.predictors.affine import Affine
from asc.predictors.linear import Linear
from asc.recognizers.recurring import Recurring
from asc.reference.programs import PROGRAMS
from asc.reference.registers import Registers
from asc.speculators.executed.speculator import _equal
from asc.testing.assembly import assemble
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Timed
from asc.types import Candidate, Direct, Outcome, Transition
from asc.words import Word

PRICES = {"observe": 1e-5, "lookup": 2e-6, "predict": 1e-4, "dispatch": 5e-5, "apply": 2e-5}


class Waiting(Priced):
    """A machine whose steps wait; a task costs a round trip."""

    def price(self, work: str) -> float:
        return 2e-4 / self._prices["step"] if work == "dispatch" else 0.0


class Slow(Timed):
    """Workers of which one is slower than the others by so many times."""

    def __init__(self, *given: Any, slow: int, times: float) -> None:
        super().__init__(*given)
        self._slow, self._times, self._submitted = slow, times, 0

    def seconds(self, steps: int) -> float:
        self._submitted += 1
        return super().seconds(steps) * (self._times if self._submitted == self._slow else 1)


class Wrong(Waiting):
    """Workers deliver what no state agrees with, but from the present state."""

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        run = super().task(candidate, lengths, seconds)
        if not candidate.horizon:
            return run
        return lambda: [part._replace(causal={**part.causal, "x": -1}) for part in run()]


def congruential(steps: int) -> Registers:
    made = PROGRAMS["congruential"]
    return Registers(made.step, made.words, steps, made.sums)


def run(
    workers: int,
    steps: int,
    step_s: float = 0.1,
    *,
    kind: type[Waiting] = Waiting,
    waits: bool = True,
    pool: Callable[..., Timed] = Timed,
    predictor: Any = Affine,
    program: Registers | None = None,
    rate: float = math.inf,
    stop: Callable[[Engine], None] = lambda engine: None,
) -> tuple[Engine, float]:
    """Run a program of so many steps; return the engine, and how many times as fast it was as the plain steps."""
    clock = Clock()
    computation = kind(program or congruential(steps), clock, {**PRICES, "step": step_s})
    engine = assemble(
        computation,
        {"it": predictor()},
        recognizer=Recurring(),
        executor=lambda: pool(clock, workers, step_s, 2e-4),
        workers=workers,
        rate=rate,
        clock=clock,
    )
    if waits:
        engine.ledger.processor = lambda: 0.0
    stop(engine)
    engine.run()
    return engine, steps * step_s / clock()


@pytest.mark.parametrize(("workers", "step_s", "least"), [(8, 0.1, 7.5), (32, 0.1, 28), (64, 1.0, 55), (128, 0.01, 70)])
def test_nearly_all_workers_count(workers: int, step_s: float, least: float) -> None:
    engine, speedup = run(workers, 200 * workers, step_s)
    assert least < speedup < workers + 1
    assert engine.speculator.outcomes.counts[Outcome.ACCEPTED.value] > 10 * workers


def test_a_step_that_computes_stays_on_the_main_thread() -> None:
    engine, _ = run(4, 400, waits=False)
    assert "delegate" not in engine.ledger.accounts()


def test_with_many_workers_the_main_thread_serves_them_even_if_steps_compute() -> None:
    """So a law that changes costs little, as where steps wait."""
    engine, speedup = run(64, 6000, waits=False, program=Registers(turning, {"n": 0, "x": 0}, 6000))
    assert "delegate" in engine.ledger.accounts()
    assert speedup > 40


def test_a_slow_worker_stalls_nothing() -> None:
    def pool(*given: Any) -> Timed:
        return Slow(*given, slow=200, times=100)

    assert run(64, 8000, pool=pool)[1] > 40


@pytest.mark.parametrize("given", [{"predictor": Linear}, {"kind": Wrong}])
def test_wrong_candidates_cost_little(given: Any) -> None:
    engine, speedup = run(64, 500, **given)
    assert 0.975 < speedup <= 1.0
    assert not engine.speculator.outcomes.counts[Outcome.ACCEPTED.value]


def turning(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """A stride that becomes another one."""
    return {"n": words["n"] + 1, "x": words["x"] + (1 if words["n"] < 1000 else 3)}


def test_wrong_candidates_are_one_error_not_many() -> None:
    """Where the law changes, all candidates beyond are wrong: they are not come to one by one."""
    assert run(64, 10_000, program=Registers(turning, {"n": 0, "x": 0}, 10_000))[1] > 40


class Stubborn(Affine):
    """A predictor that takes a while to see that the law has changed."""

    def predict(self, history: History, horizon: int) -> Direct | None:
        newest = history.read("words")[-1]
        stride = 1 if newest["n"] < 1010 else 3
        return Direct({"n": newest["n"] + horizon, "x": newest["x"] + stride * horizon})


def test_a_law_that_is_seen_late_costs_little_more() -> None:
    """All results beyond the change are there by then, and wrong."""
    assert run(64, 2000, program=Registers(turning, {"n": 0, "x": 0}, 2000), predictor=Stubborn)[1] > 35


@pytest.mark.parametrize("step_s", [0.1, 1.0])
def test_a_program_that_nothing_predicts_gets_few_candidates(step_s: float) -> None:
    """Each of them makes calls in vain."""
    engine, _ = run(64, 500, step_s, predictor=Linear)
    assert 500 / 64 < engine.speculator.outcomes.counts[Outcome.LAUNCHED.value] < 500 / 8


def test_later_checks_cost_a_small_part_of_what_the_workers_gain() -> None:
    """While the main thread takes the steps of a leap, the workers wait for it."""
    engine, _ = run(64, 2000)
    later = engine.ledger.accounts()["spot-check"]["seconds"] - engine.ledger.started
    assert 32 * 64 * later < engine.ledger.gained


def test_no_chain_of_leaps_goes_on_while_a_quarter_of_the_workers_is_idle() -> None:
    workers, busy = 64, list[int]()

    def stop(engine: Engine) -> None:
        speculator = engine.speculator
        speculate, leap, leaps = speculator.speculate, speculator.leap, count()

        def speculating(*given: Any) -> Any:
            nonlocal leaps
            leaps = count()
            return speculate(*given)

        def leaping(*given: Any) -> bool:
            if next(leaps):
                busy.append(speculator.busy())
            return leap(*given)

        speculator.speculate = speculating  # type: ignore[method-assign]
        speculator.leap = leaping  # type: ignore[method-assign]

    engine, _ = run(workers, 6400, stop=stop)
    assert len(busy) > 900, "leaps still chain"
    assert min(busy) > 0.75 * workers
    assert engine.ledger.skipped > 6300


@pytest.mark.parametrize("workers", [2, 4, 64])
def test_no_worker_takes_a_superstep_that_the_cache_has(workers: int) -> None:
    """Such as the next one, where a chain of leaps was interrupted."""
    known = list[bool]()

    def stop(engine: Engine) -> None:
        send = engine.speculator._send_present  # type: ignore[attr-defined]

        def sending(machine: Any, *given: Any) -> Any:
            known.append(engine.cache.lookup(machine, None) is not None)
            return send(machine, *given)

        engine.speculator._send_present = sending  # type: ignore[attr-defined]

    run(workers, 100 * workers, stop=stop)
    assert known
    assert not any(known)


def test_a_run_that_is_to_stop_stops_while_it_waits() -> None:
    def stop(engine: Engine) -> None:
        delegate = engine.speculator.delegate

        def delegating(*given: Any) -> bool:
            if engine.computation.position() > 100:
                engine.stop()
            return delegate(*given)

        engine.speculator.delegate = delegating  # type: ignore[method-assign]

    engine, _ = run(8, 10_000, stop=stop)
    assert 100 < engine.computation.position() < 300


def test_no_leap_passes_the_position_that_a_run_is_to_pause_at() -> None:
    clock = Clock()
    computation = Waiting(congruential(2000), clock, {**PRICES, "step": 0.1})
    engine = assemble(
        computation,
        {"it": Affine()},
        recognizer=Recurring(),
        executor=lambda: Timed(clock, 16, 0.1, 2e-4),
        workers=16,
        clock=clock,
    )
    engine.ledger.processor = lambda: 0.0
    for until in (7, 101, 102, 500, 1999, 2000):
        engine.run(until)
        assert computation.position() == until
    alone = congruential(2000)
    alone.advance(2000)
    assert computation.digest() == alone.digest()


def test_no_more_workers_have_a_task_than_the_rate_keeps_busy() -> None:
    busy: list[int] = []

    def stop(engine: Engine) -> None:
        launch = engine.speculator.launch

        def launching(*given: Any) -> Any:
            decisions = launch(*given)
            busy.append(engine.speculator.busy())
            return decisions

        engine.speculator.launch = launching  # type: ignore[method-assign]

    run(64, 1000, rate=40, stop=stop)  # 4 steps are under way at this rate
    assert 4 < max(busy) <= 7


class Stopping(Waiting):
    """Workers raise an error at each tenth position; the main thread does not."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.tasks: Counter[int] = Counter()  # from each tenth position

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        start = candidate.start + candidate.horizon
        if start % 10:
            return super().task(candidate, lengths, seconds)
        self.tasks[start] += 1

        def fails() -> Iterable[Transition]:
            raise ValueError("no worker can do this")

        return fails


def test_what_no_worker_can_do_is_not_handed_to_another_one() -> None:
    engine, speedup = run(8, 1000, kind=Stopping)
    computation = engine.computation
    assert isinstance(computation, Stopping)
    assert computation.tasks.total() < 1.2 * len(computation.tasks)
    assert speedup > 3


def test_what_no_worker_can_do_says_nothing_of_other_candidates() -> None:
    """Only a wrong candidate is a reason to doubt the others."""
    engine, _ = run(8, 1000, kind=Stopping)
    counts = engine.speculator.outcomes.counts
    assert counts[Outcome.LATE.value] < 0.1 * counts[Outcome.ACCEPTED.value]


@pytest.mark.parametrize(
    ("other", "read", "equal"),
    [
        ({"n": 1, "total": 5}, {"n"}, True),
        ({"n": 2, "total": 4}, {"n"}, False),
        ({"n": 1, "total": 5}, {"n", "total"}, False),
        ({"n": 1, "total": 5}, (), False),  # it is not known what steps read
        ({"n": 1}, {"n", "total"}, False),
        (None, {"n"}, False),
    ],
)
def test_candidates_are_compared_by_what_steps_read(other: Any, read: Any, equal: bool) -> None:
    assert _equal({"n": 1, "total": 4}, other, read) is equal


def test_small_containers_are_compared_by_their_parts() -> None:
    assert not _equal({"at[0]": 1, "n": 2}, {"at[0]": 2, "n": 2}, {"at"})
