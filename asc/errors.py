"""Errors that a person is meant to read: one sentence each, no traceback on the command line."""

from __future__ import annotations


class AscError(Exception):
    """A user's mistake or an unusable environment: what was given, what was expected, what to type next."""


class StepError(AscError):
    """The user's own step function raised; `__cause__` is its exception, the message has the position."""


class NonDeterministicStepError(AscError):
    """The same state was run twice and gave two results, so nothing that is predicted from it can be trusted."""
