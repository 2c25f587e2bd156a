"""Where speculation does not pay it costs 2 % of the plain work at most, and one probe; the sentence names the cause.

Everything is on a clock of the test's own: what the main thread does, and what workers take for a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from asc.cache import TrajectoryCache
from asc.engine import Engine
from asc.predictor import Predictor
from asc.predictors.ensemble import Ensemble
from asc.predictors.linear import Linear
from asc.recognizers.recurring import Recurring
from asc.reference.programs import PROGRAMS
from asc.reference.registers import Registers
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import drive
from asc.testing.clock import Clock, Priced, Slow
from asc.testing.executors import Timed
from asc.types import Advanced, Candidate, Outcome, Transition

ROUND_TRIP_S = 1.5e-4
PRICES = {
    "observe": 1e-5,
    "lookup": 2e-6,
    "predict": 2e-4,
    "dispatch": 1e-4,
    "apply": 2e-5,
    "snapshot": 1e-5,
    "restore": 1e-5,
    "digest": 1e-4,
}
HUGE = 100 * 2**20


class Machine(Priced):
    """A priced machine; a task costs a round trip."""

    def __init__(self, registers: Registers, clock: Clock, prices: Mapping[str, float]) -> None:
        super().__init__(registers, clock, prices)
        self.step_s = prices["step"]

    def price(self, work: str) -> float:
        return ROUND_TRIP_S / self.step_s if work == "dispatch" else 0.0


class Bulky(Machine):
    """Each transition holds 100 MiB."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        done = super().advance(max_steps, record)
        return done if done.recorded is None else done._replace(recorded=done.recorded._replace(nbytes=HUGE))

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        run = super().task(candidate, lengths, seconds)
        return lambda: [part._replace(nbytes=HUGE) for part in run()]


class Shared(Machine):
    """The start of workers copies 200 MB, in 0.2 s."""

    def price(self, work: str) -> float:
        return 0.2 / self.step_s if work == "start" else super().price(work)

    def nbytes(self, work: str) -> int:
        return 200_000_000 if work == "start" else 0


class Sent(Machine):
    """Each task copies 200 MB."""

    def nbytes(self, work: str) -> int:
        return 200_000_000 if work == "dispatch" else 0


class Raising(Machine):
    """Each task raises."""

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        super().task(candidate, lengths, seconds)

        def run() -> Iterable[Transition]:
            raise ValueError("a word became negative")

        return run


class Case(NamedTuple):
    """A way to lose."""

    sentence: str  # part of what explains it
    prices: Mapping[str, float] = {}  # in steps
    program: str = "digest"
    machine: type[Machine] = Machine
    predictor: Callable[[Clock, float], Predictor] = lambda clock, step_s: Ensemble()
    workers: int = 1
    probe: float = 0.0  # steps that one probe takes
    scheduler: Mapping[str, Any] = {}  # settings


CASES = {
    "tracking takes 40 times as long": Case(
        "times as long as plain steps, so speculation was withheld", {"track": 39.0}, workers=0, probe=39.0
    ),
    "tracking takes 40 times as long, also in workers": Case(
        "times as long as", {"track": 39.0}, "count", probe=2 * 39.0
    ),
    "a task costs 20,000 steps": Case(
        "a task costs the main thread as much as", {"dispatch": 20_000.0}, probe=20_000.0
    ),
    "transitions are huge": Case("all", machine=Bulky),
    "the start of workers copies much": Case("the start of workers, with 200 MB to copy, costs", machine=Shared),
    "tasks copy much": Case("a task, with 200 MB to copy, costs the main thread as much as", machine=Sent),
    "workers always raise": Case("failed in a worker, with ValueError: a word became negative.", machine=Raising),
    "candidates are always wrong": Case(
        "since `x` was predicted wrong.", {}, "congruential", predictor=lambda clock, step_s: Linear()
    ),
    "candidates of eight workers are always wrong": Case(
        "since `x` was predicted wrong.", {}, "congruential", predictor=lambda clock, step_s: Linear(), workers=8
    ),
    "a predictor takes 20 steps": Case(
        "was predicted wrong.", predictor=lambda clock, step_s: Slow(Linear(), clock, 20 * step_s), probe=20.0
    ),
    "nothing comes back and there are no workers": Case("no state came back", workers=0),
}


def registers(program: str, steps: int) -> Registers:
    made = PROGRAMS[program]
    return Registers(made.step, made.words, steps, made.sums)


def lose(case: Case, step_s: float, seconds: float) -> tuple[Engine, float, float]:
    """Run a case for so many seconds of plain work; return the engine, the seconds lost, and those of a probe."""
    clock, steps = Clock(), round(seconds / step_s)
    prices = {**PRICES, "step": step_s, "track": 0.1 * step_s} | {kind: n * step_s for kind, n in case.prices.items()}
    computation = case.machine(registers(case.program, steps), clock, prices)
    tracked_s = step_s + prices["track"]
    engine = assemble(
        computation,
        {"it": case.predictor(clock, step_s)},
        recognizer=Recurring(),
        executor=lambda: Timed(clock, case.workers, tracked_s, ROUND_TRIP_S),
        workers=case.workers,
        clock=clock,
        scheduler=ExecutedScheduler.Config(**case.scheduler),
    )
    drive(engine)
    return engine, clock() - steps * step_s, case.probe * step_s


@pytest.mark.parametrize("step_s", [2e-5, 1e-3])
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_loss_is_bounded_and_explained(name: str, step_s: float) -> None:
    case = CASES[name]
    engine, lost, probe = lose(case, step_s, 4.0)
    assert lost <= 0.02 * 1.0 + 0.005 * 3.0 + 0.005 + probe + engine.ledger.started
    assert engine.ledger.started <= probe + 0.01
    sentence = engine.explain(position=engine.computation.position(), over=True)
    assert case.sentence in sentence, sentence


def test_recording_stops_at_half_of_what_may_be_lost_where_nothing_comes_back() -> None:
    _, lost, _ = lose(Case("", workers=0), 1e-3, 5.0)
    assert 0.001 * 5.0 < lost < (0.02 * 1.0 + 0.005 * 4.0 + 0.005) / 2 + 0.001


def test_where_nothing_can_begin_any_more_there_are_few_boundaries() -> None:
    """A boundary costs more than what is booked: the steps after it find the processor's caches cold."""
    alone = lose(Case("", workers=0, scheduler={"memoise": False}), 1e-3, 5.0)[0]
    wrong = lose(CASES["candidates are always wrong"]._replace(scheduler={"memoise": False}), 1e-3, 5.0)[0]
    assert alone.recognised <= 15  # and as many stretches
    assert 10 < wrong.recognised < 0.5 * 5.0 / 7.5e-3  # a superstep is worth 50 round trips


def test_a_run_that_has_lost_much_can_be_stopped_soon() -> None:
    """The loss is rested off in stretches of a quarter of a second."""
    engine = lose(CASES["a predictor takes 20 steps"], 1e-3, 0.5)[0]
    assert engine.ledger.stretch() == pytest.approx(250, abs=1)


def test_before_the_price_of_a_step_is_known_a_stretch_is_short() -> None:
    """Nothing can begin, so the first boundary is the last one."""
    clock = Clock()
    computation = Machine(registers("digest", 1000), clock, {**PRICES, "step": 1e-5})
    engine = assemble(computation, {}, workers=0, clock=clock, scheduler=ExecutedScheduler.Config(memoise=False))
    engine.boundary()
    taken = []
    while not computation.finished():
        before = computation.position()
        engine.advance()
        taken.append(computation.position() - before)
    assert taken == [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 488]


def test_the_memory_of_the_cache_is_bounded_by_what_transitions_weigh() -> None:
    engine, _, _ = lose(CASES["transitions are huge"], 1e-3, 5.0)
    stats = engine.cache.stats()
    assert 0 < stats["bytes"] <= TrajectoryCache.Config().max_bytes
    assert stats["entries"] <= 2


def test_a_first_task_that_costs_too_much_is_never_sent() -> None:
    """The task that workers warm up on shows the price."""
    engine, _, _ = lose(CASES["a task costs 20,000 steps"], 1e-3, 5.0)
    assert engine.ledger.accounts()["warm-up"]["seconds"] == pytest.approx(20.0, rel=0.01)
    assert "dispatch" not in engine.ledger.accounts()


@pytest.mark.parametrize(("seconds", "begun"), [(5.0, False), (20.0, True)])
def test_workers_that_copy_much_start_only_where_the_rest_of_the_run_may_lose_so_much(
    seconds: float, begun: bool
) -> None:
    engine, _, _ = lose(Case("", {}, "count", machine=Shared), 1e-3, seconds)
    assert ("warm-up" in engine.ledger.accounts()) is begun


def test_no_worker_starts_for_tasks_that_copy_too_much() -> None:
    engine, lost, _ = lose(Case("", {}, "count", machine=Sent), 1e-3, 9.0)
    assert engine.ledger.accounts().keys().isdisjoint({"warm-up", "dispatch"})
    assert lost < 0.02 * 9.0


def test_costly_tasks_that_pay_are_sent() -> None:
    engine, lost, _ = lose(Case("", {"dispatch": 100.0}, "count"), 1e-4, 5.0)
    assert lost < -1.0
    assert engine.speculator.outcomes.counts[Outcome.ACCEPTED.value] > 5


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("step_s", "seconds"), [(1e-4, 8.0), (3e-3, 5.0)])
def test_a_run_whose_candidates_are_right_nearly_reaches_its_bound(step_s: float, seconds: float, workers: int) -> None:
    _, lost, _ = lose(Case("", {"track": 0.02}, "count", workers=workers), step_s, seconds)
    bound = 1 + workers / 1.02
    assert seconds / (seconds + lost) > (0.93 if workers == 1 else 0.85) * bound


def token(words: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tokenizer in short: the mode soon depends no more on where the run started, but for one class of modes."""
    n, mode = words["n"], words["mode"]
    draw = n * 2654435761 % 2**32
    inside = mode >= 8
    if draw % 97 == 0:
        inside = not inside
    return {"n": n + 1, "mode": (8 if inside else 0) + (draw >> 8) % (2 if inside else 5)}


def test_a_program_that_soon_forgets_its_start_gains_although_its_words_cannot_be_predicted() -> None:
    """One in three modes is predicted right at most, and the main thread joins many tasks at the second part."""
    clock, steps = Clock(), 50_000
    tokenizer = Registers(token, {"n": 0, "mode": 0}, steps)
    computation = Machine(tokenizer, clock, {**PRICES, "step": 1e-4, "track": 2e-6})
    engine = assemble(
        computation,
        {"it": Ensemble()},
        recognizer=Recurring(),
        executor=lambda: Timed(clock, 1, 1.02e-4, ROUND_TRIP_S),
        workers=1,
        clock=clock,
    )
    events = drive(engine)
    plain = Registers(token, {"n": 0, "mode": 0}, steps)
    plain.advance(steps)
    assert tokenizer.digest() == plain.digest()
    accepted = [one for event in events for one in event.decisions if one.outcome is Outcome.ACCEPTED]
    assert sum(one.gain_steps < one.plan.steps for one in accepted) > len(accepted) / 3
    assert steps * 1e-4 / clock() > 1.25
