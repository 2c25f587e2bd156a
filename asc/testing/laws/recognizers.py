"""The laws of recognizers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import cycle
from typing import Any, cast

import numpy as np

from asc.allocator import Allocator
from asc.computation import Computation, Executable, Follows, Learns, Needs, Recognizer
from asc.engine import Engine
from asc.errors import describe_error
from asc.predictors.linear import Linear
from asc.reference.runs import Course, Visit, courses, unprovided
from asc.testing.assembly import assemble
from asc.testing.checks import PRICES, check_resumed, check_same_end, require
from asc.testing.clock import Clock, Machine, Priced
from asc.testing.contents import contents
from asc.testing.laws.components import ComponentLaws, Series
from asc.testing.laws.watched import Reading
from asc.testing.stand_ins import Accept
from asc.types import Attempt, Outcome, Plan, Recognition

ATTEMPTS = tuple(
    Attempt(Plan("linear", horizon), outcome, gain, "a reason", change, reached)
    for outcome in Outcome
    for horizon, gain, change, reached in ((0, 0.0, None, None), (10, 7.5, -0.1, None), (40, -3.0, 0.2, 20))
)
"""What may become of an attempt: every outcome, with and without figures."""


class RecognizerLaws(ComponentLaws):
    """What every recognizer promises. Give `recognizer`, and change whatever else does not fit.

        class TestMine(RecognizerLaws):
            def recognizer(self):
                return Mine()

    Each law walks the reference courses that provide what the recognizer needs.
    """

    _deed = "recognise"

    def recognizer(self) -> Recognizer:
        """Make the recognizer, a fresh one each time."""
        raise NotImplementedError("give the class a method recognizer() that makes the one to be tested")

    def courses(self) -> Sequence[Course]:
        """Give the courses to try it on. Add one of the kind that it is made for, where that is not among these."""
        return courses(self._needs())

    def test_raises_nothing(self) -> None:
        """A recognizer decides at each boundary; one that raises is switched off, and speculation with it.

        If it fails: answer with speculate=False and a label such as "unknown" where there is nothing to go by.
        """
        for course in self._usable():
            recognizer = self.recognizer()
            for visit in course.visits():
                position, computation = visit.computation.position(), visit.computation
                asked: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
                    (recognizer.next_boundary, (position, computation)),
                    (recognizer.recognise, (computation,)),
                ]
                for call, arguments in asked:
                    try:
                        call(*arguments)
                    except Exception as error:
                        told = f"at position {position} of {course.name} {_raised(call, error)}"
                        raise AssertionError(told) from error

    def test_boundaries_lie_ahead(self) -> None:
        """The next boundary is a whole number of steps, and beyond the present position: else a run stands still.

        If it fails: return at least position + 1.
        """
        for course in self._usable():
            recognizer = self.recognizer()
            for visit in course.visits():
                position = visit.computation.position()
                following = self._try(recognizer.next_boundary, position, visit.computation)
                ahead = type(following) is int and following > position
                require(ahead, f"at position {position} of {course.name} the next boundary is {following!r}")
                self._try(recognizer.recognise, visit.computation)

    def test_asking_for_the_boundary_changes_nothing(self) -> None:
        """A run asks several times at one place where the next boundary is: asked again, it answers the same.

        If it fails: count and learn in recognise(), which is called once a boundary.
        """
        for course in self._usable():
            once, often = self.recognizer(), self.recognizer()
            for visit in course.visits():
                position = visit.computation.position()
                nexts = [
                    self._try(one.next_boundary, position, visit.computation) for one in (once, often, often, often)
                ]
                where = f"at position {position} of {course.name}"
                require(len(set(nexts)) == 1, f"{where}, asked four times, it named the boundaries {nexts}")
                said, again = (self._try(one.recognise, visit.computation) for one in (once, often))
                same = contents(said) == contents(again)
                require(same, f"{where} it answers {said!r}, or {again!r} where the next boundary was asked for more")

    def test_answers_are_well_formed(self) -> None:
        """An answer is a Recognition: a truth value, a label of one short line, and a finite score or none.

        If it fails: the sentence shows the answer. The label is what people read in the record and the report.
        """
        for course in self._usable():
            for visit, said in self._answers(course):
                shown = f"at position {visit.computation.position()} of {course.name} it answers {said!r}"
                require(isinstance(said, Recognition), f"{shown}, which is no Recognition")
                require(isinstance(said.speculate, bool), f"{shown}: speculate is True or False")
                line = isinstance(said.label, str) and 0 < len(said.label.strip()) <= 40 and "\n" not in said.label
                require(line, f"{shown}: the label is a line of at most 40 characters")
                finite = said.score is None or bool(np.isfinite(said.score))
                require(finite, f"{shown}: the score is a finite number or None")

    def test_speculates_somewhere(self) -> None:
        """A recognizer finds places worth guessing from, on one of the courses at least.

        If it fails: it never does. Add a course of the kind that it is made for, in `courses`.
        """
        found = any(said.speculate for course in self._usable() for _, said in self._answers(course))
        require(found, f"it speculates nowhere on {', '.join(course.name for course in self._usable())}")

    def test_reads_only_what_it_needs(self) -> None:
        """What a recognizer reads is what it declares in `needs`, so that a run can refuse it before it starts.

        If it fails: give the class `needs = frozenset({"fingerprint"})`, with the name of what you read.
        """
        needs = self._needs()
        for course in self._usable():
            recognizer = self.recognizer()
            for visit in course.visits():
                read = self._watched(recognizer, visit)
                others = sorted(read.asked - needs)
                require(not others, f"it reads {', '.join(others)}, which is not among its needs: {sorted(needs)}")

    def test_leaves_the_computation_untouched(self) -> None:
        """To look is not to touch: the computation is the same before and after, bit for bit.

        Nor is what was read of it, be it a copy with this computation: it is not with another. If it fails: copy before
        you write, and take a snapshot rather than advancing.
        """
        for course in self._usable():
            recognizer = self.recognizer()
            for visit in course.visits():
                before, place = visit.computation.digest(), f"position {visit.computation.position()} of {course.name}"
                read = self._watched(recognizer, visit)
                require(visit.computation.digest() == before, f"it changed the computation at {place}")
                changed = sorted(read.changed())
                require(not changed, f"it changed what it had read as {', '.join(changed)}, at {place}")

    def test_learns_from_any_attempt(self) -> None:
        """One that learns is told of every attempt, whatever became of it, and one that follows of every leap.

        If it fails: look at `attempt.outcome` first; `change` and `reached` may be None.
        """
        for course in self._usable():
            recognizer = self.recognizer()
            for visit, attempt in zip(course.visits(len(ATTEMPTS)), ATTEMPTS, strict=True):
                self._try(recognizer.next_boundary, visit.computation.position(), visit.computation)
                self._try(recognizer.recognise, visit.computation)
                for call, told in _lessons(recognizer, visit, attempt):
                    try:
                        call(told)
                    except Exception as error:
                        raise AssertionError(f"told of {told!r}, {_raised(call, error)}") from error

    def test_runs_end_the_same(self) -> None:
        """An exact run ends, bit for bit, as it does without speculation, and the recognizer is not switched off.

        If it fails: it changes the computation, see test_leaves_the_computation_untouched; or it raises, as told.
        """
        faults: list[str] = []
        for course in self._usable():
            if isinstance(course.make(1), Executable):

                def build(computation: Computation) -> Engine:
                    clock, generous = Clock(), Allocator.Config(overdraft=9.0)
                    return assemble(
                        Priced(cast(Machine, computation), clock, PRICES),
                        {"linear": Linear()},
                        recognizer=self.recognizer(),
                        clock=clock,
                        allocator=generous,
                        on_fault=lambda _, why: faults.append(why),
                    )

                check_same_end(partial(course.make, 40 * course.every), build)
                require(not faults, f"it was switched off in a run of {course.name}: {'; '.join(faults)}")

    def test_goes_on_after_a_stop(self) -> None:
        """A judged run that is resumed ends as if it had never stopped: what a recognizer remembers is in its state.

        If it fails: offer state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        for course in self._usable():
            if isinstance(course.make(1), Executable):
                continue

            def build(computation: Computation, course: Course = course) -> Engine:
                return assemble(
                    computation,
                    {"linear": Linear()},
                    recognizer=self.recognizer(),
                    validator=Accept(gain_steps=2.0),
                    allocator=Allocator.Config(horizons=(course.every,), overdraft=9.0),
                )

            check_resumed(partial(course.make, 20 * course.every), build, carried=self.carried)

    def _component(self) -> Recognizer:
        return self.recognizer()

    def _series(self) -> Sequence[Series]:
        __tracebackhide__ = True
        return [Series(one.name, partial(_occasions, one), one.boundaries, one.long) for one in self._usable()]

    def _asked(self, component: Recognizer, occasion: tuple[Visit, Attempt]) -> Hashable:
        """What a run does at a boundary, where one attempt is made and settled."""
        __tracebackhide__ = True
        visit, attempt = occasion
        self._try(component.next_boundary, visit.computation.position(), visit.computation)
        said = self._try(component.recognise, visit.computation)
        for call, told in _lessons(component, visit, attempt):
            self._try(call, told, see="test_learns_from_any_attempt")
        return contents(said)

    def _needs(self) -> frozenset[str]:
        recognizer = self.recognizer()
        return recognizer.needs if isinstance(recognizer, Needs) else frozenset()

    def _usable(self) -> Sequence[Course]:
        __tracebackhide__ = True
        found = self.courses()
        require(bool(found), unprovided(self._needs()))
        return found

    def _try(self, call: Callable[..., Any], *arguments: Any, see: str = "test_raises_nothing") -> Any:
        __tracebackhide__ = True
        try:
            return call(*arguments)
        except Exception as error:  # noqa: BLE001 -- whatever a recognizer raises is told, and where to look
            raise AssertionError(f"{_raised(call, error)}; see {see}") from None

    def _watched(self, recognizer: Recognizer, visit: Visit) -> Reading:
        """Ask it what a run asks at a boundary, and note what it reads."""
        __tracebackhide__ = True
        computation: Any = visit.computation
        read = computation.read = Reading(computation.read)
        try:
            self._try(recognizer.next_boundary, computation.position(), computation)
            self._try(recognizer.recognise, computation)
        finally:
            del computation.read
        return read

    def _answers(self, course: Course) -> Iterator[tuple[Visit, Recognition]]:
        __tracebackhide__ = True
        recognizer = self.recognizer()
        for visit in course.visits():
            self._try(recognizer.next_boundary, visit.computation.position(), visit.computation)
            yield visit, self._try(recognizer.recognise, visit.computation)


def _occasions(course: Course, count: int) -> Iterator[tuple[Visit, Attempt]]:
    return zip(course.visits(count), cycle(ATTEMPTS), strict=False)


def _lessons(recognizer: Recognizer, visit: Visit, attempt: Attempt) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """What a run tells one that learns and one that follows."""
    if isinstance(recognizer, Learns):
        yield recognizer.learn, attempt
    if isinstance(recognizer, Follows):
        yield recognizer.follow, visit.computation


def _raised(call: Callable[..., Any], error: Exception) -> str:
    return f"{getattr(call, '__name__', 'it')} raised {describe_error(error)}"
