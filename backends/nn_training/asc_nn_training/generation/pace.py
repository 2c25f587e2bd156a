"""Which texts are fed blocks of their drafts, and how long ones, by the acceptance so far and the seconds of passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_WIDTHS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256])
_WORTH = 1.03  # times as many tokens a second as plain decoding, before a block is fed
_APART = 1.2  # the same, before some rows are fed without the others
_LOSS = 0.01  # share of plain decoding's seconds that blocks may cost without a gain
_PROBE = 3.0  # tokens of each row that a first block may cost in any case, and half of it after each loss
_LONGEST = 8  # plain passes at most before blocks are considered again
_TICK = 1e-9  # seconds at least of a pass: some clocks tick only every 15 ms
_KEPT_GAIN = 0.5  # share of the gain so far that the next generation may lose
_KEPT_TOKEN, _KEPT_PASS = 0.998, 0.95  # share of the earlier evidence that is kept


class Chance:
    """The chance that the next token of a draft is right, from decaying counts."""

    def __init__(self, chance: float, weight: float) -> None:
        self._right, self._judged = chance * weight, weight

    @property
    def now(self) -> float:
        """The chance."""
        return self._right / self._judged

    def note(self, right: bool, tokens: int = 1) -> None:
        """Take tokens into account, all of them right or none."""
        kept = _KEPT_TOKEN**tokens
        weight = (1 - kept) / (1 - _KEPT_TOKEN)
        self._right, self._judged = self._right * kept + right * weight, self._judged * kept + weight


class Line(NamedTuple):
    """Seconds of a pass: those of any pass, and more for each token."""

    a_pass: float
    a_token: float


class Plan(NamedTuple):
    """The next pass: the rows that it feeds, None for all, and the width of their blocks.

    A width of 1 is plain decoding, of all rows together.
    """

    rows: list[int] | None
    width: int


class Pace:
    """Plans passes. Texts do not depend on it, so it may look at the clock.

    Blocks that are rejected cost no more than a small share of plain decoding, or one short block: a block is no wider
    than what is left of that, and of the gain so far, of which half is left to the next generation. Where a generation
    has lost, the first block of the next one is half as long.
    """

    def __init__(self) -> None:
        self.aligned, self.departed = Chance(0.97, 30), Chance(0.3, 30)
        self._sums = np.zeros(5)  # of weight, tokens, seconds, tokens², tokens × seconds
        self._plain, self._pause = 0, 1  # plain passes until blocks are considered again, and after the next time
        self._passes, self._gained = 0, 0.0  # of plain decoding; and seconds gained by blocks so far
        self._probe = _PROBE

    def begin(self, chance: float, passes: int) -> None:
        """Begin a generation, which takes so many passes of plain decoding at most.

        `chance` is that of a draft's token as long as its text has not departed.
        """
        self.aligned, self._plain, self._pause = Chance(chance, 30), 0, 1
        self._probe = self._probe / 2 if self._gained < 0 else _PROBE
        self._passes, self._gained = passes, max(0.0, _KEPT_GAIN * self._gained)

    def took(self, rows: int, width: int, seconds: float) -> None:
        """Note the seconds of a pass."""
        tokens, seconds = rows * width, max(seconds, _TICK)
        self._sums = self._sums * _KEPT_PASS + [1.0, tokens, seconds, tokens * tokens, tokens * seconds]

    def gave(self, rows: int, width: int, tokens: int, waiting: int) -> None:
        """Note the tokens that a pass with blocks has given; `waiting` rows more could have been fed plainly."""
        line, everyone = self.line(), rows + waiting
        spent = line.a_pass + line.a_token * rows * width
        self._gained += tokens * (line.a_pass / everyone + line.a_token) - spent

    def line(self) -> Line:
        """Return the line through the passes so far; before passes of different widths, with two equal parts."""
        n, x, y, xx, xy = map(float, self._sums)
        if n == 0:
            return Line(1.0, 0.01)
        spread = n * xx - x * x
        slope = (n * xy - x * y) / spread if spread > 1e-3 * n * xx else y / x / 2
        slope = min(max(slope, 0.1 * y / x), y / x)
        return Line((y - slope * x) / n, slope)

    def resting(self) -> bool:
        """Whether blocks did not pay lately, so that the next pass is plain; each call counts as a pass."""
        self._plain -= 1
        return self._plain >= 0

    def plan(self, chances: Sequence[float], lengths: Sequence[int], waiting: int = 0) -> Plan:
        """Return which rows to feed, and blocks of what width, so that tokens come fastest.

        `chances` and `lengths` are those of the rows' drafts; `waiting` rows more could be fed with them.
        """
        rows, line = len(chances), self.line()
        everyone = rows + waiting
        plain_pass = line.a_pass + line.a_token * everyone
        loss = max(_LOSS * self._passes * plain_pass, self._probe * line.a_token * rows)
        spare = max(0.0, loss + self._gained)  # seconds that may be lost
        widest = 1 + int(min(max(lengths), spare / (line.a_token * rows)))
        if widest == 1:
            return self._rest()
        chance, length = np.minimum(np.array(chances), 0.999), np.array(lengths)
        widths = np.unique(np.minimum(_WIDTHS, widest))
        reach = np.minimum(widths[:, None] - 1, length) + 1
        expected: NDArray[np.float64] = (1 - chance**reach) / (1 - chance)  # tokens of a row in a pass, by width
        order = np.argsort(-expected, axis=1, kind="stable")
        sums = np.take_along_axis(expected, order, 1).cumsum(1)
        pace = sums / (line.a_pass + line.a_token * np.arange(1, rows + 1) * widths[:, None])  # tokens a second
        together, plain = pace[:, -1].max(), everyone / plain_pass
        if pace.max() > _APART * max(together, plain):
            at, last = np.unravel_index(pace.argmax(), pace.shape)
            self._pause = 1
            return Plan(sorted(map(int, order[at, : last + 1])), int(widths[at]))
        if together < _WORTH * plain:
            return self._rest()
        self._pause = 1
        return Plan(None, int(widths[pace[:, -1].argmax()]))

    def _rest(self) -> Plan:
        self._plain = self._pause
        self._pause = min(2 * self._pause, _LONGEST)
        return Plan(None, 1)
