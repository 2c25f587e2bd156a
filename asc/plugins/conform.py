"""Whether a class is a component of its kind: finds at once what would fail during a run, or never be called."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from difflib import get_close_matches
from functools import cached_property
from types import FunctionType, new_class
from typing import Any, NamedTuple

from pydantic import BaseModel

from asc.backend import Backend
from asc.config.run import ExecutedConfig, JudgedConfig, RunConfig
from asc.errors import AscError, describe_error
from asc.predictor import Predictor
from asc.recognizer import Recognizer
from asc.study import Study
from asc.validator import Validator

BASES: Mapping[str, type[Any]] = {
    "backend": Backend,
    "predictor": Predictor,
    "recognizer": Recognizer,
    "validator": Validator,
    "study": Study,
}
"""The base class of each kind."""

_EXTENDED: dict[tuple[type[Any], type[Any]], type[Any]] = {}  # kept, so that all instances are of one type

_ALIKE = 0.86  # from this similarity on, a name is an optional one misspelt: "setle" for "settle"
_MEANT = 0.6  # the same where a required method is missing, so that some name must be wrong


class _Expected(NamedTuple):
    fits: Callable[[Any], bool]
    words: str


_NAMES = _Expected(
    lambda value: isinstance(value, Set) and all(isinstance(name, str) for name in value), "a set of strings"
)
_COUNT = "a whole number, at least 1"
_ATTRIBUTES = {
    "depth": _Expected(lambda value: isinstance(value, int) and value is not True and value >= 1, _COUNT),
    "free": _NAMES,
    "in_place": _Expected(lambda value: isinstance(value, bool), "True or False"),
    "needs": _NAMES,
    "provides": _NAMES,
    "remarks": _Expected(
        lambda value: isinstance(value, list | tuple) and all(isinstance(one, str) for one in value),
        "a list of sentences",
    ),
}


def conform(kind: str, factory: type[Any], title: str = "") -> type[Any]:
    """Return the class of a component, which extends the base of its kind.

    A class that extends the base is returned itself. Of any other class, a subclass is returned that extends the base
    as well, under the same name, so that the defaults of the base apply. `title` is the subject of the sentences.

    Raises AscError with one sentence for each problem: a method that is missing, a name that is almost one of the
    base's, a method that cannot take the arguments of the base's, and an attribute or `Config` of the wrong type.
    """
    base, title = BASES[kind], title or f"The {kind} {factory.__qualname__} of {factory.__module__}"
    try:
        component = factory if issubclass(factory, base) else _extended(factory, base)
    except TypeError as error:
        raise AscError(
            f"{title} cannot be combined with {base.__name__} of {base.__module__}: {describe_error(error)}. "
            f"Let it extend that class: class {factory.__name__}({base.__name__})."
        ) from error
    own = {
        name: value
        for parent in reversed([parent for parent in component.__mro__ if parent not in base.__mro__])
        for name, value in vars(parent).items()
        if not name.startswith("_")
    }
    problems = [
        *_missing(component, base, set(own)),
        *_misspelt(component, base, set(own)),
        *_uncallable(base, own),
        *_unsuitable(component, base),
        *_unsettable(component, kind),
    ]
    if problems:
        raise AscError("\n".join(f"{title} {problem}" for problem in problems))
    return component


def require_attributes(base: type[Any], component: object, title: str) -> None:
    """Raise AscError where what was made is not of the base of its kind, or an attribute of it is of the wrong type."""
    if not isinstance(component, base):
        raise AscError(f"{title} was made as {component!r}; expected an asc.{base.__name__}.")
    config = getattr(component, "config", None)
    if base is Backend and not isinstance(config, RunConfig):
        has = "no config" if config is None else f"a config of type {type(config).__name__}"
        raise AscError(f"{title} has {has}; expected its settings: write self.config = config in __init__(config).")
    problems = list(_unsuitable(component, base))
    if problems:
        raise AscError("\n".join(f"{title} {problem}" for problem in problems))


def _extended(factory: type[Any], base: type[Any]) -> type[Any]:
    if (factory, base) not in _EXTENDED:
        names = {"__module__": factory.__module__, "__qualname__": factory.__qualname__, "__doc__": factory.__doc__}
        made = new_class(factory.__name__, (factory, base), exec_body=lambda body: body.update(names))
        _EXTENDED[factory, base] = made
    return _EXTENDED[factory, base]


def _missing(component: type[Any], base: type[Any], own: Set[str]) -> Iterator[str]:
    """Name the methods that must be written, and what was probably meant to be one of them."""
    for name in sorted(component.__abstractmethods__):
        method = getattr(component, name)
        meant = get_close_matches(name, own - set(dir(base)), n=1, cutoff=_MEANT)
        if meant:
            yield f"has no method {_call(name, method)}, but has {meant[0]}: rename {meant[0]} to {name}."
        else:
            does = (inspect.getdoc(method) or "").partition("\n")[0]
            yield f"has no method {_call(name, method)}; expected a method that does this: {does}"


def _misspelt(component: type[Any], base: type[Any], own: Set[str]) -> Iterator[str]:
    """Name what is almost an optional method or attribute of the base, which nothing would ever use."""
    known = {name for name in dir(base) if not name.startswith("_")}
    optional = sorted(known - own - component.__abstractmethods__)
    for name in sorted(own - known):
        for meant in get_close_matches(name, optional, n=1, cutoff=_ALIKE):
            yield f'has {name}, which nothing uses; did you mean "{meant}"? Rename it, to {meant} or to something else.'


def _uncallable(base: type[Any], own: Mapping[str, Any]) -> Iterator[str]:
    """Name the methods that cannot be called in the way in which the base's are called."""
    for name, value in own.items():
        expected = inspect.getattr_static(base, name, None)
        if not inspect.isroutine(expected):
            continue
        call = _call(name, expected)
        if isinstance(value, FunctionType | classmethod | staticmethod):
            if not _takes(value, _parameters(expected)):
                yield f"has the method {_call(name, value)}; expected {call}: give it these parameters."
        elif not callable(value) and not inspect.ismethoddescriptor(value):
            yield f"has {name} of type {type(value).__name__}; expected a method {call}."


def _unsuitable(component: object, base: type[Any]) -> Iterator[str]:
    """Name the attributes, of a class or an instance, that are of the wrong type."""
    for name, expected in _ATTRIBUTES.items():
        if name not in dir(base):
            continue
        try:
            value = getattr(component, name)
        except Exception as error:  # noqa: BLE001 -- a property of a plugin
            yield f"has no {name}: asked for it, it raised {describe_error(error)}."
            continue
        computed = isinstance(component, type) and isinstance(value, property | cached_property)
        if not computed and not expected.fits(value):
            yield f"has {name} = {value!r}; expected {expected.words}{_rewritten(value, expected)}."


_OPTIONS = {
    *("as_json", "config", "config_file", "help", "json", "out", "plugin", "quiet", "resume", "set", "sets"),
    *("compare", "no_speculation", "pairs", "plain", "seconds", "shadow", "speculation"),
}
"""Options of `asc run`, `asc advise` and `asc study`, which a setting of the same name would hide."""

_RESERVED: Mapping[str, Set[str]] = {
    "backend": _OPTIONS
    | {name for name in dir(JudgedConfig) if not name.startswith("_")} - set(JudgedConfig.model_fields),
    "study": _OPTIONS,
}
"""Names that no setting of a kind can have. Of the kinds that a run chooses by name, that is "name" itself."""


def _unsettable(component: type[Any], kind: str) -> Iterator[str]:
    """Say where the class of the settings is of the wrong type."""
    config = getattr(component, "Config", None)
    if kind == "backend":
        if not isinstance(config, type) or not issubclass(config, JudgedConfig | ExecutedConfig):
            yield (
                "has no settings of a run; expected a class Config inside it that extends asc.JudgedConfig or "
                "asc.ExecutedConfig."
            )
            return
    elif not isinstance(config, type) or not issubclass(config, BaseModel):
        yield "has a Config that is no pydantic model; expected a subclass of asc.Settings."
        return
    for name in sorted(set(config.model_fields) & _RESERVED.get(kind, {"name"})):
        yield f'has a setting "{name}", a name that asc uses itself; expected another name.'


def _takes(method: Any, expected: Sequence[inspect.Parameter]) -> bool:
    """Whether a method can be called with the arguments that these parameters stand for."""
    named = [parameter.name for parameter in expected if parameter.kind is parameter.KEYWORD_ONLY]
    itself = 0 if isinstance(method, staticmethod) else 1
    try:
        _signature(method).bind(*[None] * (itself + len(expected) - len(named)), **dict.fromkeys(named))
    except TypeError:
        return False
    return True


def _call(name: str, method: Any) -> str:
    """Write a method as it is called: `predict(history, horizon)`."""
    shown = (str(parameter.replace(annotation=parameter.empty)) for parameter in _parameters(method))
    return f"{name}({', '.join(shown)})"


def _parameters(method: Any) -> list[inspect.Parameter]:
    """Return the parameters of a method as it stands in its class, without the instance or the class."""
    return list(_signature(method).parameters.values())[0 if isinstance(method, staticmethod) else 1 :]


def _signature(method: Any) -> inspect.Signature:
    return inspect.signature(method.__func__ if isinstance(method, classmethod | staticmethod) else method)


def _rewritten(value: object, expected: _Expected) -> str:
    """Say how names that were given in another form are written as a set."""
    if expected is not _NAMES:
        return ""
    given = [value] if isinstance(value, str) else value
    names = '"words"'
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        names = ", ".join(map(json.dumps, given))
    return f": write frozenset({{{names}}})"
