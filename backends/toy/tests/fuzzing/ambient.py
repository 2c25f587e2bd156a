"""What a program can read or change beside its state: put to a known start, taken down at the end, put back."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import decimal
import io
import locale
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np

from fuzzing import fees
from fuzzing.differences import content_of
from fuzzing.subject import Loaded

A = TypeVar("A")


def in_known_surroundings(call: Callable[[], A]) -> A:
    """Make a call that finds the same surroundings each time, and leaves none of its own behind."""
    return contextvars.copy_context().run(_call_within, call)


def _call_within(call: Callable[[], A]) -> A:
    with _restored():
        return call()


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    diary = Path(tempfile.gettempdir()) / f"fuzzed-{os.getpid()}.txt"
    environment, folder, limit = dict(os.environ), os.getcwd(), sys.getrecursionlimit()
    state, legacy, before = random.getstate(), np.random.get_state(), decimal.getcontext().copy()
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(np.printoptions())
        warnings.simplefilter("ignore")
        random.seed(11)
        np.random.seed(11)
        fees.FEE = 1
        fees.CALLS.clear()
        diary.unlink(missing_ok=True)
        os.environ["FUZZED_DIARY"] = str(diary)
        try:
            yield
        finally:
            diary.unlink(missing_ok=True)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.setrecursionlimit(limit)
            random.setstate(state)
            np.random.set_state(legacy)
            decimal.setcontext(before)


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    """Take what is printed within, on both channels, and what warnings say."""
    text = io.StringIO()

    def show(*warning: Any, **options: Any) -> None:
        sys.stderr.write(warnings.formatwarning(*warning[:4]))

    redirected = contextlib.redirect_stdout(text), contextlib.redirect_stderr(text)
    with redirected[0], redirected[1], patch.object(warnings, "showwarning", show):
        yield text


def left_behind(program: Loaded, text: str) -> dict[str, Any]:
    """Take down what a run has left beside its state, by a name for people."""
    diary = Path(os.environ["FUZZED_DIARY"])
    return {
        "the output": text,
        "the module": content_of(program.module),
        "fees": copy.deepcopy(content_of(fees)),
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state()),
        "the decimal context": repr(decimal.getcontext()),
        "numpy's errors": np.geterr(),
        "the environment": {name: value for name, value in os.environ.items() if name.startswith("FUZZED")},
        "the recursion limit": sys.getrecursionlimit(),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the folder": os.getcwd(),
        "the file": diary.read_text() if diary.exists() else "",
    }
