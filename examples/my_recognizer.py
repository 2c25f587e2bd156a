"""A recognizer in one file: predict only where few state words have changed.

asc run toy --program collatz --plugin examples/my_recognizer.py --recognizer few-moving --set recognizer.at_most=1
asc explain few-moving --plugin examples/my_recognizer.py

A recognizer decides where the engine stops (`next_boundary`), and whether speculation is worth while there
(`recognise`). This recognizer stops at every multiple of `steps`, counts the words that have changed since the last
stop, and says no where more than `at_most` have changed. The more words change, the less likely is a candidate that is
right about all of them, and every "no" saves the price of a task. In `collatz` one or two words change, so at_most=0
stops all speculation. The live view shows the count as the label of the boundaries.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from asc import Recognition, Recognizer, Settings, hookimpl
from asc.computation import Computation
from asc.words import Word, same


class FewMoving(Recognizer):
    """Stops at each multiple of `steps`, and speculates where at most `at_most` words changed since the last stop."""

    class Config(Settings):
        """Where to stop, and how many words may change."""

        steps: int = Field(256, ge=1, description="steps between boundaries")
        at_most: int = Field(2, ge=0, description="words that may have changed")

    config: Config

    needs = frozenset({"words"})

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._before: Mapping[str, Word] | None = None

    def next_boundary(self, position: int, computation: Computation) -> int:
        following = position - position % self.config.steps + self.config.steps
        total = computation.total()
        return following if total is None or total <= position else min(following, total)

    def recognise(self, computation: Computation) -> Recognition:
        (words,) = computation.read("words", (computation.observe(),))
        before, self._before = self._before, dict(words)
        if before is None:
            return Recognition(speculate=False, label="first stop", score=None)
        changed = sum(name not in before or not same(before[name], value) for name, value in words.items())
        return Recognition(changed <= self.config.at_most, label=f"{changed} words changed", score=float(changed))


@hookimpl
def asc_register(registry):
    registry.add(
        "recognizer",
        "few-moving",
        "my_recognizer:FewMoving",
        "speculates only where few words have changed",
    )
