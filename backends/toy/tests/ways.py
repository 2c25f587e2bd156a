"""One step function run in every way, each compared with the user's own loop: types, bits, order of names, sharing."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fuzzing.differences import difference
from fuzzing.plain import State

from asc.types import Candidate, Transition
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.state import copied

Step = Callable[[Any], object]

SUPERSTEPS = 6
TAIL = 4  # plain steps after the supersteps: what two words share shows when one of them is changed


class Way(NamedTuple):
    """What became of the supersteps in one way of running them."""

    name: str
    leaps: int  # supersteps that were tracked, or leapt over; of SUPERSTEPS
    why: str  # there were no more


def own_loop(step: Step, values: Mapping[str, Any], steps: int, until: Step | None = None) -> dict[str, Any]:
    """Run the steps on an ordinary object that knows nothing of asc; return its attributes."""
    state = State()
    vars(state).update(copied(values))
    position = 0
    while not (until is not None and until(state)) and position != steps:
        step(state)
        position += 1
    return vars(state)


def computation(
    step: Step, values: Mapping[str, Any], steps: int = 99, *, until: Step | None = None, changing: bool = False
) -> ToyComputation:
    """Make a computation. With `changing`, all arrays and containers count as changing from the start."""
    found = ToyComputation(Program("test", step, values, steps, until))  # type: ignore[arg-type]
    if changing:
        found._contents.changed(values)
    return found


def by_worker(
    found: ToyComputation, lengths: tuple[int, ...] = (1,), *, pickled: bool = False
) -> list[Transition | BaseException]:
    """Run a task from the present state; return its transitions, and what it has raised.

    From what does not agree, the computation learns what must be sent. Then the task is run again.
    """
    results: list[Transition | BaseException] = []
    for _ in range(5):
        candidate = Candidate(found.position(), 0, found.observe().state, 0, "test")
        results = []
        try:
            for part in found.task(candidate, lengths, None)():
                results.append(pickle.loads(pickle.dumps(part)) if pickled else part)
        except (Exception, GeneratorExit) as error:  # noqa: BLE001 -- bad speculation
            results.append(error)
        why = [found.disagreement(part) for part in results if not isinstance(part, BaseException)]
        if not any(why[:1]):
            break
    return results


def ways(step: Step, values: Mapping[str, Any], until: Step | None = None) -> Iterator[Way]:
    """Run supersteps in every way. Asserts that no state differs from the user's own loop, now or some steps later."""
    total = SUPERSTEPS + TAIL
    expected = [own_loop(step, values, position, until) for position in range(total + 1)]

    def check(found: ToyComputation, way: str) -> None:
        text = difference(expected[found.position()], found.result())
        assert not text, f"{way}, at position {found.position()}: {text}"

    def finish(found: ToyComputation, way: str) -> None:
        while not found.finished():
            found.advance(1)
            check(found, way)

    for changing in (False, True):
        name = "changing" if changing else "constant"

        def fresh(changing: bool = changing) -> ToyComputation:
            return computation(step, values, total, until=until, changing=changing)

        tracked, recorded = fresh(), list[Transition]()
        while tracked.position() < SUPERSTEPS and not tracked.finished():
            entry = tracked.advance(1, record=True).recorded
            recorded += [] if entry is None else [entry]
            check(tracked, f"tracked, {name}")
        finish(tracked, f"tracked, {name}")
        yield Way(f"tracked, {name}", len(recorded), " ".join([*tracked.remarks, tracked.hindrance]))

        for pickled in (True, False):  # a transition is checked where it arrives, and not again
            found, leaps, why = fresh(), 0, ""
            for entry in recorded:
                if entry.start == found.position() and not found.finished() and not why:
                    sent = pickle.loads(pickle.dumps(entry)) if pickled else entry
                    why = found.disagreement(sent)
                    if not why:
                        found.apply(sent)
                        leaps += 1
                        check(found, f"leapt, {name}")
            finish(found, f"leapt, {name}")
            yield Way(f"leapt, {name}", leaps, why)

            found, leaps, why = fresh(), 0, ""
            while found.position() < SUPERSTEPS and not found.finished() and not why:
                for part in by_worker(found, (1, 1), pickled=pickled):
                    if found.finished():
                        break
                    why = repr(part) if isinstance(part, BaseException) else found.disagreement(part)
                    if why:
                        break
                    found.apply(part)  # type: ignore[arg-type]
                    leaps += 1
                    check(found, f"worker, {name}")
            finish(found, f"worker, {name}")
            yield Way(f"worker, {name}", leaps, f"{why} {found.hindrance}")


def is_leapt_over(step: Step, *, until: Step | None = None, **values: Any) -> None:
    """Assert that every superstep can be leapt over in every way."""
    for way in ways(step, values, until):
        assert way.leaps == SUPERSTEPS, way


def is_run_plainly(step: Step, why: str, *, until: Step | None = None, **values: Any) -> None:
    """Assert that no superstep is ever leapt over, and that the reason is a sentence with these words."""
    for way in ways(step, values, until):
        assert way.leaps == 0, way
        assert why in way.why or way.name.startswith("leapt"), way


def ends_alike(step: Step, *, until: Step | None = None, **values: Any) -> int:
    """Assert that all ends are those of the user's own loop; return how many supersteps were leapt over in all."""
    return sum(way.leaps for way in ways(step, values, until))
