"""Drafts of a text: what the same prompt gave before, and what the text itself repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

_GRAMS = (4, 2)  # tokens that must agree where a text continues elsewhere
_LONGEST = 8  # tokens that are compared, where several places agree
_KEPT = 0.9  # share of earlier evidence that is kept from one token to the next


class Texts:
    """Earlier texts of one prompt, in which the drafts of all its samples look for tokens."""

    def __init__(self, texts: Iterable[Sequence[int]] = ()) -> None:
        self._texts = [list(text) for text in texts]
        self._ends: dict[tuple[int, ...], list[tuple[int, int]]] = {}  # by tokens: texts, and indices after them

    def __getitem__(self, number: int) -> list[int]:
        """Return a text."""
        return self._texts[number]

    def find(self, newest: Sequence[int], size: int, first: int | None, here: int) -> tuple[list[int], int] | None:
        """Return a text, and the index in it, that follow the newest tokens, `size` of them at least; None without.

        More tokens that agree come first, then the text of a number, then the index that is nearest to `here`.
        """
        if not self._ends:
            self._index()
        found = self._ends.get(tuple(newest[-size:]))
        if found is None:
            return None

        def order(of: tuple[int, int]) -> tuple[int, bool, int]:
            number, end = of
            before = self._texts[number][max(0, end - len(newest)) : end - size]
            return equal_first(reversed(newest[:-size]), reversed(before)), number == first, -abs(end - here)

        number, end = found[0] if len(found) == 1 else max(found, key=order)
        return self._texts[number], end

    def _index(self) -> None:
        for number, text in enumerate(self._texts):
            for size in _GRAMS:
                for end in range(size, len(text)):
                    self._ends.setdefault(tuple(text[end - size : end]), []).append((number, end))


class Draft:
    """Proposes how a text goes on.

    As long as the text is the earlier one, the rest of that is the draft. After a departure, the draft continues where
    the newest tokens have occurred before: in the earlier texts of the prompt, or in the prompt and the text itself,
    the last time. Of several places in earlier texts, the one where most tokens agree comes first, then one in the
    text's own. Where nothing agrees, the draft continues in the earlier text as if one token had been exchanged for
    another.
    """

    def __init__(self, prompt: Sequence[int], texts: Texts | None = None, number: int | None = None) -> None:
        """`texts` are earlier ones of the prompt. That of `number` is the one that this text was the last time."""
        self._texts, self._number = texts or Texts(), number
        self._earlier: list[int] = [] if number is None else self._texts[number]
        self._own, self._prompt = list(prompt), len(prompt)
        self._source, self._at = self._earlier, 0  # where the draft continues, and the index of the next token
        self._agrees = True  # whether the tokens before it are those of the text
        self._ends: dict[tuple[int, ...], int] = {}  # by tokens: the last index after them, in the text itself
        self._indexed = 1  # indices before this one are in it
        self.departed = not self._earlier
        self._lost = self.departed  # where the draft continues is only looked for when it is asked
        self._right = self._judged = 0.0  # next tokens since the departure, newer ones with more weight

    def __len__(self) -> int:
        """How many tokens can be proposed; more than any text has, where the text repeats itself."""
        self._find()
        return 2**31 if self._source is self._own else max(0, len(self._source) - self._at)

    def propose(self, tokens: int) -> list[int]:
        """Return the next tokens, at most so many."""
        self._find()
        if self._source is not self._own:
            return self._source[self._at : self._at + tokens]
        period = self._own[self._at :]
        return (period * (tokens // len(period) + 1))[:tokens]

    def note(self, token: int) -> bool | None:
        """Take the newest token of the text into account; return whether it was the next of the draft.

        None if the draft had no token, or only the one at the same position, or was not looked for.
        """
        if self._lost:
            self._own.append(token)
            return None
        right = self._source[self._at] == token if self._at < len(self._source) else None
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
                    self._ends[tuple(self._own[end - size : end])] = end
        self._indexed = len(self._own)

    def _find(self) -> None:
        """Find where the draft continues, unless that is known."""
        if not self._lost:
            return
        self._lost, self._agrees = False, True
        self._index()
        here, newest = len(self._own) - self._prompt, self._own[-_LONGEST:]
        for size in _GRAMS:
            if (found := self._texts.find(newest, size, self._number, here)) is not None:
                self._source, self._at = found
                return
            if (last := self._ends.get(tuple(newest[-size:]))) is not None:
                self._source, self._at = self._own, last
                return
        self._source, self._at, self._agrees = self._earlier, here, False


def equal_first(one: Iterable[int], other: Iterable[int]) -> int:
    """Return how many of the first tokens are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
