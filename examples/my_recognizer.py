"""A recognizer in one file: guess only where little moves.

asc run toy --program collatz --plugin examples/my_recognizer.py --recognizer few-moving --set recognizer.at_most=1
asc explain few-moving --plugin examples/my_recognizer.py

A recognizer says where the loop stops to think (`next_boundary`), and whether it is worth guessing from there
(`recognise`). This one stops at every so many steps, counts the words that have changed since it last stopped, and
says no where there are more than a few: the more words move, the less likely it is that a guess is right about all of
them. Every "no" saves the price of a task. In `collatz` one or two words move: with at_most=0 nothing is guessed any
more. The live view shows the count as the boundaries' label.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from asc import Recognition, Settings, hookimpl
from asc.computation import Computation
from asc.words import Word, same


class FewMoving:
    """Stops at each multiple of `steps`, and speculates where at most `at_most` words changed since it last stopped."""

    class Config(Settings):
        """Where to stop, and how much may move."""

        steps: int = Field(256, ge=1, description="steps between boundaries")
        at_most: int = Field(2, ge=0, description="words that may have changed")

    needs = frozenset({"words"})

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._before: Mapping[str, Word] | None = None

    def next_boundary(self, position: int, computation: Computation) -> int:
        following = position - position % self.config.steps + self.config.steps
        total = computation.total()
        return following if total is None or total <= position else min(following, total)

    def recognise(self, computation: Computation) -> Recognition:
        (words,) = computation.read("words", (computation.observe(),))
        before, self._before = self._before, dict(words)
        if before is None:
            return Recognition(speculate=False, label="first look", score=None)
        moved = sum(name not in before or not same(before[name], value) for name, value in words.items())
        return Recognition(speculate=moved <= self.config.at_most, label=f"{moved} words moved", score=float(moved))


@hookimpl
def asc_register(registry):
    registry.add(
        "recognizer",
        "few-moving",
        "my_recognizer:FewMoving",
        "my_recognizer:FewMoving.Config",
        "guesses only where few words have changed",
    )
