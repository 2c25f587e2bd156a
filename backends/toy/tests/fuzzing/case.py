"""Executor and settings of a seed's program, such that there is much speculation, whether it pays or not.

Most runs are hurried: time passes only with the main thread's steps, and the main thread waits for each task. So tasks
cost nothing and are there at the next boundary, and what happens depends on the seed alone. The others are as they are.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, NamedTuple
from unittest.mock import patch

from asc.assemble import assemble
from asc.plugins import load
from asc.run import run as runs
from asc.speculators.executed.workforce import Workforce
from asc.speculators.pool import Pool
from asc.testing.clock import Clock
from asc.types import Advanced
from asc_toy import api
from asc_toy.computation import ToyComputation
from asc_toy.workers import executors
from fuzzing.draw import draw, kind_of
from fuzzing.subject import Statement, Subject

_PREDICTORS = (["ensemble"], ["ensemble"], ["ensemble"], ["affine"], ["linear"], ["memory", "linear"], ["quadratic"])
_EXECUTORS = {"affine": [5, 55, 40], "recurring": [60, 30, 10], "wild": [30, 40, 30]}  # none, threads, processes
_LONGEST_S = 10  # that a task is waited for
_STEP_S = 1e-3  # of the hurried clock


class Case(NamedTuple):
    """A program, and how it is run."""

    subject: Subject
    settings: dict[str, Any]
    hurried: bool


def case(seed: int) -> Case:
    """Draw the program of a seed, and its settings."""
    chance, subject = random.Random(f"settings {seed}"), draw(seed)
    executor = chance.choices(["none", "threads", "processes"], _EXECUTORS[kind_of(seed)])[0]
    hurried = chance.random() < 0.93
    distance = chance.choice([1, 1, 2, 3, 4, 8] if hurried else [8, 16, 32])
    recognizers = [{"name": "recurring", "distance": distance}, {"name": "every", "steps": distance}]
    settings = {
        "executor": executor,
        "workers": 0 if executor == "none" else chance.choice([1, 2, 2, 3]),
        "predictors": chance.choice(_PREDICTORS),
        "recognizer": chance.choice(recognizers),
        "scheduler": {
            "overdraft": 10.0,
            "memoise": executor == "none" or chance.random() < 0.4,
            "task_length": chance.choice([1, 2, 16]),
        },
    }
    if not hurried and executor == "processes":
        slow = (Statement("burn(1500)"), *subject.statements)
        subject = subject._replace(statements=slow, steps=chance.randint(900, 1500))
    return Case(subject, settings, hurried)


_load = cache(load)


@contextmanager
def hurry() -> Iterator[None]:
    """Let tasks cost nothing, and be there at the next boundary."""
    clock, submit, advance = Clock(), Workforce.submit, ToyComputation.advance

    def submit_and_wait(workforce: Workforce, *call: Any) -> Any:
        future = submit(workforce, *call)
        if future is not None:
            with suppress(TimeoutError):
                future.exception(_LONGEST_S)
        return future

    def advance_the_clock(computation: ToyComputation, *arguments: Any, **options: Any) -> Advanced:
        done = advance(computation, *arguments, **options)
        clock.move(_STEP_S * done.steps)
        return done

    with (
        workers_at_once(),
        patch.object(runs, "assemble", partial(assemble, clock=clock)),
        patch.object(Workforce, "submit", submit_and_wait),
        patch.object(ToyComputation, "advance", advance_the_clock),
        patch.object(ToyComputation, "price", lambda computation, work: 0.0),
        patch.object(api, "load", _load),
        patch.object(executors, "forks_safely", lambda: sys.platform == "linux"),  # a test runner's thread has no lock
    ):
        yield


def workers_at_once() -> Any:
    """Let a run start workers even where it would end before they answer, and wait for their start."""

    def pool(*arguments: Any, **options: Any) -> Pool:
        return Pool(*arguments, **options)._replace(start_s=0.0, background=False)

    return patch.object(executors, "Pool", pool)
