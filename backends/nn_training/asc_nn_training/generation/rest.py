"""Which generations look for drafts: fewer and fewer where drafts do not pay."""

from __future__ import annotations

_PAYS = 0.02  # share of a generation's seconds that verified drafts gain at least; to look for them takes about as much
_LONGEST = 16  # generations without drafts at most, until they are tried again
_NEARER = 0.5  # drafts are tried again at once where they depart this much less often than when they did not pay


class Rest:
    """Tells whether the next generation looks for drafts, by what they gained the last time that one did.

    After a generation in which drafts did not pay, the next one has none; after a second such trial the next two, then
    four, and so on. One in which they do not pay between others in which they do is no reason to rest. Texts that are
    expected to be much nearer to their drafts than at the last trial end the rest.
    """

    def __init__(self) -> None:
        self._left, self._pause, self._departs = 0, 1, 0.0

    def is_over(self, departs: float) -> bool:
        """Whether the next generation looks for drafts; each call counts as a generation.

        `departs` is the expected chance that a text departs from its draft at a token.
        """
        self._left -= 1
        return self._left < 0 or departs < _NEARER * self._departs

    def note(self, gain: float, departs: float) -> None:
        """Take a generation that looked for drafts into account, and the share of its seconds that they gained."""
        if gain >= _PAYS:
            self._left, self._pause, self._departs = 0, 0, 0.0
        else:
            self._left, self._pause = self._pause, min(max(1, 2 * self._pause), _LONGEST)
            self._departs = departs
