"""Mutants of validators. Most are made of `Strict`."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from asc.computation import Computation
from asc.types import Candidate, Verdict
from asc.validators.strict import Strict
from mutants.components import component_mutants
from mutants.mutant import Mutant, Table, fail, merged, mutate


def judging(change: Callable[..., Any]) -> type[Any]:
    """Return a validator that changes a sound one's verdict, given as `change(verdict, computation, candidate)`."""
    return mutate(
        Strict,
        judge=lambda self, original, computation, candidate: change(
            original(computation, candidate), computation, candidate
        ),
    )


def first(deed: Callable[[Any, Candidate], Any]) -> type[Any]:
    """Return a validator that does something with computation and candidate before it judges."""

    def judge(self: Any, original: Any, computation: Computation, candidate: Candidate) -> Any:
        deed(computation, candidate)
        return original(computation, candidate)

    return mutate(Strict, judge=judge)


def shown(verdict: Verdict, number: int) -> Verdict:
    """Let a number change a verdict."""
    return verdict._replace(gain_steps=verdict.gain_steps / (1 + number), reason=f"{verdict.reason}, number {number}")


def _backwards(self: Any, _: Any, computation: Any, candidate: Candidate) -> Verdict:
    """Reject what is worse, in a comparison that is False for NaN."""
    current, losses = (float(computation.score(state, 0).mean()) for state in (candidate.base, candidate.state))
    if losses >= current:
        return Verdict(accepted=False, gain_steps=0.0, reason="it is no better")
    gain = computation.gain_steps(current - losses)
    return Verdict(accepted=True, gain_steps=gain if math.isfinite(gain) else 0.0, reason="it is no worse")


def _move(verdict: Verdict, computation: Any, candidate: Candidate) -> Verdict:
    if verdict.accepted:
        computation._vector = candidate.state.vector
    return verdict


def _score_in_place(computation: Any, candidate: Candidate) -> None:
    kept, computation._vector = computation._vector, candidate.state.vector
    computation.score(None, 0)
    computation._vector = kept


def _accept_unseen(self: Any, original: Any, computation: Computation, candidate: Candidate) -> Any:
    try:
        return original(computation, candidate)
    except Exception:  # noqa: BLE001 -- that is the fault
        return Verdict(accepted=True, gain_steps=0.0, reason="nothing speaks against it")


OWN: Table = MappingProxyType(
    {
        "test_raises_nothing": (
            Mutant(
                "raises where a loss is NaN",
                first(lambda computation, candidate: int(computation.score(candidate.state, 0).sum())),
                "of a ruined candidate judge raised ValueError",
            ),
        ),
        "test_declares_what_it_needs": (
            Mutant(
                "scores without saying so",
                mutate(Strict, needs=frozenset()),
                "it asked for losses, and declares that it needs nothing",
            ),
            Mutant(
                "reads something else",
                first(lambda computation, _: computation.read("vector", [computation.observe()])),
                "it asked for vector, and declares that it needs losses",
            ),
        ),
        "test_accepts_the_true_continuation": (
            Mutant(
                "rejects everything",
                judging(lambda verdict, *_: verdict._replace(accepted=False, reason="no")),
                "it rejected the true continuation: no",
            ),
            Mutant(
                "raises",
                first(lambda *_: fail(ZeroDivisionError())),
                "judge raised ZeroDivisionError.*; see test_raises",
            ),
        ),
        "test_rejects_a_perturbed_one": (
            Mutant(
                "accepts everything",
                judging(lambda verdict, *_: verdict._replace(accepted=True)),
                "it accepted a state that is much worse",
            ),
        ),
        "test_rejects_what_is_no_number": (
            Mutant(
                "compares in a way that NaN passes",
                mutate(Strict, judge=_backwards),
                "it accepted a state that is no number",
            ),
            Mutant(
                "raises where a loss is NaN",
                first(lambda computation, candidate: int(computation.score(candidate.state, 0).sum())),
                "judge raised ValueError",
            ),
        ),
        "test_verdicts_are_well_formed": (
            Mutant("answers True or False", judging(lambda verdict, *_: verdict.accepted), "which is no Verdict"),
            Mutant("answers nothing", judging(lambda *_: None), "it gives None, which is no Verdict"),
            Mutant("gives no reason", judging(lambda verdict, *_: verdict._replace(reason="")), "the reason is empty"),
            Mutant(
                "gives a gain to what it rejects",
                judging(lambda verdict, *_: verdict._replace(gain_steps=1.0)),
                "a rejected candidate gains nothing",
            ),
            Mutant(
                "gives an infinite gain",
                judging(lambda verdict, *_: verdict._replace(gain_steps=math.inf)),
                "the gain is a finite number",
            ),
            Mutant(
                "has a change that is NaN",
                judging(lambda verdict, *_: verdict._replace(change=math.nan)),
                "the change is a finite difference",
            ),
        ),
        "test_judges_against_the_base": (
            Mutant(
                "ignores the base",
                mutate(
                    Strict,
                    judge=lambda self, original, computation, candidate: original(
                        computation, candidate._replace(base=None)
                    ),
                ),
                "it found that a state gains",
            ),
        ),
        "test_gain_is_measured": (
            Mutant(
                "takes the horizon for the gain",
                judging(lambda verdict, _, candidate: verdict._replace(gain_steps=float(candidate.horizon))),
                "the same state gains 15 or 750",
            ),
        ),
        "test_leaves_the_computation_untouched": (
            Mutant("moves to what it accepts", judging(_move), "judging a candidate changed the computation"),
            Mutant(
                "draws from the computation's generator",
                first(lambda computation, _: computation._random.normal()),
                "judging a candidate changed the computation",
            ),
        ),
        "test_leaves_it_untouched_where_scoring_raises": (
            Mutant(
                "puts the candidate in place, and does not put it back where scoring fails",
                first(_score_in_place),
                "a judgement that raised changed the computation",
            ),
            Mutant(
                "accepts where it could not score",
                mutate(Strict, judge=_accept_unseen),
                "accepted a state though a pass",
            ),
        ),
        "test_looks_are_bounded": (
            Mutant(
                "looks a hundred times",
                first(lambda computation, candidate: [computation.score(candidate.state, n) for n in range(100)]),
                "it looked 102 times for one judgement; 16 are allowed",
            ),
        ),
    }
)

VALIDATORS = merged(component_mutants(Strict, "judge", lambda _, candidate: candidate.start, shown), OWN)
"""Mutants of validators, by the law that catches them."""
