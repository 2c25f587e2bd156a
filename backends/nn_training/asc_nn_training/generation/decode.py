"""Decoding: texts go on token by token, or by drafts that one pass verifies."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile

import torch
from torch import Tensor, nn

from asc_nn_training.generation.choice import Chooser
from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.drafts import Draft
from asc_nn_training.generation.noise import noise_key
from asc_nn_training.generation.pace import Pace
from asc_nn_training.generation.plain import PlainPath
from asc_nn_training.generation.precision import difference, watched
from asc_nn_training.generation.rows import Rows

_ELEMENTS = 2**20  # logits that are worked on at a time
_NOISE = 2**16  # the same, where noise may be drawn in vain


class Text:
    """A text that is generated, with its draft and its plain path."""

    def __init__(self, prompt: Sequence[int], sample: int, seed: int, draft: Draft | None, plain: PlainPath) -> None:
        self.prompt, self.sample, self.draft, self.plain = list(prompt), sample, draft, plain
        self.key = noise_key(seed, prompt, sample)
        self.tokens: list[int] = []
        self.log_probabilities: list[float] = []
        self.finished = False

    @property
    def last(self) -> int:
        """The newest token, which may be the prompt's last."""
        return (self.tokens or self.prompt)[-1]


class Decoder:
    """Decodes a batch of texts at a time.

    A pass verifies a block of each text's draft. The text that comes out does not depend on drafts, on the batch or on
    the width of blocks: where rounding could decide, `PlainPath` does.
    """

    def __init__(
        self,
        model: nn.Module,
        device: torch.device,
        chooser: Chooser,
        pace: Pace,
        ends: Collection[int],
        stops: Callable[[Sequence[int], Sequence[int]], bool] | None = None,
    ) -> None:
        self._model, self._device, self._chooser, self._pace = model, device, chooser, pace
        self._ends, self._stops = frozenset(ends), stops
        self._clock = time.process_time if device.type == "cpu" else time.perf_counter  # free of others' work
        self.counts = Counts()

    @torch.no_grad()
    def decode(self, texts: Sequence[Text]) -> None:
        """Bring texts to their ends."""
        rows, going = Rows(self._model, self._device), list(texts)
        with watched(self._model, self._chooser.dtypes):
            going = self._pass(rows, going, begin=True)
            while going:
                going = self._pass(rows, going)
        self.counts.texts += len(texts)
        self.counts.tokens += sum(len(text.tokens) for text in texts)
        self.counts.without_drafts += max(len(text.tokens) for text in texts)
        self.counts.plain_passes += sum(text.plain.passes for text in texts)

    def _width(self, texts: Sequence[Text], room: int | None, first: bool) -> int:
        """Return the width of the next pass."""
        if self._pace.resting():
            return 1
        aligned, departed = self._pace.aligned.now, self._pace.departed.now
        chances = [0.0 if text.draft is None else text.draft.chance(aligned, departed) for text in texts]
        return self._pace.plan(chances, [self._left(text, room) for text in texts], first)

    def _left(self, text: Text, room: int | None) -> int:
        """Return how many tokens of a text's draft may be verified, in a batch with so many columns left.

        The last token needs no draft.
        """
        most = self._chooser.sampling.max_new_tokens - 1 - len(text.tokens)
        most = most if room is None else min(most, room - 1)
        return 0 if text.draft is None else min(len(text.draft), most)

    def _pass(self, rows: Rows, texts: list[Text], *, begin: bool = False) -> list[Text]:
        """Feed texts with blocks of their drafts, and take what comes out. Return the texts that go on."""
        width = self._width(texts, rows.room, begin)
        began, most = self._clock(), self._chooser.sampling.max_new_tokens
        left = [most - len(text.tokens) for text in texts]
        drafts: list[list[int]] = [
            [] if text.draft is None or width == 1 else text.draft.propose(min(width - 1, self._left(text, rows.room)))
            for text in texts
        ]
        if begin:
            logits = rows.begin([text.prompt for text in texts], drafts)
        else:
            logits = rows.add([text.last for text in texts], drafts)
        kept, columns = self._chosen(logits, texts, drafts), logits.shape[1]
        going = [i for i, text in enumerate(texts) if not text.finished]
        if going:
            rows.keep(going, [columns - each for each in kept])
        self.counts.passes += 1
        seconds = self._clock() - began
        if begin:  # the prompts take longer
            seconds = self._pace.seconds(len(texts) * columns)
        else:
            self._pace.took(len(texts), columns, seconds)
        if columns > 1:
            self._pace.gave(left, kept, seconds)
        return [texts[i] for i in going]

    def _chosen(self, logits: Tensor, texts: Sequence[Text], drafts: Sequence[Sequence[int]]) -> list[int]:
        """Choose tokens as far as each draft is right, and the next one; return how many columns of each row count."""
        kept, going = [0] * len(texts), list(range(len(texts)))
        at, width = 0, logits.shape[1]
        while going:
            some = self._some(len(going), logits.shape[2], width - at)
            spans = [(i, min(at + some, len(drafts[i]) + 1)) for i in going]
            asked = [(i, j) for i, end in spans for j in range(at, end)]
            found = self._chooser.choose(
                logits[[i for i, _ in asked], [j for _, j in asked]],
                [[*texts[i].prompt, *texts[i].tokens, *drafts[i][at:j]] for i, j in asked] if self._penalises else (),
                [texts[i].key for i, _ in asked],
                [len(texts[i].tokens) + j - at for i, j in asked],
            )
            tokens, clear, likely = found.tokens.tolist(), found.clear.tolist(), found.log_probabilities.tolist()
            begin, going = 0, []
            for i, end in spans:
                row = slice(begin, begin + end - at)
                added = self._take(texts[i], drafts[i][at:], tokens[row], clear[row], likely[row], logits[i, at:])
                kept[i], begin = at + added, row.stop
                whole = kept[i] == end <= len(drafts[i]) and not texts[i].finished
                if whole and drafts[i][end - 1] == texts[i].tokens[-1]:
                    going.append(i)
            at += some
        for draft, columns in zip(drafts, kept, strict=True):
            if draft:
                self.counts.drafted += len(draft)
                self.counts.accepted += columns - 1
                self.counts.blocks[columns - 1] += 1
        return kept

    def _take(
        self,
        text: Text,
        draft: Sequence[int],
        tokens: Sequence[int],
        clear: Sequence[bool],
        likely: Sequence[float],
        logits: Tensor,
    ) -> int:
        """Add chosen tokens as far as the draft is right, and the next one; return how many were added."""
        right = self._right(draft, tokens, clear)
        text.tokens += tokens[:right]
        text.log_probabilities += likely[:right]
        if right and text.draft is not None:
            self._follow(text.draft, tokens[:right])
        for at in range(right, len(tokens)):
            token, log_probability = (tokens[at], likely[at]) if clear[at] else self._decided(text, logits[at])
            self._add(text, token, log_probability)
            if text.finished or at == len(draft) or draft[at] != token:
                return at + 1
        return len(tokens)

    def _right(self, draft: Sequence[int], tokens: Sequence[int], clear: Sequence[bool]) -> int:
        """Return how many tokens are those of the draft, clear, and end no text."""
        if self._stops is not None:
            return 0
        pairs = zip(draft, tokens, clear, strict=False)
        return sum(1 for _ in takewhile(lambda of: of[2] and of[0] == of[1] and of[1] not in self._ends, pairs))

    @property
    def _penalises(self) -> bool:
        return self._chooser.sampling.repetition_penalty != 1

    def _some(self, rows: int, vocabulary: int, left: int) -> int:
        """Return how many positions to work on at a time: few where noise would be drawn in vain."""
        room = max(1, _ELEMENTS // (rows * vocabulary))
        return min(left, room, max(8, _NOISE // (rows * vocabulary)) if self._chooser.sampling.temperature else room)

    def _decided(self, text: Text, unclear: Tensor) -> tuple[int, float]:
        """Let the plain path decide the next token; return it, and its log-probability.

        How far the unclear logits are from the plain path's tells how wide the margin has to be.
        """
        self.counts.unclear += 1
        logits = text.plain.logits(text.tokens)
        self._chooser.error = max(self._chooser.error, float(difference(logits, unclear[None])))
        found = self._chooser.choose(logits, [[*text.prompt, *text.tokens]], [text.key], [len(text.tokens)])
        return int(found.tokens), float(found.log_probabilities)

    def _add(self, text: Text, token: int, log_probability: float) -> None:
        text.tokens.append(token)
        text.log_probabilities.append(log_probability)
        text.finished = (
            token in self._ends
            or len(text.tokens) >= self._chooser.sampling.max_new_tokens
            or (self._stops is not None and self._stops(text.prompt, text.tokens))
        )
        if text.draft is not None:
            self._compare(text, text.draft)

    def _follow(self, draft: Draft, tokens: Sequence[int]) -> None:
        """Take tokens into account that were the draft's."""
        if draft.follow(tokens):
            (self._pace.departed if draft.departed else self._pace.aligned).note(True, len(tokens))
            if not draft.departed:
                self.counts.aligned += len(tokens)

    def _compare(self, text: Text, draft: Draft) -> None:
        """Compare the newest token with the draft, whether that was verified or not."""
        departed = draft.departed
        right = draft.note(text.tokens[-1])
        if right is None:
            return
        (self._pace.departed if departed else self._pace.aligned).note(right)
        if not departed:
            self.counts.aligned += 1
            self.counts.departures += not right
