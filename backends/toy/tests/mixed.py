"""A program with words of every kind, and a simple one; transitions that must be there."""

from __future__ import annotations

from typing import Any

import numpy as np
from ways import computation

from asc.types import Transition
from asc_toy.computation import ToyComputation
from asc_toy.program import Program


def mixed(state: Any) -> None:
    """Words of several types, arrays and containers that are read and written, accumulations of both kinds."""
    n = state.n
    state.cells[n % 5] = state.table[n % 7] + state.cells[(n + 2) % 5] // 2
    state.cells[1:3] += 1
    state.add("total", int(state.cells[0]))
    state.add("histogram", 1, at=n % 3)
    state.ratio = -state.ratio if n % 4 == 0 else state.ratio * 0.5
    state.label = state.names["even"] if n % 2 == 0 else "odd"
    state.pos[n % 2] += n
    if n % 7 == 0:
        state.log.append((n, state.label))
    if n == 9:
        state.late = n
    state.n = n + 1


def program(steps: int = 60) -> Program:
    return Program(
        "mixed",
        mixed,
        {
            "n": 0,
            "total": 0,
            "ratio": 1.0,
            "label": "",
            "cells": np.zeros(5, np.int64),
            "table": np.arange(7) * 3,
            "histogram": np.zeros(3, np.int32),
            "names": {"even": "even"},
            "pos": [0, 0],
            "log": [],
        },
        steps,
    )


def made(steps: int = 60) -> ToyComputation:
    return ToyComputation(program(steps))


def counting(state: Any) -> None:
    state.n += 1
    state.add("total", state.n)


def simple(steps: int = 20, **words: Any) -> ToyComputation:
    return computation(counting, {"n": 0, "total": 0, **words}, steps)


def recorded(found: ToyComputation, steps: int = 1) -> Transition:
    entry = found.advance(steps, record=True).recorded
    assert entry is not None
    return entry


def only(parts: list[Any]) -> Transition:
    (entry,) = parts
    assert isinstance(entry, Transition)
    return entry
