"""Makes a failing program smaller, as long as its verdict stays of the same kind."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzing.case import Case
from fuzzing.judge import DIFFERENT, Verdict, judge
from fuzzing.subject import Subject

_TRIES = 3  # runs of a smaller program before it counts as right: where it is not hurried, time decides

_BEGINNING = 30  # characters in which two sentences for one cause are equal


def shrink(case: Case, verdict: Verdict) -> tuple[Case, Verdict]:
    """Drop statements, words and steps while the outcome stays; return the smallest program, and its verdict."""
    smaller = True
    while smaller:
        smaller = False
        for subject in _candidates(case.subject):
            found = _again(case._replace(subject=subject), verdict)
            if found is not None:
                case, verdict, smaller = case._replace(subject=subject), found, True
                break
    return case, verdict


def describe(case: Case, verdict: Verdict) -> str:
    """Return everything that is needed to see the failure again."""
    subject, pace = case.subject, "hurried" if case.hurried else "in real time"
    text = f"seed {subject.seed}, {subject.kind}: {verdict.outcome}: {verdict.text}"
    return f"{text}\nsteps {subject.steps}, {pace}, settings {case.settings}\n{subject.source()}"


def _again(case: Case, verdict: Verdict) -> Verdict | None:
    for _ in range(1 if case.hurried else _TRIES):
        try:
            found = judge(case)
        except Exception:  # noqa: BLE001 -- what was dropped was needed
            return None
        alike = found.outcome == DIFFERENT or found.text[:_BEGINNING] == verdict.text[:_BEGINNING]
        if found.outcome == verdict.outcome and alike:
            return found
    return None


def _candidates(subject: Subject) -> Iterator[Subject]:
    if subject.until and subject.steps is not None:
        yield subject._replace(until="")
    if subject.steps is not None and subject.steps > 20:
        yield subject._replace(steps=subject.steps // 2)
    for number in reversed(range(len(subject.statements))):
        yield subject._replace(statements=subject.statements[:number] + subject.statements[number + 1 :])
    for number in reversed(range(len(subject.words))):
        if subject.words[number].name == "n":
            continue
        yield subject._replace(words=subject.words[:number] + subject.words[number + 1 :])
