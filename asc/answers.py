"""What components answer, checked where the core receives it: the types of a plugin promise nothing at run time.

Each check returns the answer in the form that the core uses, and raises WrongAnswerError for any other answer.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Protocol

import numpy as np

from asc.calls import call
from asc.errors import AscError, WrongAnswerError, describe_error
from asc.nearest import nearest
from asc.types import Advanced, Combination, Direct, Prediction, Recognition, Verdict
from asc.words import WORD_TYPES

_SHOWN = 120  # characters of a wrong answer that are repeated
_HELD = "int, float, bool, bytes, str or a numpy scalar"


class Learning(Protocol):
    """A component that a resumed run makes anew."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it has learnt."""


def wrong(method: str, answer: object, expected: str) -> WrongAnswerError:
    """Return the error that says what a method has answered, and what was expected; "" names the only method."""
    shown = textwrap.shorten(repr(answer), _SHOWN, placeholder=" ...")
    return WrongAnswerError(f"answered {shown}{method and f' in {method}'}; expected {expected}")


def instance(method: str, answer: Any, kind: Any, expected: str) -> Any:
    """Return an answer that is of this type, or of one of these."""
    if not isinstance(answer, kind):
        raise wrong(method, answer, expected)
    return answer


def number(value: object) -> float | None:
    """Return a number, also of a library's own type such as a tensor without axes; None for anything else."""
    try:
        return None if isinstance(value, str | bytes) else float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 -- whatever a conversion raises
        return None


def whole(method: str, answer: Any) -> int:
    """Return a whole number of steps as an int."""
    if type(answer) is int:  # asked for at every boundary
        return answer
    if isinstance(answer, bool) or not isinstance(answer, Integral):
        raise wrong(method, answer, "a whole number of steps")
    return int(answer)


def advanced(answer: object) -> Advanced:
    """Return what `Computation.advance` has answered."""
    done: Advanced = instance("advance", answer, Advanced, "asc.types.Advanced(steps)")
    return done


def recognition(answer: object) -> Recognition:
    """Return what `Recognizer.recognise` has answered."""
    expected = "asc.Recognition(speculate, label, score)"
    speculate, label, score, furthest = instance("recognise", answer, Recognition, expected)
    if type(speculate) is bool and type(label) is str and score is None and furthest is None:
        return Recognition(speculate, label, None)  # the most frequent one: there may be tens of thousands a second
    known, scored = _truth(speculate), number(score)
    if known is None or not isinstance(label, str) or (scored is None and score is not None):
        raise wrong("recognise", answer, f"{expected}, with True or False, a text, and a number or None")
    if furthest is not None and (isinstance(furthest, bool) or not isinstance(furthest, Integral)):
        raise wrong("recognise", answer, "a whole number of steps or None as furthest")
    return Recognition(known, label, scored, None if furthest is None else int(furthest))


def prediction(answer: object) -> Prediction | None:
    """Return what `Predictor.predict` has answered."""
    if isinstance(answer, Combination):
        coefficients: object = answer.coefficients
        if not isinstance(coefficients, tuple | list | np.ndarray) or any(number(one) is None for one in coefficients):
            raise wrong("predict", answer, "a tuple of numbers in asc.Combination")
    elif answer is not None and not isinstance(answer, Direct):
        raise wrong("predict", answer, "asc.Combination, asc.Direct or None")
    return answer


def several(answer: object, count: int) -> Sequence[Prediction | None]:
    """Return what `Predictor.predict_all` has answered for so many horizons."""
    if not isinstance(answer, Sequence) or isinstance(answer, Combination | Direct) or len(answer) != count:
        raise wrong("predict_all", answer, f"a list of {count} predictions, one for each horizon")
    return [prediction(one) for one in answer]


def words(state: object, newest: Mapping[str, object]) -> str:
    """Return what is hardly right about words that were predicted, as the end of a sentence; empty for no doubt.

    That is a word which the newest state has not, or has with a value of another type: both may come true in some
    programs. Raises WrongAnswerError for what can never be the words of a state.
    """
    if not isinstance(state, Mapping):
        raise wrong("predict", state, "a mapping of state word to value in asc.Direct")
    doubt = ""
    for name, value in state.items():
        known, kind = name in newest, type(value)
        if known and type(newest[name]) is kind:
            continue
        if not isinstance(value, WORD_TYPES):
            raise wrong("predict", value, f"for {name}, a value that a state word can hold: {_HELD}")
        if not known:
            doubt = doubt or f"`{name}` was predicted, and the state has no such word{_meant(name, newest)}"
        else:
            doubt = doubt or f"`{name}` was predicted as {_a(kind)}, and is {_a(type(newest[name]))}"
    return doubt


def links(answer: object, horizon: int) -> Sequence[int]:
    """Return what `Predictor.links` has answered for a horizon."""
    found = answer if isinstance(answer, Sequence) else ()
    fits = all(isinstance(one, Integral) for one in found) and list(found) == sorted(set(found))
    if not fits or not found or found[-1] != horizon:
        raise wrong("links", answer, f"whole numbers of steps, ascending, {horizon} the last")
    return found


def verdict(answer: object) -> Verdict:
    """Return what `Validator.judge` has answered, with a gain that is finite."""
    expected = "asc.Verdict(accepted, gain_steps, reason)"
    given, worth, reason, difference = instance("", answer, Verdict, expected)
    accepted, gain, change = _truth(given), number(worth), number(difference)
    if accepted is None or gain is None or (change is None and difference is not None):
        raise wrong("", answer, expected)
    if not isinstance(reason, str):
        raise wrong("", answer, f"{expected}, with a reason in text")
    return Verdict(accepted, gain if math.isfinite(gain) else 0.0, reason, change)


def learnt(title: str, component: Learning) -> dict[str, Any]:
    """Return what a component has learnt. Raises AscError where the component does not say it."""
    try:
        answer: object = call(title, component.state_dict)
        if not isinstance(answer, Mapping):
            raise wrong("state_dict", answer, "a dictionary with string keys")
    except Exception as error:
        raise AscError(f"{title} cannot be saved: {describe_error(error)}.") from error
    return dict(answer)


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__.startswith('int') else 'a'} {kind.__name__}"


def _meant(name: object, known: Iterable[str]) -> str:
    meant = nearest(str(name), known)
    return f' (did you mean "{meant}"?)' if meant else ""


def _truth(value: object) -> bool | None:
    """Return True or False, also of a library's own type; None for anything else."""
    try:
        return bool(value) if value in (True, False) else None
    except Exception:  # noqa: BLE001 -- an array of several, or whatever a comparison raises
        return None
