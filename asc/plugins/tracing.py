"""Shows the calls of hooks, where ASC_TRACE_HOOKS asks for it, in the form in which pluggy traces calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import pluggy

from asc.errors import AscError, describe_error
from asc.plugins.notify import Call

CHOICE = "ASC_TRACE_HOOKS"
_LONGEST = 200  # characters of a value


def tracing(environ: Mapping[str, str]) -> bool:
    """Whether the calls of hooks are to be shown. Raises AscError where the variable is neither 1 nor 0 nor empty."""
    given = environ.get(CHOICE, "")
    if given not in ("", "0", "1"):
        raise AscError(f'{CHOICE} is "{given}"; expected 1, to show each call of a hook on standard error, or 0.')
    return given == "1"


def traced(manager: pluggy.PluginManager, hook: str, plugin: str, names: Sequence[str], function: Call) -> Call:
    """Return a function that calls an implementation of a hook, and shows what it is given and what it returns.

    `names` are those of the hook's parameters.
    """
    root = manager.trace.root
    root.setwriter(_write)
    trace = root.get("hook")

    def call(*values: object) -> object:
        trace(hook, "of", plugin, {name: _Shown(value) for name, value in zip(names, values, strict=True)})
        root.indent += 1
        try:
            answer = function(*values)
        except BaseException as error:
            trace(hook, "of", plugin, "raised", describe_error(error))
            raise
        else:
            trace(hook, "of", plugin, "-->", _Shown(answer))
            return answer
        finally:
            root.indent -= 1

    return call


def _write(text: str) -> None:
    sys.stderr.write(text)  # the stream of this moment: the live view replaces it


class _Shown:
    """A value as it is shown: what `repr` returns, cut where it is long, and whatever it raises."""

    def __init__(self, value: object) -> None:
        try:
            text = repr(value)
        except Exception as error:  # noqa: BLE001 - the repr of a state, which a run would never have called
            text = f"{type(value).__name__}, whose repr raised {describe_error(error)}"
        self._text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

    def __repr__(self) -> str:
        return self._text
