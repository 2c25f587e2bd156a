"""What goes wrong in a validator: it is no rejection, never the end of a run, and people are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from asc.computation import Computation
from asc.engine import Engine
from asc.hookspecs import RunView, hookimpl
from asc.plugins import load
from asc.predictor import Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.run.monitor import Monitor
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import check_resumed, check_same_end, drive
from asc.types import Boundary, Candidate, Decision, Outcome, Verdict
from asc.validator import Validator
from asc.validators.strict import Strict
from asc.views import live

STEPS = 400
WRONG = "KeyError: 'loss' (test_judge.py, line "


class Scripted(Validator):
    """At each judgement does the next thing of a script, and the last thing from then on."""

    def __init__(self, *script: Callable[[], Any]) -> None:
        super().__init__()
        self.asked = 0
        self._script = script

    def judge(self, computation: Computation, candidate: Candidate) -> Any:
        self.asked += 1
        return self._script[min(self.asked, len(self._script)) - 1]()

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked}

    def load_state_dict(self, state: Any) -> None:
        self.asked = state["asked"]


def wrong() -> Any:
    return {}["loss"]


def no() -> Verdict:
    return Verdict(accepted=False, gain_steps=0.0, reason="no")


def yes() -> Verdict:
    return Verdict(accepted=True, gain_steps=5.0, reason="yes")


def watched(
    validator: Validator,
    predictor: Predictor | None = None,
    *horizons: int,
    make: type[Descent] = Descent,
    prices: dict[str, float] | None = None,
) -> tuple[Engine, Monitor]:
    """Return an engine, and the monitor that warns people of it."""
    monitor = Monitor("mine", {})
    engine = assemble(
        make(STEPS, prices=prices),
        {"linear": predictor or Linear()},
        validator=validator,
        scheduler=JudgedScheduler.Config(horizons=horizons or (8,)),
        observer=monitor,
    )
    monitor.attach(engine, load(environ={"ASC_LOAD_PLUGINS": ""}).notifier(monitor.warn))
    return engine, monitor


def settled(events: list[Boundary]) -> list[Decision]:
    return [decision for event in events for decision in event.decisions if decision.outcome is not Outcome.SILENT]


def test_a_validator_that_raises_rejects_nothing_and_is_switched_off_with_a_sentence() -> None:
    validator = Scripted(wrong)
    engine, monitor = watched(validator)
    decisions = settled(drive(engine))
    outcomes = engine.speculator.outcomes
    assert [decision.outcome for decision in decisions] == [Outcome.UNJUDGED] * 3
    assert all(decision.reason.startswith(f"the validator raised {WRONG}") for decision in decisions)
    assert validator.asked == outcomes.counts["not judged"] == 3
    assert (outcomes.acceptance_rate, outcomes.horizons()) == (None, {})
    assert outcomes.at("linear", 8).probability == 0.5, "it is no evidence against the predictor"
    assert engine.ledger.accounts()["validate"]["count"] == 3, "everything is on the clock"
    first, off = monitor.warnings
    assert first.startswith(f"The validator 'given' raised {WRONG}")
    assert first.endswith("): the candidate was not judged.")
    assert off.startswith("The validator 'given' was switched off, and the run continued without it: it raised KeyErro")
    assert off.endswith("), at 3 boundaries in a row, and nothing can be judged without it.")
    reason = monitor.status().reason
    assert reason.startswith(f"No speed-up: speculation was switched off after the validator given raised {WRONG}")
    assert reason == monitor.summary("finished")["reason"]


def test_the_live_view_and_its_lines_say_why_speculation_ended(capsys: pytest.CaptureFixture[str]) -> None:
    engine, monitor = watched(Scripted(wrong))
    engine.run()
    console = Console(width=200)
    console.print(live.view("mine", monitor.status(), None, "finished"))
    shown = capsys.readouterr().out
    assert "speculation was switched off after the validator given raised KeyError: 'loss'" in shown
    assert "3 not judged" in shown


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (None, "None"),
        (True, "True"),
        ((True, 3.0), "(True, 3.0)"),
        (Verdict(True, None, "no gain"), "Verdict(accepted=True, gain_steps=None, reason='no gain', change=None)"),  # type: ignore[arg-type]
        (Verdict("yes", 1.0, ""), "Verdict(accepted='yes', gain_steps=1.0, reason='', change=None)"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_is_no_verdict_is_named(answer: object, shown: str) -> None:
    engine, monitor = watched(Scripted(lambda: answer))
    engine.run()
    did = f"answered {shown}; expected asc.Verdict(accepted, gain_steps, reason)"
    assert monitor.warnings[0] == f"The validator 'given' {did}: the candidate was not judged."
    assert monitor.status().reason == (f"No speed-up: speculation was switched off after the validator given {did}.")


def test_a_long_answer_is_shortened() -> None:
    engine, monitor = watched(Scripted(lambda: [0.123] * 10_000))
    engine.run()
    assert len(monitor.warnings[0]) < 300


def test_numbers_and_truth_values_of_numpy_are_a_verdict() -> None:
    engine, monitor = watched(Scripted(lambda: Verdict(np.bool_(True), np.float32(2.0), "good")))  # type: ignore[arg-type]
    (decision, *_) = settled(drive(engine))
    assert (decision.outcome, decision.gain_steps) == (Outcome.ACCEPTED, 2.0)
    assert monitor.warnings == []


class Matrices(Descent):
    """Gives losses of a wrong shape."""

    def score(self, state: Any | None, look: int) -> Any:
        return np.zeros((2, 8))


def test_a_sentence_for_people_is_an_error_like_any_other() -> None:
    engine, monitor = watched(Strict(Strict.Config(rotate=False)), make=Matrices)
    engine.run()
    assert engine.computation.finished()
    assert monitor.warnings[0] == (
        "The validator 'given' raised AscError: score() gave an array of shape (2, 8) for look 0: give one loss a "
        "sequence, shape (n,) with n of at least 1: the candidate was not judged."
    )


def test_a_verdict_in_between_ends_the_count() -> None:
    validator = Scripted(wrong, wrong, no, wrong, wrong, yes, wrong, no)
    engine, monitor = watched(validator)
    drive(engine)
    assert validator.asked > 8
    (only,) = monitor.warnings
    assert only.startswith(f"The validator 'given' raised {WRONG}"), "people are warned once"
    outcomes = engine.speculator.outcomes
    assert outcomes.counts["not judged"] == 5
    assert outcomes.acceptance_rate == 1 / (validator.asked - 5)


def test_candidates_that_are_not_judged_do_not_pause_speculation() -> None:
    """A pause comes after four rejections, and here are three of them among eight candidates without a verdict."""
    validator = Scripted(wrong, wrong, no, wrong, wrong, no, wrong, wrong, no, wrong, wrong, yes)
    engine, _ = watched(validator, prices={})
    positions = [event.position for event in drive(engine) if settled([event])]
    assert positions[:12] == list(range(8, 8 * 13, 8))


def test_a_boundary_where_one_candidate_is_judged_is_no_failure_of_the_validator() -> None:
    validator = Scripted(*[wrong, no] * 40)
    engine, monitor = watched(validator, None, 8, 16)
    drive(engine)
    assert engine.speculator.outcomes.counts["not judged"] > 3
    assert len(monitor.warnings) == 1


def test_after_leaps_the_reason_says_what_they_were_worth_and_why_there_are_no_more() -> None:
    engine, monitor = watched(Scripted(yes, yes, wrong))
    engine.run()
    assert engine.ledger.leaps == 2
    reason = monitor.status().reason
    assert "2 of 2 candidates were accepted" in reason
    assert f" Speculation was switched off after the validator given raised {WRONG}" in reason


def test_a_chain_with_a_link_that_is_not_judged_is_not_judged() -> None:
    engine, _ = watched(Scripted(yes, wrong), Cascade(Cascade.Config(step=4)), 8)
    (first, *_) = settled(drive(engine))
    assert first.outcome is Outcome.UNJUDGED
    assert engine.ledger.leaps == 0


def test_a_run_whose_validator_raises_ends_like_a_plain_run() -> None:
    check_same_end(lambda: Descent(STEPS), lambda computation: engine_of(computation, Scripted(wrong)))


def engine_of(computation: Computation, validator: Validator) -> Engine:
    scheduler = JudgedScheduler.Config(horizons=(8,))
    return assemble(computation, {"linear": Linear()}, validator=validator, scheduler=scheduler)


@pytest.mark.parametrize("script", [(wrong,), (yes, wrong), (wrong, wrong, no, wrong)])
def test_a_resumed_run_counts_on_and_says_the_same(script: tuple[Callable[[], Any], ...]) -> None:
    check_resumed(lambda: Descent(STEPS), lambda computation: engine_of(computation, Scripted(*script)))
    whole, monitor = watched(Scripted(*script))
    whole.run()
    for until in (16, 24, 40, 200):
        first, _ = watched(Scripted(*script))
        first.run(until=until)
        second, resumed = watched(Scripted(*script))
        second.computation.restore(first.computation.snapshot())
        second.load_state(first.save_state())
        second.run()
        assert resumed.status().reason == monitor.status().reason


class Shy(Linear):
    """Raises in a method that the predictor's base has as well."""

    def __init__(self, method: str) -> None:
        super().__init__()
        setattr(self, method, self._refuse)

    def _refuse(self, *_: object) -> Any:
        raise ValueError("no")


@pytest.mark.parametrize("method", ["links", "settle"])
def test_a_predictor_that_raises_anywhere_is_switched_off(method: str) -> None:
    engine, monitor = watched(Strict(), Shy(method))
    engine.run()
    assert engine.computation.finished()
    (warning,) = monitor.warnings
    assert warning.startswith(
        "The predictor 'linear' was switched off, and the run continued without it: ValueError: no (test_judge.py, "
    )
    assert monitor.status().reason == "No speed-up: every predictor was switched off; the warnings say why."


def test_hooks_see_the_outcome_and_the_reason() -> None:
    class Watching:
        def __init__(self) -> None:
            self.seen: list[Decision] = []

        @hookimpl
        def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
            self.seen += boundary.decisions

    watching, plugins, monitor = Watching(), load(environ={"ASC_LOAD_PLUGINS": ""}), Monitor("mine", {})
    plugins.observe(watching, "watching")
    scheduler = JudgedScheduler.Config(horizons=(8,))
    engine = assemble(
        Descent(STEPS), {"linear": Linear()}, validator=Scripted(wrong), scheduler=scheduler, observer=monitor
    )
    monitor.attach(engine, plugins.notifier(monitor.warn))
    engine.run()
    found = [decision for decision in watching.seen if decision.outcome is Outcome.UNJUDGED]
    assert len(found) == 3
    assert "KeyError: 'loss'" in found[0].reason
