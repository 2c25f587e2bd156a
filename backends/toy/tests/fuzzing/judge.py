"""The verdict on one program: the user's own loop and `accelerate` end alike, or the refusal is right."""

from __future__ import annotations

import re
import traceback
from typing import Any, NamedTuple

from asc.errors import AscError, StepError
from asc_toy import accelerate
from fuzzing.ambient import in_known_surroundings, left_behind, printed
from fuzzing.case import Case, hurry, workers_at_once
from fuzzing.differences import difference
from fuzzing.plain import Ended, run_loop
from fuzzing.subject import Subject, loaded

EXACT, RAISED, REFUSED = "exact", "raised alike", "refused"
HARMLESS, VAGUE, DIFFERENT, CRASHED = "refused though harmless", "refused without a name", "different", "crashed"
WRONG = frozenset({HARMLESS, VAGUE, DIFFERENT, CRASHED})


class Verdict(NamedTuple):
    """What became of a program."""

    outcome: str
    text: str = ""  # the sentence of a refusal, or what differs
    skipped: int = 0  # steps that were leapt over
    reason: str = ""  # why there was a gain, or none
    warnings: tuple[str, ...] = ()


class _Run(NamedTuple):
    """One run to its end, and what it has left behind."""

    ended: Ended
    left: dict[str, Any]
    summary: dict[str, Any]
    given: str = ""  # how the state that was given has changed


def judge(case: Case) -> Verdict:
    """Run a program both ways, each time fresh from its source."""
    subject = case.subject
    expected = in_known_surroundings(lambda: _own_loop(subject))
    try:
        found = in_known_surroundings(lambda: _accelerated(case, shows=bool(expected.left["the output"])))
    except StepError as error:
        return _judged_error(subject, expected, error)
    except AscError as error:
        return _judged_refusal(subject, str(error))
    except Exception:  # noqa: BLE001 -- a crash of any kind is a verdict
        return Verdict(CRASHED, traceback.format_exc())
    summary = found.summary
    known = int(summary["skipped"]), summary["reason"], tuple(summary["warnings"])
    if not expected.ended.complete:
        text = f"the user's own loop raises {expected.ended.error!r} at position {expected.ended.position}"
    elif summary["position"] != expected.ended.position:
        text = f"{summary['position']} steps and not {expected.ended.position}"
    else:
        text = found.given or difference(expected.ended.state, found.ended.state)
        text = text or difference(expected.left, found.left)
        if not text and summary.get("identical") is False:
            text = "the comparison with a plain run says that the ends are not identical"
    return Verdict(DIFFERENT if text else EXACT, text, *known)


def _own_loop(subject: Subject, steps: int | None = None) -> _Run:
    with loaded(subject) as program, printed() as text:
        program.prepare()
        ended = run_loop(program, subject.steps if steps is None else steps)
        return _Run(ended, left_behind(program, text.getvalue()), {})


def _accelerated(case: Case, *, shows: bool) -> _Run:
    subject, surroundings = case.subject, hurry() if case.hurried else workers_at_once()
    with loaded(subject) as program, printed() as text, surroundings:
        program.prepare()
        given = program.initial()
        options: dict[str, Any] = {} if program.until is None else {"until": program.until}
        if not subject.may and not shows and subject.seed % 16 == 0:  # a comparison shows everything twice
            options["compare_plain"] = True
        result = accelerate(program.step, given, subject.steps, case.settings, **options)
        left = left_behind(program, text.getvalue())
        changed = difference(program.initial(), given)
        ended = Ended(result.state, result.summary["position"])
        return _Run(ended, left, result.summary, changed and f"the given state was changed: {changed}")


def _judged_refusal(subject: Subject, sentence: str) -> Verdict:
    if not subject.may:
        return Verdict(HARMLESS, sentence)
    named = any(re.search(pattern, sentence, re.IGNORECASE) for pattern in subject.may)
    return Verdict(REFUSED if named else VAGUE, sentence)


def _judged_error(subject: Subject, expected: _Run, error: StepError) -> Verdict:
    ended, cause = expected.ended, error.__cause__
    if ended.complete or ended.error is None:
        return Verdict(DIFFERENT, f"only accelerate raises, {error}")
    if (type(cause), str(cause)) != (type(ended.error), str(ended.error)):
        return Verdict(DIFFERENT, f"accelerate raises {cause!r} and the user's own loop {ended.error!r}")
    if error.position != ended.position:
        return Verdict(DIFFERENT, f"accelerate raises at position {error.position} and not {ended.position}")
    if error.state is not None:
        before = in_known_surroundings(lambda: _own_loop(subject, ended.position))
        if text := difference(before.ended.state, error.state):
            return Verdict(DIFFERENT, f"in the last good state, {text}")
    return Verdict(RAISED, str(error))
