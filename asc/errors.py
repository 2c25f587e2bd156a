"""Errors that a person is meant to read: one sentence each, no traceback on the command line."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

_NOT_THE_CAUSE = frozenset({"asc", "concurrent", "importlib", "importlib_metadata", "pluggy", "pydantic", "runpy"})
"""Packages that only call others, or deliver what others raised. The backport `importlib_metadata`, once imported by
any library, loads entry points in place of `importlib.metadata`."""


FILE_MODULE = "_asc_plugin_"
"""How the name of a plugin file's module begins; a digest of the path and the file's own name follow."""

_PRIVATE = re.compile(rf"\b{FILE_MODULE}[0-9a-f]{{12}}_")


class AscError(Exception):
    """A user's mistake or an unusable environment: what was given, what was expected, what to type next."""


class WrongAnswerError(TypeError):
    """A component answered something of another kind than it must.

    The message is the end of a sentence about the component: what it answered, and what was expected.
    """


class StepError(AscError):
    """The user's own step function raised; `__cause__` is its exception, the message has the position.

    `position` counts the steps that were completed. `state` is the state after them, by name, as the failing step found
    it: the program can be continued from there. It is None where that state is not known, because it was too large to
    be kept before the failing step began to change it. The computation that runs the step fills both in.
    """

    def __init__(self, message: str, *, position: int | None = None, state: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.position, self.state = position, state


class NonDeterministicStepError(AscError):
    """The same state was run twice and gave two results, so nothing that is predicted from it can be trusted."""


def describe_error(error: BaseException) -> str:
    """Return an exception's type and message on one line, and in parentheses the file and line of the code at fault.

    A wrong answer of a component is described without its type: "it answered 3 in predict; expected ...".

    No line is named for an `AscError`, which says by itself what is wrong. The message has no full stop at its end.
    """
    message = unmasked(" ".join(str(error).split()).rstrip("."))
    if isinstance(error, WrongAnswerError):
        return f"it {message}"
    described = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return described if isinstance(error, AscError) else described + place(error)


def place(error: BaseException) -> str:
    """Return the file and line of the code at fault, such as " (mine.py, line 7)"; empty where only asc was running.

    That code is the first package that asc called: where numpy raises within a predictor, the innermost line of the
    predictor is named.
    """
    package, where = "", ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        home = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if home not in _NOT_THE_CAUSE and package in ("", home):
            package, where = home, f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return where


def what_it_did(error: BaseException) -> str:
    """Return what a component did that has led to this exception, as the end of a sentence: raised, or answered."""
    described = describe_error(error)
    return described.removeprefix("it ") if isinstance(error, WrongAnswerError) else f"raised {described}"


def unmasked(text: str) -> str:
    """Return a text in which the module of a plugin file has the name that the author of the file knows."""
    return _PRIVATE.sub("", text)
