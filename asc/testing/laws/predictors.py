"""The laws of predictors."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from statistics import median
from typing import Any, cast
from unittest import SkipTest

from asc.allocator import Allocator
from asc.computation import Computation, Executable, History, InPlace, Predictor
from asc.engine import Engine
from asc.errors import describe_error
from asc.reference.runs import Course, Visit, courses, unprovided
from asc.testing.assembly import assemble
from asc.testing.checks import PRICES, check_resumed, check_same_end, require
from asc.testing.clock import Clock, Machine, Priced
from asc.testing.contents import contents
from asc.testing.laws.components import ComponentLaws, Series
from asc.testing.laws.watched import Watched
from asc.testing.stand_ins import Accept
from asc.types import Candidate, Combination, Direct, Plan, Prediction
from asc.words import WORD_TYPES


class PredictorLaws(ComponentLaws):
    """What every predictor promises. Give `predictor`, and change whatever else does not fit.

        class TestMine(PredictorLaws):
            def predictor(self):
                return Mine()

    Each law walks the reference courses that provide what the predictor needs.
    """

    least = 2
    """Snapshots that it needs before it says anything."""

    _deed = "predict"

    def predictor(self) -> Predictor:
        """Make the predictor, a fresh one each time; with small bounds, where it remembers up to a bound."""
        raise NotImplementedError("give the class a method predictor() that makes the one to be tested")

    def courses(self) -> Sequence[Course]:
        """Give the courses to try it on. Add one of the kind that it is made for, where that is not among these."""
        return courses(self.predictor().needs)

    def test_raises_nothing(self) -> None:
        """A predictor answers or is silent; one that raises is switched off for the rest of the run.

        If it fails: look at what the history holds at that place, and return None for what you do not handle.
        """
        for course in self._usable():
            predictor = self.predictor()
            for visit in course.visits():
                for horizon in self._horizons(course, predictor):
                    try:
                        predictor.predict(visit.history, horizon)
                    except Exception as error:
                        raise AssertionError(_raised(error, visit, horizon, course)) from error

    def test_reads_only_what_it_needs(self) -> None:
        """What a predictor reads is what it declares in `needs`, so that a run can refuse it before it starts.

        If it fails: name what you read, `needs = frozenset({"words"})`, or read less.
        """
        needs = self.predictor().needs
        declared = isinstance(needs, frozenset) and all(isinstance(need, str) for need in needs)
        require(
            declared, f"needs is a frozenset of names, such as frozenset() or frozenset({{'words'}}), not {needs!r}"
        )
        for course in self._usable():
            predictor = self.predictor()
            for visit in course.visits():
                read = Watched(visit.history)
                for horizon in self._horizons(course, predictor):
                    self._ask(predictor, visit, horizon, course, read)
                others = sorted(read.asked - needs)
                require(not others, f"it reads {', '.join(others)}, which is not among its needs: {sorted(needs)}")

    def test_too_little_history_is_no_prediction(self) -> None:
        """With too few snapshots to tell, a predictor says so by None; a run begins like that, and after each leap.

        If it fails: return None there, or set `least` to the number of snapshots that it needs.
        """
        for course in self._usable():
            predictor = self.predictor()
            for visit in course.visits(boundaries=self.least + 1):
                if len(visit.snapshots) < self.least:
                    for horizon in self._horizons(course, predictor):
                        said = self._ask(predictor, visit, horizon, course)
                        count = len(visit.snapshots)
                        require(said is None, f"on {course.name} it predicts {said!r} from a history of {count}")

    def test_has_something_to_say(self) -> None:
        """With enough history, a predictor answers on one of the courses at least.

        If it fails: it is silent on all of them. Add a course of the kind that it is made for, in `courses`.
        """
        said = [answer for course in self._usable() for _, _, answer in self._answers(course) if answer is not None]
        require(bool(said), f"it has nothing to say on any course ({', '.join(c.name for c in self._usable())})")

    def test_answers_are_well_formed(self) -> None:
        """An answer is a Combination of at most as many finite numbers as there are snapshots, a Direct, or None.

        If it fails: the sentence names the answer; coefficients are Fraction, float or int, oldest snapshot first.
        """
        for course in self._usable():
            for visit, _, said in self._answers(course):
                if isinstance(said, Combination):
                    count = len(visit.snapshots)
                    fits = 0 < len(said.coefficients) <= count
                    require(fits, f"{len(said.coefficients)} coefficients for {count} snapshots on {course.name}")
                    usable = all(
                        isinstance(one, Fraction | float | int) and math.isfinite(one) for one in said.coefficients
                    )
                    require(usable, f"coefficients are finite Fraction, float or int, not {said.coefficients}")
                else:
                    kind = f"an answer is a Combination, a Direct or None, not {type(said).__name__}"
                    require(said is None or isinstance(said, Direct), kind)

    def test_keeps_the_shape_of_the_state(self) -> None:
        """A predicted state has the words, types and shapes of the states it comes from.

        If it fails: a Direct names only words that are there, each of the type that it has, or tensors of the same
        shapes; anything else can never agree with a state, and costs a judgement for nothing.
        """
        for course in self._usable():
            for visit, horizon, said in self._answers(course):
                if said is None:
                    continue
                if isinstance(said, Direct) and "words" in visit.computation.provides:
                    _require_words(said.state, visit, course)
                nothing = f"on {course.name} nothing can be made of {said!r}"
                try:
                    made = visit.computation.materialise(said, visit.snapshots, Plan("", horizon, course.every))
                except Exception as error:
                    raise AssertionError(f"{nothing}: {type(error).__name__}: {error}") from error
                require(made is not None, nothing)

    def test_leaves_the_history_untouched(self) -> None:
        """A history is shared by all predictors and by the run itself: nothing in it is changed.

        That goes for whatever was read of it as well, be it a copy with this computation: it is not with another. If it
        fails: copy before you write; sort, append and += change what they are given.
        """
        for course in self._usable():
            predictor = self.predictor()
            for visit in course.visits():
                before, read = self.contents(visit), Watched(visit.history)
                for horizon in self._horizons(course, predictor):
                    self._ask(predictor, visit, horizon, course, read)
                    place = f"at position {visit.computation.position()} of {course.name}"
                    require(self.contents(visit) == before, f"it changed the history that it was given, {place}")
                    changed = sorted(read.changed())
                    require(not changed, f"it changed what it had read as {', '.join(changed)}, {place}")

    def test_an_answer_stays_as_it_is(self) -> None:
        """An answer belongs to whoever asked: it is none of the history's own objects, and later calls leave it alone.

        If it fails: make a new dictionary or array for each answer, such as `Direct({**words[-1], **guessed})`.
        """
        for course in self._usable():
            predictor, given = self.predictor(), list[tuple[Prediction, Hashable]]()
            for visit in course.visits():
                read = Watched(visit.history)
                for horizon in self._horizons(course, predictor):
                    said = self._ask(predictor, visit, horizon, course, read)
                    if said is not None:
                        given.append((said, self._contents(said)))
                        lent = isinstance(said, Direct) and read.gave(said.state)
                        require(not lent, f"on {course.name} its answer is an object of the history's own")
            kept = all(self._contents(said) == held for said, held in given)
            require(kept, f"on {course.name} an answer that it had given changed as it was asked again")

    def test_asking_twice_is_asking_once(self) -> None:
        """A boundary may ask for several horizons, or for one twice: what was learnt there is not learnt again.

        If it fails: learn from positions that are newer than the newest that you have seen, and from no others.
        """
        for course in self._usable():
            once, often = self.predictor(), self.predictor()
            for visit in course.visits():
                for horizon in self._horizons(course, often):
                    self._ask(often, visit, horizon, course)
                horizon = self._horizons(course, once)[0]
                same = self._contents(self._ask(often, visit, horizon, course)) == self._contents(
                    self._ask(once, visit, horizon, course)
                )
                require(
                    same,
                    f"asked a second time at position {visit.computation.position()} of {course.name}, "
                    "it gave another answer",
                )

    def test_beats_standing_still(self) -> None:
        """On one of the courses at least, what it predicts is nearer to what comes than the present state is.

        If it fails: it is wrong everywhere. Check signs, and that coefficients stand oldest first; if its kind of
        computation is not among the courses, add one in `courses`.
        """
        if self._in_place(self.predictor()):
            raise SkipTest("an update in place looks no steps ahead")
        departures = {course.name: self._departure(course) for course in self._usable()}
        told = ", ".join(f"{name} {value:.3g}" for name, value in departures.items() if value is not None)
        near = any(value is not None and value < 1 for value in departures.values())
        require(
            near, f"it is nowhere nearer than the last state; departures from what came, in its own: {told or 'none'}"
        )

    def test_runs_end_the_same(self) -> None:
        """An exact run ends, bit for bit, as it does without the predictor, and the predictor is not switched off.

        If it fails: the sentence says which. The first would be an error of the core's; please report it.
        """
        faults: list[str] = []
        asked = list[bool]()
        for course in self._usable():
            if not isinstance(course.make(1), Executable):
                continue

            def build(computation: Computation, every: int = course.every) -> Engine:
                clock, generous = Clock(), Allocator.Config(overdraft=9.0)
                return assemble(
                    Priced(cast(Machine, computation), clock, PRICES),
                    {"it": self.predictor()},
                    every=every,
                    clock=clock,
                    allocator=generous,
                    on_fault=lambda _, why: faults.append(why),
                )

            engine = check_same_end(partial(course.make, 40 * course.every), build)
            require(not faults, f"it was switched off in a run of {course.name}: {'; '.join(faults)}")
            asked.append("predict" in engine.ledger.accounts())
        require(not asked or any(asked), "no run has asked it, so nothing was tested: please report it")

    def test_goes_on_after_a_stop(self) -> None:
        """A judged run that is resumed ends as if it had never stopped: what a predictor remembers is in its state.

        If it fails: offer state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        for course in self._usable():
            if isinstance(course.make(1), Executable):
                continue

            def build(computation: Computation, course: Course = course) -> Engine:
                return assemble(
                    computation,
                    {"it": self.predictor()},
                    every=course.every,
                    validator=Accept(gain_steps=2.0),
                    allocator=Allocator.Config(horizons=self._horizons(course, self.predictor()), overdraft=9.0),
                )

            check_resumed(partial(course.make, 20 * course.every), build, carried=self.carried)

    def contents(self, visit: Visit) -> Hashable:
        """Return a key of all that a history holds."""
        return contents([snapshot.state for snapshot in visit.snapshots]), visit.history.positions

    def _component(self) -> Predictor:
        return self.predictor()

    def _series(self) -> Sequence[Series]:
        __tracebackhide__ = True
        return [Series(one.name, partial(_occasions, one), one.boundaries, one.long) for one in self._usable()]

    def _asked(self, component: Predictor, occasion: tuple[Course, Visit]) -> Hashable:
        __tracebackhide__ = True
        course, visit = occasion
        horizons = self._horizons(course, component)
        return tuple(self._contents(self._ask(component, visit, horizon, course)) for horizon in horizons)

    def _call(self) -> Callable[[Any], object]:
        """At the first horizon."""
        predictor = self.predictor()

        def ask(occasion: tuple[Course, Visit]) -> object:
            course, visit = occasion
            return self._ask(predictor, visit, self._horizons(course, predictor)[0], course)

        return ask

    def _usable(self) -> Sequence[Course]:
        __tracebackhide__ = True
        found = self.courses()
        require(bool(found), unprovided(self.predictor().needs))
        return found

    def _horizons(self, course: Course, predictor: Predictor) -> tuple[int, ...]:
        return (0,) if self._in_place(predictor) else (course.every, 3 * course.every, course.every + 2)

    def _in_place(self, predictor: Predictor) -> bool:
        return isinstance(predictor, InPlace) and predictor.in_place

    def _ask(
        self, predictor: Predictor, visit: Visit, horizon: int, course: Course, history: History | None = None
    ) -> Prediction | None:
        __tracebackhide__ = True
        try:
            return predictor.predict(history or visit.history, horizon)
        except Exception as error:  # noqa: BLE001 -- whatever a predictor raises is told, and where to look
            raise AssertionError(f"{_raised(error, visit, horizon, course)}; see test_raises_nothing") from None

    def _answers(
        self, course: Course, predictor: Predictor | None = None
    ) -> Iterator[tuple[Visit, int, Prediction | None]]:
        __tracebackhide__ = True
        predictor = predictor or self.predictor()
        for visit in course.visits():
            for horizon in self._horizons(course, predictor):
                yield visit, horizon, self._ask(predictor, visit, horizon, course)

    def _contents(self, said: Prediction | None) -> Hashable:
        """A key of an answer; of numbers, by value."""
        return contents(list(said.coefficients) if isinstance(said, Combination) else said)

    def _departure(self, course: Course) -> float | None:
        """Median departure from what came, one boundary ahead, in the second half; None without answers."""
        __tracebackhide__ = True
        predictor, found = self.predictor(), list[float]()
        guessed: tuple[Candidate, Visit] | None = None
        for visit in course.visits():
            if guessed is not None and visit.computation.position() > course.every * course.boundaries // 2:
                made, before = guessed
                found.append(course.error(made.state, before.snapshots[-1], visit.snapshots[-1]))
            said = self._ask(predictor, visit, course.every, course)
            plan = Plan("", course.every, course.every)
            candidate = None if said is None else visit.computation.materialise(said, visit.snapshots, plan)
            guessed = None if candidate is None else (candidate, visit)
        return median(found) if found else None


def _occasions(course: Course, count: int) -> Iterator[tuple[Course, Visit]]:
    return ((course, visit) for visit in course.visits(count))


def _raised(error: Exception, visit: Visit, horizon: int, course: Course) -> str:
    place = f"at position {visit.computation.position()} of {course.name}"
    return f"asked {horizon} steps ahead, {place}, it raised {describe_error(error)}"


def _require_words(state: Any, visit: Visit, course: Course) -> None:
    __tracebackhide__ = True
    newest = visit.history.read("words")[-1]
    require(isinstance(state, Mapping), f"on {course.name} it predicts {state!r}, which is no mapping of words")
    for name, value in state.items():
        where = f"on {course.name} it predicts {name} = {value!r}"
        require(name in newest, f"{where}, and there is no word of this name: there are {', '.join(newest)}")
        require(isinstance(value, WORD_TYPES), f"{where}, which is no word")
        same = type(value) is type(newest[name])
        require(same, f"{where}, a {type(value).__name__}, where the word is a {type(newest[name]).__name__}")
