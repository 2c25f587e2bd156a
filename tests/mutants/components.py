"""Mutants of predictors, recognizers and validators alike: what each law of `ComponentLaws` must catch."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np

from mutants.mutant import Mutant, Table, fail, mutate


def component_mutants(
    base: type[Any], asked: str, place: Callable[..., int], shown: Callable[[Any, int], Any]
) -> Table:
    """Return mutants of a sound class.

    A run asks a component by its method `asked`. `place` returns a number for the occasion from the arguments, and
    `shown` changes an answer by a number.
    """

    def showing(number: Callable[[Any], Any], **others: Any) -> type[Any]:
        """Let a number change the answers."""
        return mutate(base, **{asked: lambda self, original, *given: shown(original(*given), number(self))}, **others)

    def doing(deed: Callable[..., Any], **others: Any) -> type[Any]:
        """Do something before each answer, which stays the same."""

        def answer(self: Any, original: Any, *given: Any) -> Any:
            deed(self, *given)
            return original(*given)

        return mutate(base, **{asked: answer}, **others)

    def remember(self: Any, original: Any, *given: Any) -> Any:
        """Let the last few places change the answers."""
        if place(*given) not in self.seen[-1:]:
            self.seen.append(place(*given))
            del self.seen[:-7]
        return shown(original(*given), sum(self.seen))

    def begin(self: Any, original: Any, *config: Any) -> None:
        original(*config)
        self.seen = []
        self.random = np.random.default_rng()

    forgetful = mutate(base, **{asked: remember}, __init__=begin)
    sound = mutate(
        forgetful,
        state_dict=lambda self, _: {"seen": list(self.seen)},
        load_state_dict=lambda self, _, state: setattr(self, "seen", list(state["seen"])),
    )
    deaf = mutate(sound, load_state_dict=lambda *_: None)
    clock, held = count(1), dict[Any, Any]()
    by_clock = showing(lambda _: next(clock))
    raising = doing(lambda *_: fail(ZeroDivisionError("division by zero")))
    summing = mutate(
        base,
        **{asked: lambda self, original, *given: (self.seen.append(float(place(*given))), original(*given))[1]},
        __init__=begin,
    )
    return MappingProxyType(
        {
            "test_fits_its_kind": (
                Mutant("has a number for a method", mutate(base, **{asked: 1}), f"has {asked} of type int"),
                Mutant(
                    "misspells a method", mutate(base, load_state_dct=lambda *_: None), 'did you mean "load_state_dict"'
                ),
                Mutant(
                    "has a method with other parameters",
                    mutate(base, load_state_dict=staticmethod(lambda: None)),
                    r"the method load_state_dict\(\); expected load_state_dict\(state\)",
                ),
                Mutant("has settings that are no model", mutate(base, Config=dict), "a Config that is no pydantic"),
            ),
            "test_raises_nothing": (Mutant("raises", raising, "raised ZeroDivisionError: division by zero"),),
            "test_leaves_global_randomness_alone": (
                Mutant("draws from Python's generator", doing(lambda *_: random.random()), "from a global generator"),
                Mutant("draws from numpy's generator", doing(lambda *_: np.random.rand()), "from a global generator"),
            ),
            "test_same_input_same_answer": (
                Mutant(
                    "draws from a generator without a seed",
                    showing(lambda self: self.random.integers(1, 99), __init__=begin),
                    "two new instances gave different answers",
                ),
                Mutant("lets its address decide", showing(id), "two new instances gave different answers"),
                Mutant("lets a clock decide", by_clock, "two new instances gave different answers"),
            ),
            "test_instances_are_isolated": (
                Mutant("counts in the class", by_clock, "beside another instance it gave other answers"),
            ),
            "test_resumed": (
                Mutant("remembers, and has no state", forgetful, "did not continue as it would have"),
                Mutant("does not load its state", deaf, "did not continue as it would have"),
            ),
            "test_state_goes_through_a_checkpoint": (
                Mutant(
                    "saves a set",
                    mutate(sound, state_dict=lambda self, _: {"seen": set(self.seen)}),
                    "a checkpoint cannot hold the state; TypeError: a set is neither",
                ),
                Mutant(
                    "saves a dictionary whose keys are numbers",
                    mutate(sound, state_dict=lambda self, _: {"seen": dict.fromkeys(self.seen, True)}),
                    "a checkpoint cannot hold the state; TypeError: keys are strings",
                ),
                Mutant("does not load its state", deaf, "had loaded its state gave another answer"),
            ),
            "test_state_is_a_copy": (
                Mutant(
                    "returns the list that it continues to write into",
                    mutate(sound, state_dict=lambda self, _: {"seen": self.seen}),
                    "it is shared, not copied",
                ),
            ),
            "test_work_does_not_grow": (
                Mutant(
                    "goes through everything that it has seen",
                    doing(lambda self, *given: _largest(self.seen, place(*given)), __init__=begin),
                    "instructions early in the run",
                ),
            ),
            "test_memory_does_not_grow": (
                Mutant("keeps a number of each call", summing, "bytes more at the end"),
                Mutant(
                    "keeps what it is given",
                    doing(lambda self, *given: self.seen.append(given), __init__=begin),
                    "bytes more at the end",
                ),
                Mutant(
                    "keeps a number of each call in the class",
                    doing(lambda self, *given: held.update({(id(self), place(*given)): given})),
                    "bytes more at the end",
                ),
            ),
            "test_cost_is_reported": (
                Mutant("raises", raising, "raised ZeroDivisionError.*; see test_raises_nothing"),
            ),
        }
    )


def _largest(seen: list[int], new: int) -> int:
    """Find the largest of all without a call of C code, whose instructions are not counted."""
    seen.append(new)
    largest = 0
    for one in seen:
        largest = max(largest, one)
    return largest
