"""A program under test: source text that is rendered from parts, so that it can be shrunk part by part."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from fuzzing.pool.definitions import DEFINITIONS, IMPORTS

MODULE = "fuzzed"
_NAME = re.compile(r"\b[A-Za-z_]\w*")


class Word(NamedTuple):
    """A word of the initial state."""

    name: str
    value: str  # an expression
    may: tuple[str, ...] = ()
    needs: str = ""  # a line that the expression needs


class Statement(NamedTuple):
    """One or more lines of a step.

    `may` holds regular expressions: where a step is refused because of this statement, the sentence matches one.
    `first` is run once before the run, as a user's script would.
    """

    source: str
    may: tuple[str, ...] = ()
    first: str = ""


class Subject(NamedTuple):
    """A program: what its source says, how many steps it takes, and what it may be refused for."""

    seed: int
    kind: str  # what was drawn, for the counts
    words: tuple[Word, ...]
    statements: tuple[Statement, ...]
    steps: int | None
    until: str = ""  # an expression over the state `s`
    parameters: str = "s"

    @property
    def may(self) -> tuple[str, ...]:
        """What a refusal may say; empty for a program that no refusal is right for."""
        of_words = [pattern for word in self.words for pattern in word.may]
        return (*of_words, *(pattern for statement in self.statements for pattern in statement.may))

    def source(self) -> str:
        """Render the module."""
        body = "\n".join(self._functions())
        used = list(_used(body))
        text = "\n".join([body, *used])
        imports = [line for name, line in IMPORTS.items() if re.search(rf"(?<!\.)\b{name}\b", text)]
        return "\n".join([*imports, "", *used, body])

    def _functions(self) -> Iterator[str]:
        yield "\ndef initial():"
        yield from sorted({f"    {word.needs}" for word in self.words if word.needs})
        yield "    return {" + ", ".join(f"{word.name!r}: {word.value}" for word in self.words) + "}"
        first = [statement.first for statement in self.statements if statement.first]
        yield "\ndef prepare():\n" + textwrap.indent("\n".join(first) or "pass", "    ")
        if self.until:
            yield f"\ndef until(s):\n    return {self.until}"
        yield f"\ndef step({self.parameters}):"
        yield textwrap.indent("\n".join(statement.source for statement in self.statements) or "pass", "    ") + "\n"


class Loaded(NamedTuple):
    """A program's functions, fresh from its source."""

    step: Callable[[Any], None]
    initial: Callable[[], dict[str, Any]]
    prepare: Callable[[], None]
    until: Callable[[Any], object] | None
    module: ModuleType


@contextmanager
def loaded(subject: Subject) -> Iterator[Loaded]:
    """Run the source as a module of its own; it is known as an imported module within."""
    import linecache

    source, file = subject.source(), f"fuzzed_{subject.seed}.py"
    module = ModuleType(MODULE)
    module.__file__ = file
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[MODULE] = module
    try:
        exec(compile(source, file, "exec"), vars(module))
        known = vars(module)
        yield Loaded(known["step"], known["initial"], known["prepare"], known.get("until"), module)
    finally:
        del sys.modules[MODULE]


def _used(body: str) -> list[str]:
    """Return the definitions that the functions use, and those that these use in turn."""
    wanted, text = {}, body
    for name, block in reversed(DEFINITIONS.items()):
        if name in set(_NAME.findall(text)):
            wanted[name] = block
            text += block
    return [block.strip("\n") + "\n" for name, block in DEFINITIONS.items() if name in wanted]
