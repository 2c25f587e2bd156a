"""Drafts of a text: what the same prompt gave before, and what the text itself repeats."""

from __future__ import annotations

from collections.abc import Sequence

_GRAMS = (4, 3, 2)  # tokens that must agree where a text continues elsewhere
_KEPT = 0.9  # share of earlier evidence that is kept from one token to the next


class Draft:
    """Proposes how a text goes on.

    As long as the text is the earlier one, the rest of that is the draft. After a departure, the draft continues where
    the newest tokens have occurred before: in the earlier text, nearest to the present position, or in the prompt and
    the text itself, the last time. More tokens that agree come first, then the earlier text. Where nothing agrees, the
    draft continues in the earlier text as if one token had been exchanged for another.
    """

    def __init__(self, prompt: Sequence[int], earlier: Sequence[int] = ()) -> None:
        self._earlier, self._own = list(earlier), list(prompt)
        self._at, self._in_own = 0, False  # index of the next token, and in which text
        self._agrees = True  # whether the tokens before it are those of the text
        self._earlier_ends: dict[tuple[int, ...], list[int]] = {}  # indices after tokens, by tokens
        self._own_ends: dict[tuple[int, ...], int] = {}  # the last of them
        self._prompt, self._indexed = len(self._own), 1  # ends before this one are in `_own_ends`
        self.departed = not self._earlier
        self._lost = self.departed  # where the draft continues is only looked for when it is asked
        self._right = self._judged = 0.0  # next tokens since the departure, newer ones with more weight

    def __len__(self) -> int:
        """How many tokens can be proposed; more than any text has, where the text repeats itself."""
        self._find()
        return 2**31 if self._in_own else max(0, len(self._earlier) - self._at)

    def propose(self, tokens: int) -> list[int]:
        """Return the next tokens, at most so many."""
        self._find()
        if not self._in_own:
            return self._earlier[self._at : self._at + tokens]
        period = self._own[self._at :]
        return (period * (tokens // len(period) + 1))[:tokens]

    def note(self, token: int) -> bool | None:
        """Take the newest token of the text into account; return whether it was the next of the draft.

        None if the draft had no token, or only the one at the same position, or was not looked for.
        """
        if self._lost:
            self._own.append(token)
            return None
        source = self._own if self._in_own else self._earlier
        right = source[self._at] == token if self._at < len(source) else None
        self._own.append(token)
        agreed = self._agrees
        if right is not None and self.departed and agreed:
            self._right, self._judged = _KEPT * self._right + right, _KEPT * self._judged + 1
        if right:
            self._at += 1
        else:
            self.departed = self._lost = True
        return right if agreed else None

    def follow(self, tokens: Sequence[int]) -> bool:
        """Take tokens into account that are the next of the draft, as `note` does; return whether that counts."""
        self._own += tokens
        self._at += len(tokens)
        if self.departed and self._agrees:
            for _ in tokens:
                self._right, self._judged = _KEPT * self._right + 1, _KEPT * self._judged + 1
        return self._agrees

    def chance(self, aligned: float, departed: float) -> float:
        """Return the chance that the next token is right, from the chances of all drafts and from this one's past."""
        self._find()
        if not self._agrees:
            return 0.0
        return (4 * departed + self._right) / (4 + self._judged) if self.departed else aligned

    def _index(self) -> None:
        """Note where tokens occur in the text itself, but for the newest ones."""
        for end in range(self._indexed, len(self._own)):
            for size in _GRAMS:
                if size <= end:
                    self._own_ends[tuple(self._own[end - size : end])] = end
        self._indexed = len(self._own)

    def _find(self) -> None:
        """Find where the draft continues, unless that is known."""
        if not self._lost:
            return
        self._lost = False
        self._index()
        if self._earlier and not self._earlier_ends:
            for size in _GRAMS:
                for end in range(size, len(self._earlier)):
                    self._earlier_ends.setdefault(tuple(self._earlier[end - size : end]), []).append(end)
        here, self._agrees = len(self._own) - self._prompt, True
        for size in _GRAMS:
            newest = tuple(self._own[-size:])
            if ends := self._earlier_ends.get(newest):
                self._at, self._in_own = min(ends, key=lambda end: abs(end - here)), False
                return
            if (last := self._own_ends.get(newest)) is not None:
                self._at, self._in_own = last, True
                return
        self._at, self._in_own, self._agrees = here, False, False
