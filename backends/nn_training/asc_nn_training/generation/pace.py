"""How long the blocks of drafts in the next pass are, by the acceptance so far and the seconds of passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_WORTH = 1.03  # times as many tokens a second as plain decoding, before blocks are fed
_LOSS = 0.01  # share of plain decoding's seconds that blocks may cost without a gain
_PROBE = 1.0  # tokens of each row that a first block may cost in any case
_LONGEST = 32  # plain passes at most before blocks are considered again
_TICK = 1e-9  # seconds at least of a pass: some clocks tick only every 15 ms
_KEPT = 0.5  # share of gains, and of seconds to spare, that the next generation gets
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


class Pace:
    """Plans the width of passes. Texts do not depend on it, so it may look at the clock.

    Plain decoding needs as many passes as its longest text has tokens. So a pass with blocks has gained what plain
    decoding would take longer from the texts before it than from those after it: passes where the longest rest has
    become shorter by several tokens, and computation for each token that was accepted. Over a generation, such gains
    less the measured seconds add up to what drafts were worth. Blocks may lose no more than a small share of plain
    decoding so far and one short block. Of what is gained or not used up, half is left to the next generation.
    """

    def __init__(self) -> None:
        self.aligned, self.departed = Chance(0.97, 30), Chance(0.3, 30)
        self._sums = np.zeros(5)  # of weight, tokens, seconds, tokens², tokens × seconds
        self._plain = np.zeros(3)  # the first three of these, of plain passes alone
        self._resting, self._pause = 0, 1  # plain passes until blocks are considered again, and after the next time
        self._gained, self._before = 0.0, 0.0  # seconds in this generation, and in earlier ones
        self._seconds = 0.0  # of this generation's passes
        self._spare = 0.0  # seconds that blocks may lose: a share of plain decoding so far, and gains less losses

    def begin(self, chance: float) -> None:
        """Begin a generation. `chance` is that of a draft's token as long as its text has not departed."""
        self.aligned, self._resting, self._pause = Chance(chance, 30), 0, 1
        self._before, self._gained, self._seconds = _KEPT * (self._before + self._gained), 0.0, 0.0
        self._spare = min(self._spare, _KEPT * self._spare)

    def gain(self) -> float:
        """Return what blocks have gained in this generation, as a share of its seconds."""
        return self._gained / self._seconds if self._seconds else 0.0

    def took(self, rows: int, width: int, seconds: float) -> None:
        """Note the seconds of a pass."""
        tokens, seconds = rows * width, max(seconds, _TICK)
        self._seconds += seconds
        self._sums = self._sums * _KEPT_PASS + [1.0, tokens, seconds, tokens * tokens, tokens * seconds]
        if width == 1:
            self._plain = self._plain * _KEPT_PASS + [1.0, tokens, seconds]
            self._spare += _LOSS * seconds

    def gave(self, left: Sequence[int], tokens: Sequence[int], seconds: float) -> None:
        """Note what a pass with blocks has given: tokens, by text, of those that were left at most before it."""
        line = self.line()
        passes = max(left) - max(before - given for before, given in zip(left, tokens, strict=True))
        plainly = (line.a_pass * passes + line.a_token * sum(tokens)) * self._correction()
        self._gained += plainly - seconds
        self._spare += (1 + _LOSS) * plainly - seconds

    def line(self) -> Line:
        """Return the line through the passes so far; before passes of different widths, with two equal parts."""
        n, x, y, xx, xy = map(float, self._sums)
        if n == 0:
            return Line(1.0, 0.01)
        spread = n * xx - x * x
        slope = (n * xy - x * y) / spread if spread > 1e-3 * n * xx else y / x / 2
        slope = min(max(slope, 0.1 * y / x), y / x)
        return Line((y - slope * x) / n, slope)

    def seconds(self, tokens: int) -> float:
        """Return the seconds of a pass over so many tokens, by the line."""
        line = self.line()
        return line.a_pass + line.a_token * tokens

    def resting(self) -> bool:
        """Whether blocks did not pay lately, so that the next pass is plain; each call counts as a pass."""
        self._resting -= 1
        return self._resting >= 0

    def plan(self, chances: Sequence[float], lengths: Sequence[int], first: bool = False) -> int:
        """Return the width of the next pass at which tokens come fastest: 1 for plain decoding.

        `chances` and `lengths` are those of the rows' drafts. The first pass of texts is over their prompts, and blocks
        cost more there than is known, so it has blocks only where blocks have gained.
        """
        if first and self._before + self._gained <= 0:
            return 1
        rows, line = len(chances), self.line()
        spare = max(0.0, _PROBE + self._spare / (line.a_token * rows))  # tokens of each row
        widest = 1 + int(min(max(lengths), spare))
        chance, length = np.minimum(np.array(chances), 0.999), np.array(lengths)
        best, fastest = 1, _WORTH * rows / (self.seconds(rows) * self._correction())
        for width in sorted({min(width, widest) for width in _WIDTHS}):
            reach = np.minimum(width - 1, length) + 1
            expected = float(((1 - chance**reach) / (1 - chance)).sum())  # tokens
            if (pace := expected / self.seconds(rows * width)) > fastest:
                best, fastest = width, pace
        if best > 1:
            self._pause = 1
        else:
            self._resting, self._pause = self._pause, min(2 * self._pause, _LONGEST)
        return best

    def _correction(self) -> float:
        """Return how many times as long as the line says plain passes take: the seconds of a pass are no line."""
        (passes, tokens, seconds), line = map(float, self._plain), self.line()
        return seconds / (line.a_pass * passes + line.a_token * tokens) if passes else 1.0
