"""The laws of predictors."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from statistics import median
from typing import Any
from unittest import SkipTest

from asc import answers
from asc.computation import Computation, Executable
from asc.engine import Engine
from asc.errors import WrongAnswerError, describe_error, what_it_did
from asc.predictor import History, Predictor
from asc.reference.runs import ReferenceRun, Visit, reference_runs, unprovided
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import check_executed, check_resumed, require
from asc.testing.contents import contents
from asc.testing.laws.base import form
from asc.testing.laws.components import ComponentLaws, Series
from asc.testing.laws.watched import Watched
from asc.testing.stand_ins import Accept
from asc.types import Candidate, Combination, Direct, Plan, Prediction

_DEEPER = 4  # snapshots beyond its depth that a history has for the law of depth


class PredictorLaws(ComponentLaws):
    """What every predictor promises. Write `predictor`, and replace whatever else does not fit.

        class TestMine(PredictorLaws):
            def predictor(self):
                return Mine()

    The laws ask it at the boundaries of reference runs that provide what it needs.
    """

    least = 2
    """Snapshots that it needs before it predicts anything."""

    _kind = "predictor"
    _deed = "predict"

    def predictor(self) -> Any:
        """Make the predictor, a fresh one each time; with small bounds, where it remembers up to a bound."""
        raise NotImplementedError("give the class a method predictor() that makes the one to be tested")

    def reference_runs(self) -> Sequence[ReferenceRun]:
        """Return the runs to try it on. Add one of the kind that it is made for, where the kit has none."""
        return reference_runs(self._component().needs)

    @form
    def test_raises_nothing(self) -> None:
        """A predictor answers, with a prediction or None; one that raises is switched off for the rest of the run.

        If it fails: look at what the history holds at that place, and return None for what you do not handle.
        """
        for run in self._runs():
            predictor = self._component()
            for visit in run.visits():
                for horizon in self._horizons(run, predictor):
                    try:
                        predictor.predict(visit.history, horizon)
                    except Exception as error:
                        raise AssertionError(_raised(error, visit, horizon, run)) from error

    def test_reads_only_what_it_needs(self) -> None:
        """What a predictor reads is what it declares in `needs`, so that a run can refuse it before it starts.

        If it fails: name what you read, `needs = frozenset({"words"})`, or read less.
        """
        for run in self._runs():
            predictor = self._component()
            for visit in run.visits():
                history = Watched(visit.history)
                for horizon in self._horizons(run, predictor):
                    self._predict(predictor, visit, horizon, run, history)
                others = sorted(history.read.needs - predictor.needs)
                problem = f"it reads {', '.join(others)}, which is not among its needs: {sorted(predictor.needs)}"
                require(not others, problem)

    def test_looks_back_no_further_than_its_depth(self) -> None:
        """A run keeps `depth` snapshots, or more for another predictor: older ones change no prediction.

        If it fails: set `depth` to the number of snapshots that you look back on, or use the newest `depth` alone.
        """
        for run in self._runs():
            predictor, deeper = self._component(), self._component()
            depth = predictor.depth
            for visit in run.visits(max(run.boundaries, depth + 2 * _DEEPER), window=depth + _DEEPER):
                short = visit._replace(snapshots=visit.snapshots[-depth:])
                for horizon in self._horizons(run, predictor):
                    expected = self._predict(predictor, short, horizon, run)
                    found = self._predict(deeper, visit, horizon, run)
                    problem = (
                        f"from {len(visit.snapshots)} snapshots it predicts {found!r} on {run.name}, and from the "
                        f"newest {depth}, its depth, {expected!r}"
                    )
                    require(_alike(expected, found), problem)

    def test_too_little_history_is_no_prediction(self) -> None:
        """With too few snapshots, a predictor returns None: a run has few at its start and after each judged leap.

        If it fails: return None there, or set `least` to the number of snapshots that it needs.
        """
        for run in self._runs():
            predictor = self._component()
            for visit in run.visits(boundaries=self.least + 1):
                count = len(visit.snapshots)
                if count < self.least:
                    for horizon in self._horizons(run, predictor):
                        prediction = self._predict(predictor, visit, horizon, run)
                        problem = f"on {run.name} it predicts {prediction!r} from a history of {count}"
                        require(prediction is None, problem)

    def test_predicts_somewhere(self) -> None:
        """With enough history, a predictor predicts something on at least one of the reference runs.

        If it fails: it returns None on all of them. Add a run of the kind that it is made for, in `reference_runs`.
        """
        found = any(prediction is not None for run in self._runs() for _, _, prediction in self._predictions(run))
        require(found, f"it predicts nothing on any reference run ({', '.join(run.name for run in self._runs())})")

    @form
    def test_predictions_are_well_formed(self) -> None:
        """A prediction is a Combination of at most as many finite numbers as there are snapshots, a Direct, or None.

        The links of a horizon are whole numbers of steps, ascending, the horizon itself the last.

        If it fails: the sentence has the prediction; coefficients are Fraction, float or int, oldest snapshot first.
        """
        for run in self._runs():
            predictor = self._component()
            for visit, horizon, prediction in self._predictions(run, checked=False):
                try:
                    answers.links(predictor.links(horizon), horizon)
                    answers.prediction(prediction)
                except Exception as error:  # noqa: BLE001 -- the sentence says what it raised or answered
                    raise AssertionError(f"on {run.name} it {what_it_did(error)}") from None
                if isinstance(prediction, Combination):
                    coefficients, count = prediction.coefficients, len(visit.snapshots)
                    fits = 0 < len(coefficients) <= count
                    require(fits, f"{len(coefficients)} coefficients for {count} snapshots on {run.name}")
                    usable = all(isinstance(one, Fraction | float | int) and math.isfinite(one) for one in coefficients)
                    require(usable, f"coefficients are finite Fraction, float or int, not {coefficients}")

    @form
    def test_leaves_the_history_untouched(self) -> None:
        """A history is shared by all predictors and by the run itself: a predictor changes nothing in it.

        Nor does it change what it has read, even where this computation returns a copy: another computation does not.
        If it fails: copy before you write; sort, append and += change the object itself.
        """
        for run in self._runs():
            predictor = self._component()
            for visit in run.visits():
                before, history = self.contents(visit), Watched(visit.history)
                for horizon in self._horizons(run, predictor):
                    self._predict(predictor, visit, horizon, run, history)
                    place = f"at position {visit.computation.position()} of {run.name}"
                    require(self.contents(visit) == before, f"it changed the history that it was given, {place}")
                    changed = sorted(history.read.changed())
                    require(not changed, f"it changed what it had read as {', '.join(changed)}, {place}")

    @form
    def test_keeps_the_shape_of_the_state(self) -> None:
        """A predicted state has the words, types and shapes of the states that it is predicted from.

        If it fails: a Direct names only words that there are, each with its own type, or tensors of the same shapes.
        Any other state can never agree with a real one, and is judged for nothing.
        """
        for run in self._runs():
            for visit, horizon, prediction in self._predictions(run):
                if prediction is None:
                    continue
                if isinstance(prediction, Direct) and "words" in visit.computation.provides:
                    _require_words(prediction.state, visit, run)
                nothing = f"on {run.name} no state can be made of {prediction!r}"
                try:
                    made = visit.computation.materialise(prediction, visit.snapshots, Plan("", horizon, run.every))
                except Exception as error:
                    raise AssertionError(f"{nothing}: {type(error).__name__}: {error}") from error
                require(made is not None, nothing)

    def test_a_prediction_never_changes(self) -> None:
        """A prediction belongs to the caller: it is no object of the history, and later calls leave it as it is.

        If it fails: make a new dictionary or array for each prediction, such as `Direct({**words[-1], **predicted})`.
        """
        for run in self._runs():
            predictor, given = self._component(), list[tuple[Prediction, Hashable]]()
            for visit in run.visits():
                history = Watched(visit.history)
                for horizon in self._horizons(run, predictor):
                    prediction = self._predict(predictor, visit, horizon, run, history)
                    if prediction is not None:
                        given.append((prediction, _key(prediction)))
                        lent = isinstance(prediction, Direct) and history.read.gave(prediction.state)
                        require(not lent, f"on {run.name} its prediction is an object of the history")
            kept = all(_key(prediction) == before for prediction, before in given)
            require(kept, f"on {run.name} an earlier prediction changed in a later call")

    def test_asking_twice_is_asking_once(self) -> None:
        """A boundary may ask for several horizons, or for one twice: a predictor learns from it once.

        If it fails: learn from positions that are newer than the newest that you have seen, and from no others.
        """
        for run in self._runs():
            once, often = self._component(), self._component()
            for visit in run.visits():
                for horizon in self._horizons(run, often):
                    self._predict(often, visit, horizon, run)
                horizon = self._horizons(run, once)[0]
                again, first = (self._predict(one, visit, horizon, run) for one in (often, once))
                place = f"at position {visit.computation.position()} of {run.name}"
                require(_key(again) == _key(first), f"asked a second time {place}, it gave another prediction")

    def test_beats_standing_still(self) -> None:
        """On at least one of the reference runs, its predictions are nearer to what comes than the present state is.

        If it fails: it is wrong everywhere. Check signs, and that coefficients stand oldest first. Where no reference
        run is of the kind that it is made for, add one in `reference_runs`.
        """
        if self._component().in_place:
            raise SkipTest("an update in place looks no steps ahead")
        errors = {run.name: self._error(run) for run in self._runs()}
        shown = ", ".join(f"{name} {value:.3g}" for name, value in errors.items() if value is not None)
        near = any(value is not None and value < 1 for value in errors.values())
        problem = f"it is nowhere nearer than the last state, whose error is 1; its own errors: {shown or 'none'}"
        require(near, problem)

    def test_runs_end_the_same(self) -> None:
        """An executed run ends, bit for bit, as it does without the predictor, and the predictor is not switched off.

        If it fails: the sentence says which. Another end is an error of the core; please report it.
        """
        asked = list[bool]()
        for run in self._runs():
            assembled = partial(assemble, predictors={"it": self._component()}, every=run.every)
            engine = check_executed(run, assembled)
            if engine is not None:
                asked.append("predict" in engine.ledger.accounts())
        require(not asked or any(asked), "no run has asked it, so nothing was tested: please report it")

    def test_resumed(self) -> None:
        """A judged run that is resumed ends as a run that never stopped: what a predictor remembers is in its state.

        If it fails: write state_dict() and load_state_dict(state), of what JSON and numpy arrays hold.
        """
        for run in self._runs():
            if isinstance(run.make(1), Executable):
                continue

            def build(computation: Computation, run: ReferenceRun = run) -> Engine:
                predictor = self._component()
                return assemble(
                    computation,
                    {"it": predictor},
                    every=run.every,
                    validator=Accept(gain_steps=2.0),
                    scheduler=JudgedScheduler.Config(horizons=self._horizons(run, predictor), overdraft=9.0),
                )

            check_resumed(partial(run.make, 20 * run.every), build, carried=self.carried)

    def contents(self, visit: Visit) -> Hashable:
        """Return a key of everything that a history holds."""
        return contents([snapshot.state for snapshot in visit.snapshots]), visit.history.positions

    def _series(self) -> Sequence[Series]:
        __tracebackhide__ = True
        return [Series(run.name, partial(_occasions, run), run.boundaries, run.long) for run in self._runs()]

    def _answer(self, component: Predictor, occasion: tuple[ReferenceRun, Visit]) -> Hashable:
        __tracebackhide__ = True
        run, visit = occasion
        horizons = self._horizons(run, component)
        return tuple(_key(self._predict(component, visit, horizon, run)) for horizon in horizons)

    def _call(self) -> Callable[[Any], object]:
        """At the first horizon."""
        predictor = self._component()

        def ask(occasion: tuple[ReferenceRun, Visit]) -> object:
            run, visit = occasion
            return self._predict(predictor, visit, self._horizons(run, predictor)[0], run)

        return ask

    def _runs(self) -> Sequence[ReferenceRun]:
        __tracebackhide__ = True
        runs = self.reference_runs()
        require(bool(runs), unprovided(self._component().needs))
        return runs

    def _horizons(self, run: ReferenceRun, predictor: Predictor) -> tuple[int, ...]:
        return (0,) if predictor.in_place else (run.every, 3 * run.every, run.every + 2)

    def _predict(
        self,
        predictor: Predictor,
        visit: Visit,
        horizon: int,
        run: ReferenceRun,
        history: History | None = None,
        *,
        checked: bool = True,
    ) -> Prediction | None:
        __tracebackhide__ = True
        try:
            answer = predictor.predict(history or visit.history, horizon)
            return answers.prediction(answer) if checked else answer
        except Exception as error:  # noqa: BLE001 -- the sentence says what it raised, and which law shows the place
            wrong = isinstance(error, WrongAnswerError)
            see = "test_predictions_are_well_formed" if wrong else "test_raises_nothing"
            raise AssertionError(f"{_raised(error, visit, horizon, run)}; see {see}") from None

    def _predictions(
        self, run: ReferenceRun, *, checked: bool = True
    ) -> Iterator[tuple[Visit, int, Prediction | None]]:
        __tracebackhide__ = True
        predictor = self._component()
        for visit in run.visits():
            for horizon in self._horizons(run, predictor):
                yield visit, horizon, self._predict(predictor, visit, horizon, run, checked=checked)

    def _error(self, run: ReferenceRun) -> float | None:
        """Median error of predictions one boundary ahead, in the second half of a run; None without predictions."""
        __tracebackhide__ = True
        predictor, errors = self._component(), list[float]()
        last: tuple[Candidate, Visit] | None = None
        for visit in run.visits():
            if last is not None and visit.computation.position() > run.every * run.boundaries // 2:
                candidate, before = last
                errors.append(run.error(candidate.state, before.snapshots[-1], visit.snapshots[-1]))
            prediction = self._predict(predictor, visit, run.every, run)
            plan = Plan("", run.every, run.every)
            try:
                made = None if prediction is None else visit.computation.materialise(prediction, visit.snapshots, plan)
            except Exception as error:  # noqa: BLE001 -- as above
                why = f"{describe_error(error)}; see test_keeps_the_shape_of_the_state"
                raise AssertionError(f"on {run.name} no state can be made of {prediction!r}: {why}") from None
            last = None if made is None else (made, visit)
        return median(errors) if errors else None


def _key(prediction: Prediction | None) -> Hashable:
    """Return a key of a prediction; coefficients count by value."""
    return contents(list(prediction.coefficients) if isinstance(prediction, Combination) else prediction)


def _alike(one: Prediction | None, other: Prediction | None) -> bool:
    """Whether two predictions are the same, but for leading zeros and the rounding of coefficients."""
    if not isinstance(one, Combination) or not isinstance(other, Combination):
        return _key(one) == _key(other)
    length = max(len(one.coefficients), len(other.coefficients))
    padded = ((0,) * (length - len(some.coefficients)) + some.coefficients for some in (one, other))
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) for a, b in zip(*padded, strict=True))


def _occasions(run: ReferenceRun, count: int) -> Iterator[tuple[ReferenceRun, Visit]]:
    return ((run, visit) for visit in run.visits(count))


def _raised(error: Exception, visit: Visit, horizon: int, run: ReferenceRun) -> str:
    place = f"at position {visit.computation.position()} of {run.name}"
    return f"asked {horizon} steps ahead, {place}, it {what_it_did(error)}"


def _require_words(state: Any, visit: Visit, run: ReferenceRun) -> None:
    __tracebackhide__ = True
    try:
        doubt = answers.words(state, visit.history.read("words")[-1])
    except WrongAnswerError as error:
        doubt = f"it {error}"
    require(not doubt, f"on {run.name} {doubt}")
