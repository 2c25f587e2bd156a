"""Draws a program from a seed.

Three kinds: `affine` programs have a counter that predictors know in advance, and change everything else by it or only
now and then; `recurring` programs come back to the same states; `wild` programs do anything in every step.
"""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Sequence

from fuzzing.pool import ambient, arrays, containers, words
from fuzzing.pool.template import Template
from fuzzing.pool.values import FIRST, INDICES, INTEGERS, ODD, REALS, SHARED
from fuzzing.subject import Statement, Subject, Word

_PLACEHOLDER = re.compile(r"<(\+?)([a-z]+)(\d?)>")
_CALM = (words.CALM, arrays.CALM, containers.CALM)
_WILD = (words.WILD, arrays.WILD, containers.WILD)
_DOUBTFUL = (*words.DOUBTFUL, *arrays.DOUBTFUL, *containers.DOUBTFUL)
_LATE = {"fresh": "late", "odd": "odd", "keep": "keep"}  # words that a program starts without
_BEFORE_AN_ERROR = ("s.<int> += 1", "s.<ints>[0] += 1", "s.<list>[0] += 1", "s.<record>.push(1)", 's.add("<total>", 1)')
_EXPRESSIONS: dict[str, Sequence[str]] = {
    "value": INTEGERS,
    "real": REALS,
    "at": INDICES,
    "row": INDICES,
    "key": "abcd",
    "c": "123456789",
}
_TORCH = 0.05  # of the statements that use it are kept: its import takes seconds


class _Draft:
    """The words that a program uses so far, and how placeholders become source text."""

    def __init__(self, chance: random.Random, kind: str) -> None:
        self.chance, self.kind = chance, kind
        self.used: dict[str, Word] = {}
        self.period = chance.randint(4, 20)
        self.advance = self._advance()

    def statement(self, template: Template, *, rare: bool = False) -> Statement:
        """Fill in a template; with `rare`, as something that happens every so many steps."""
        known: dict[str, str] = {}
        source, first = (self._filled(text, known) for text in (template.source, template.first))
        if rare:
            source = f"if {self._now_and_then()}:\n" + textwrap.indent(source, "    ")
        return Statement(source, template.may, first)

    def pick(self, pools: Sequence[Sequence[Template]]) -> Template:
        """Choose a template: first what it is about, then one of them."""
        while True:
            template = self.chance.choice(self.chance.choice(pools))
            if "torch" not in template.source or self.chance.random() < _TORCH:
                return template

    def _filled(self, text: str, known: dict[str, str]) -> str:
        def fill(match: re.Match[str]) -> str:
            if match[0] not in known or match[2] in _EXPRESSIONS:
                known[match[0]] = self._drawn(match[2], busy=bool(match[1]), others=known)
            return known[match[0]]

        while _PLACEHOLDER.search(text):
            text = _PLACEHOLDER.sub(fill, text)
        return text

    def _drawn(self, kind: str, *, busy: bool, others: dict[str, str]) -> str:
        chance = self.chance
        if kind in _EXPRESSIONS:
            return chance.choice(_EXPRESSIONS[kind])
        if kind in _LATE:
            return f"{_LATE[kind]}{chance.randrange(2)}"
        if self.kind == "wild" or chance.random() < 0.05:
            busy = chance.random() < 0.5
        names = [f"{kind}{number + 2 * busy}" for number in range(2)]
        fresh = [name for name in names if name not in others.values()]
        name = chance.choice(fresh if fresh and chance.random() < 0.8 else names)
        if name not in self.used:
            self.used[name] = Word(name, chance.choice(FIRST[kind]))
        return name

    def _advance(self) -> str:
        if self.kind == "recurring":
            return f"s.n = (s.n + 1) % {self.period}"
        return self.chance.choice(["s.n += 1", "s.n += 1", "s.n = s.n + 1", "s.n += 3", "s.n -= 1"])

    def _now_and_then(self) -> str:
        if self.kind == "recurring":
            return f"s.n == {self.chance.randrange(self.period)}"
        period = self.chance.choice([7, 13, 29, 61])
        return f"s.n % {period} == {self.chance.randrange(period)}"


def kind_of(seed: int) -> str:
    """What kind of program a seed draws."""
    return random.Random(f"kind {seed}").choices(["affine", "recurring", "wild"], [6, 3, 1])[0]


def draw(seed: int) -> Subject:
    """Draw the program of a seed."""
    chance, kind = random.Random(f"subject {seed}"), kind_of(seed)
    draft = _Draft(chance, kind)
    statements = [draft.statement(draft.pick(_CALM)) for _ in range(chance.randint(1, 5))]
    for _ in range(chance.randint(1, 4)):
        rare = chance.random() < {"affine": 0.92, "recurring": 0.5, "wild": 0.1}[kind]
        statements.append(draft.statement(draft.pick(_WILD), rare=rare))
    chance.shuffle(statements)
    _add_special(draft, statements)
    parameters = "s"
    if chance.random() < 0.004:
        parameters, source, may = ambient.PARAMETERS
        statements.append(draft.statement(Template(source, may)))
    early = chance.random() < 0.2
    statements.insert(0 if early else len(statements), Statement(draft.advance))
    if chance.random() < 0.08:
        source = f"{draft.advance}\nreturn"
        statements.insert(chance.randrange(len(statements)), draft.statement(Template(source), rare=True))
    steps = chance.randint(60, 260)
    names = list(draft.used.values())
    chance.shuffle(names)
    names.insert(
        chance.randint(0, len(names)), Word("n", "0" if kind == "recurring" else chance.choice(["0", "0", "5"]))
    )
    until = ""
    if chance.random() < 0.1:
        until = chance.choice([f"abs(s.n) >= {steps}", f"s.n > {steps // 2} or len(vars(s)) > 60", "s.n < -100"])
    return Subject(seed, kind, tuple(names), tuple(statements), steps, until, parameters)


def _add_special(draft: _Draft, statements: list[Statement]) -> None:
    """Add, to some programs, what is not in the state, what may be refused, and a step that raises."""
    chance = draft.chance

    def add(template: Template, *, rare: bool = False) -> None:
        statements.insert(chance.randint(0, len(statements)), draft.statement(template, rare=rare))

    if chance.random() < 0.1:
        add(chance.choice(ambient.HARMLESS), rare=chance.random() < 0.2)
    if chance.random() < 0.04:
        add(chance.choice(ambient.PRINTING), rare=chance.random() < 0.8)
    if chance.random() < 0.1:
        add(chance.choice(ambient.CHANGING), rare=chance.random() < 0.6)
    if chance.random() < 0.09:
        add(chance.choice(_DOUBTFUL), rare=chance.random() < 0.7)
    if chance.random() < 0.01:
        expression = chance.choice(list(SHARED))
        needs, kind = SHARED[expression]
        for name in (f"{kind}0", f"{kind}1"):
            draft.used[name] = Word(name, expression, containers.SHARING, needs)
    if chance.random() < 0.02:
        draft.used["kept"] = Word("kept", chance.choice(ODD), ("kept",))
    if chance.random() < 0.04:
        before = textwrap.indent(chance.choice(_BEFORE_AN_ERROR), "    ")
        error = 'raise LookupError(f"stopped at {s.n}")'
        add(Template(f"if abs(s.n) == {chance.randint(2, 150)}:\n{before}\n    {error}"))
