"""Every hook: when it is called, with what, what it may return, and an implementation of it that is tested."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from asc import hookspecs
from asc.plugins.check import HOOKS
from asc_reference.markdown import code, escaped, page, prose, table

EXAMPLES = "snippets/hooks.py"
"""A plugin that implements all of them, beside the pages."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the page of all hooks, in the order in which they are specified."""
    names = [name for name in vars(hookspecs) if name in HOOKS]
    yield (
        "hooks.md",
        page(
            "# Hooks",
            prose((hookspecs.__doc__ or "").partition("\n")[2].strip()),
            table(
                ("hook", "what it is for"),
                ((f"[{name}](#hook-{name})", escaped(_text(name)[0].split(". ")[0] + ".")) for name in names),
            ),
            *(part for name in names for part in _one(name)),
            f"The values are described with [asc.hookspecs](api/asc.hookspecs.md) and [asc.types](api/asc.types.md). "
            f"The examples are of one file, {code(f'docs/{EXAMPLES}')}, which can be given as it is: "
            f"{code(f'asc run toy --plugin docs/{EXAMPLES}')}.",
        ),
    )


def _one(name: str) -> Iterator[str]:
    hook: Any = getattr(hookspecs, name)
    about, parameters, returned = _text(name)
    yield f"(hook-{name})=\n## {name}"
    signature = str(inspect.signature(hook)).replace("'", "")  # annotations are kept as text
    yield f"```python\ndef {name}{signature}\n```"
    yield prose(about)
    yield table(("parameter", "what it is"), ((code(given), escaped(text)) for given, text in parameters))
    yield f"**Returns.** {escaped(returned)}"
    yield f"```{{literalinclude}} ../{EXAMPLES}\n:language: python\n:pyobject: {name}\n```"


def _text(name: str) -> tuple[str, list[tuple[str, str]], str]:
    """Return what a hook's docstring says of it, of its parameters and of its value."""
    about, _, rest = (inspect.getdoc(getattr(hookspecs, name)) or "").partition("\n\nArgs:\n")
    arguments, _, returned = rest.partition("\n\nReturns:\n")
    parameters: list[tuple[str, str]] = []
    for line in arguments.splitlines():
        if line.startswith("        "):  # a description goes on
            given, text = parameters.pop()
            parameters.append((given, f"{text} {line.strip()}"))
        else:
            given, _, text = line.strip().partition(": ")
            parameters.append((given, text))
    return about, parameters, " ".join(returned.split())
