"""Mutants of recognizers. Most are made of a recognizer that speculates at every fifth step."""

from __future__ import annotations

import math
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import numpy as np

from asc.computation import Computation
from asc.recognizers.every import Every
from asc.recognizers.similarity import Similarity
from asc.types import Decision, Recognition
from mutants.components import component_mutants
from mutants.mutant import Mutant, Table, fail, merged, mutate


class Often(Every):
    """A sound recognizer, whose boundaries are close together."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config or Every.Config(steps=5))


def answering(**fields: Any) -> type[Any]:
    """Return a recognizer that replaces fields of a sound one's answer."""
    return mutate(Often, recognise=lambda self, original, computation: original(computation)._replace(**fields))


def following(boundary: Any) -> type[Any]:
    """Return a recognizer with another next boundary, given as `boundary(position)`."""
    return mutate(Often, next_boundary=lambda self, _, position, computation: boundary(position))


def shown(answer: Recognition, number: int) -> Recognition:
    """Let a number change an answer."""
    return answer._replace(speculate=number % 3 > 0, score=float(number))


def _count(self: Any) -> int:
    self.asked = getattr(self, "asked", 0) + 1
    asked: int = self.asked
    return asked


def _count_and_ask(self: Any, original: Any, *given: Any) -> Any:
    _count(self)
    return original(*given)


def _after(deed: Any, base: type[Any] = Often) -> type[Any]:
    def recognise(self: Any, original: Any, computation: Computation) -> Any:
        deed(computation)
        return original(computation)

    return mutate(base, recognise=recognise)


def _read_in_silence(computation: Computation) -> None:
    with suppress(LookupError):
        computation.read("fingerprint", ())


def _keep(self: Any, _: Any, decision: Decision) -> None:
    self.kept = [*getattr(self, "kept", ()), decision._replace(reason="")]


def _move_on(computation: Computation) -> None:
    snapshot = computation.snapshot()
    computation.restore(snapshot._replace(position=snapshot.position + 1))


def _normalise(computation: Computation) -> None:
    rows = computation.read("fingerprint", ())
    rows /= np.linalg.norm(rows)


OWN: Table = MappingProxyType(
    {
        "test_fits_its_kind": (
            Mutant("needs a list", mutate(Often, needs=["words"]), r'write frozenset\({"words"}\)'),
        ),
        "test_raises_nothing": (
            Mutant(
                "raises where it is asked for the next boundary",
                following(lambda _: fail(LookupError("no boundary"))),
                "next_boundary raised LookupError",
            ),
        ),
        "test_boundaries_lie_ahead": (
            Mutant(
                "stays where it is", following(lambda position: position), "position 0 of count the next boundary is 0"
            ),
            Mutant("stops between two steps", following(lambda position: position + 1.5), "the next boundary is 1.5"),
        ),
        "test_asking_for_the_boundary_changes_nothing": (
            Mutant(
                "moves the boundary with each question",
                mutate(Often, next_boundary=lambda self, _, position, computation: position + _count(self)),
                r"asked four times, it named the boundaries \[1, 1, 2, 3\]",
            ),
            Mutant(
                "learns from each question for the boundary",
                mutate(
                    Often,
                    next_boundary=_count_and_ask,
                    recognise=lambda self, original, computation: shown(original(computation), self.asked),
                ),
                "after more questions for the next boundary",
            ),
        ),
        "test_answers_are_well_formed": (
            Mutant("answers True", mutate(Often, recognise=lambda *_: True), "which is no Recognition"),
            Mutant("speculates by half", answering(speculate=0.5), "speculate is True or False"),
            Mutant("has a story for a label", answering(label="once upon a time " * 3), "a line of at most 40"),
            Mutant("has a score that is NaN", answering(score=math.nan), "the score is a finite number or None"),
            Mutant("bounds horizons by half a step", answering(furthest=0.5), "furthest is a whole number from 0 on"),
            Mutant("bounds horizons by the past", answering(furthest=-1), "furthest is a whole number from 0 on"),
        ),
        "test_speculates_somewhere": (
            Mutant("never speculates", answering(speculate=False), "it speculates nowhere on count"),
        ),
        "test_reads_only_what_it_needs": (
            Mutant("reads more, and hides it", _after(_read_in_silence), "it reads fingerprint, which is not among"),
            Mutant(
                "misspells what it needs",
                mutate(Often, needs=frozenset({"fingerprnt"})),
                'is "fingerprnt" a misspelling of "fingerprint"',
            ),
        ),
        "test_leaves_the_computation_untouched": (
            Mutant("takes a step", _after(lambda computation: computation.advance(1)), "it changed the computation at"),
            Mutant(
                "normalises the fingerprint that it reads",
                _after(_normalise, Similarity),
                "it changed what it had read as fingerprint",
            ),
        ),
        "test_learns_from_any_decision": (
            Mutant(
                "expects a change of the loss",
                mutate(Often, learn=lambda self, _, decision: min(0.0, decision.change)),
                "learn raised TypeError",
            ),
            Mutant(
                "raises after a leap",
                mutate(Often, follow=lambda *_: fail(NotImplementedError())),
                "follow raised NotImplementedError",
            ),
        ),
        "test_runs_end_the_same": (
            Mutant("moves the position", _after(_move_on), "ended in another state than without"),
            Mutant("raises", _after(lambda _: fail(ZeroDivisionError())), "switched off in a run of count: ZeroDivi"),
        ),
        "test_memory_does_not_grow": (
            Mutant("keeps every decision", mutate(Often, learn=_keep), "bytes more at the end"),
        ),
    }
)

RECOGNIZERS = merged(component_mutants(Often, "recognise", lambda computation: computation.position(), shown), OWN)
"""Mutants of recognizers, by the law that catches them."""
