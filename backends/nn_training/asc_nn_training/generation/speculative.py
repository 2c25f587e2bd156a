"""Generation with drafts: the texts are those of plain decoding, in fewer passes where texts recur."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from itertools import takewhile
from math import isfinite
from typing import Any, NamedTuple

from torch import nn

from asc.errors import AscError
from asc_nn_training.generation.agreement import disagreement
from asc_nn_training.generation.choice import Chooser
from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.decode import Decoder, Text
from asc_nn_training.generation.drafts import Draft, Texts, equal_first
from asc_nn_training.generation.pace import Pace
from asc_nn_training.generation.plain import PlainPath
from asc_nn_training.generation.prompts import config_of, ends_of, kind_of, require_generative, stopping, tokens_of
from asc_nn_training.generation.recurrence import Recurrence
from asc_nn_training.generation.rest import Rest
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.texts import Earlier, TextCache
from asc_nn_training.training.device import Autocast, device_of
from asc_nn_training.training.loss import evaluation

_OFTEN = 0.02  # share of tokens that the plain path decides, from which on that is told


class GeneratedText(NamedTuple):
    """One text: the tokens after its prompt, with the end token, and the log-probability of each, in nats.

    The log-probabilities are those of the distribution that the token was chosen from, after temperature and filters;
    of a greedy choice, of temperature 1. `text` is None without a tokenizer.
    """

    prompt: int
    sample: int
    tokens: list[int]
    log_probabilities: list[float]
    text: str | None


class Generated(NamedTuple):
    """Texts by prompt and sample, what they took, and a sentence about what drafts were worth."""

    texts: list[GeneratedText]
    counts: Counts
    reason: str


class SpeculativeGeneration:
    """Generates texts again and again while a model trains; what a prompt gave before is the draft for the next time.

    The texts are exactly those that transformers' `generate` gives for each prompt alone: no draft, batch or width of a
    block changes them. Where two tokens are so close that rounding could decide, the plain path decides; `counts` says
    how often. Sampling takes its noise from seed, prompt, sample and position, so that a text with drafts is the text
    without.
    """

    def __init__(self, cache: TextCache | None = None, *, speculate: bool = True, batch: int = 64) -> None:
        if batch < 1:
            raise AscError(f"A batch has 1 text or more, not {batch}.")
        self.cache = TextCache() if cache is None else cache
        self._speculate, self._batch = speculate, batch
        self._recurrence, self._pace = Recurrence(), Pace()
        self._rests = {True: Rest(), False: Rest()}  # by whether there are earlier texts
        self._errors: dict[str, float] = {}  # largest difference of two passes' logits, by kind of model
        self.counts = Counts()
        """Of all generations so far."""

    def generate(
        self,
        model: nn.Module,
        prompts: Sequence[str | Sequence[int]],
        sampling: Sampling | None = None,
        *,
        tokenizer: Any | None = None,
        samples: int | Sequence[int] = 1,
        position: int | None = None,
        moved: float | None = None,
        ends: int | Collection[int] | None = None,
        autocast: Autocast = nullcontext,
    ) -> Generated:
        """Return the texts of all prompts, `samples` of each; or one of each, with the sample numbers in `samples`.

        Prompts are texts, or lists of tokens. `position` is the training's step, and `moved` the sum of its learning
        rates so far: by how far they have moved since the last time, the generation knows whether drafts pay. `ends`
        are the tokens that end a text, by default the model's.
        The model is left as it is, with its random numbers. Raises AscError for prompts and models that do not fit.
        """
        sampling = sampling or Sampling()
        if moved is not None and not isfinite(moved):
            moved = None
        began, device = time.perf_counter(), device_of(model)
        given = self.require(model, prompts, sampling, tokenizer=tokenizer, autocast=autocast)
        asked, kind = _asked(len(given), samples), kind_of(model, tokenizer)
        stops = stopping(sampling.stop, tokenizer)
        noise = sampling.seed if sampling.temperature else None  # other noise gives other texts
        earliers = [self.cache.find(given[number], sample, noise) for number, sample in asked]
        known = [earlier for earlier in earliers if earlier is not None]
        distance, rest = _distance(moved, known), self._rests[bool(known)]
        chance = self._recurrence.chance(distance)
        looks = self._speculate and bool(asked) and rest.is_over(1 - chance)
        drafts: Sequence[Draft | None] = [None] * len(asked)
        if looks:
            drafts = _drafts([given[number] for number, _ in asked], earliers, config_of(model).vocab_size)
        texts = [
            Text(given[number], sample, sampling.seed, draft, PlainPath(model, device, given[number]))
            for (number, sample), draft in zip(asked, drafts, strict=True)
        ]
        self._pace.begin(chance)
        finish = ends_of(model) if ends is None else {ends} if isinstance(ends, int) else ends
        with evaluation(model), autocast():
            chooser = Chooser(sampling, self._errors.get(kind, 0.0))
            decoder = Decoder(model, device, chooser, self._pace, finish, stops)
            for start in range(0, len(texts), self._batch):
                decoder.decode(texts[start : start + self._batch])
        if given:
            self._errors[kind] = chooser.error
        counts = decoder.counts
        if looks:
            rest.note(self._pace.gain(), 1 - chance)
        elif self._speculate:
            _compare(texts, earliers, counts)
        counts.seconds = time.perf_counter() - began
        self.counts.add(counts)
        self._recurrence.note(counts.departures, counts.aligned, distance)
        self.cache.put(
            {(tuple(text.prompt), text.sample, noise): Earlier(tuple(text.tokens), position, moved) for text in texts}
        )
        found = [
            GeneratedText(
                number,
                sample,
                text.tokens,
                text.log_probabilities,
                None if tokenizer is None else tokenizer.decode(text.tokens, skip_special_tokens=True),
            )
            for (number, sample), text in zip(asked, texts, strict=True)
        ]
        return Generated(found, counts, reason(counts, self._speculate))

    def require(
        self,
        model: nn.Module,
        prompts: Sequence[str | Sequence[int]],
        sampling: Sampling,
        *,
        tokenizer: Any | None = None,
        names: Sequence[str] = (),
        autocast: Autocast = nullcontext,
    ) -> list[tuple[int, ...]]:
        """Return each prompt's tokens, before any text. Raises AscError for prompts and models that do not fit.

        A training that asks before its first step learns there what would otherwise fail at its first texts. Errors
        call a prompt by its name, by default "Prompt 1" and so on.
        """
        require_generative(model)
        given = tokens_of(prompts, model, tokenizer, sampling, names)
        stopping(sampling.stop, tokenizer)
        kind = kind_of(model, tokenizer)
        self.cache.of(kind)
        if kind not in self._errors and given:
            with evaluation(model), autocast():
                self._errors[kind] = disagreement(model, device_of(model), given)
        return given

    def state_dict(self) -> dict[str, Any]:
        """Return what has been learnt about how texts recur, and all counts. The texts themselves are the cache's."""
        return {"recurrence": self._recurrence.state_dict(), "counts": self.counts.figures()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._recurrence.load_state_dict(state["recurrence"])
        self.counts = Counts.from_figures(state["counts"])


def generate(
    model: nn.Module,
    prompts: Sequence[str | Sequence[int]],
    sampling: Sampling | None = None,
    *,
    tokenizer: Any | None = None,
    cache: TextCache | None = None,
    samples: int = 1,
) -> Generated:
    """Return the texts of all prompts; drafts come from the cache, which then has the new texts.

    For a model that trains, `SpeculativeGeneration` also learns how far drafts reach.
    """
    return SpeculativeGeneration(cache).generate(model, prompts, sampling, tokenizer=tokenizer, samples=samples)


def _asked(prompts: int, samples: int | Sequence[int]) -> list[tuple[int, int]]:
    """Return the prompt's number and the sample's number of each text."""
    if isinstance(samples, int):
        if samples < 1:
            raise AscError(f"samples is {samples}, and a prompt has 1 text or more.")
        return [(number, sample) for number in range(prompts) for sample in range(samples)]
    if len(samples) != prompts:
        raise AscError(
            f"samples has {len(samples)} sample numbers, and there are {prompts} prompts: give one number for each "
            "prompt, or samples=1 for one text of each."
        )
    return list(enumerate(samples))


def _drafts(prompts: Sequence[tuple[int, ...]], earliers: Sequence[Earlier | None], words: int) -> list[Draft]:
    """Return a draft for each prompt; those of one prompt share the earlier texts.

    Texts end before a token that the model does not know: a file may hold anything.
    """
    known: dict[tuple[int, ...], list[list[int]]] = {}
    numbers: list[int | None] = []
    for prompt, earlier in zip(prompts, earliers, strict=True):
        texts = known.setdefault(prompt, [])
        numbers.append(None if earlier is None else len(texts))
        if earlier is not None:
            texts.append(list(takewhile(lambda token: token < words, earlier.tokens)))
    shared = {prompt: Texts(texts) for prompt, texts in known.items()}
    return [Draft(prompt, shared[prompt], number) for prompt, number in zip(prompts, numbers, strict=True)]


def _distance(moved: float | None, known: Sequence[Earlier]) -> float | None:
    """Return how far the training has moved since the earlier texts, on average; None where that is not known."""
    distances = [abs(moved - text.moved) for text in known if moved is not None and text.moved is not None]
    return sum(distances) / len(distances) if distances else None


def _compare(texts: Sequence[Text], earliers: Sequence[Earlier | None], counts: Counts) -> None:
    """Count how far texts that had no drafts are those of the last time."""
    for text, earlier in zip(texts, earliers, strict=True):
        if earlier is not None:
            same = equal_first(text.tokens, earlier.tokens)
            departs = same < min(len(text.tokens), len(earlier.tokens))
            counts.aligned += same + departs
            counts.departures += departs


def reason(counts: Counts, speculates: bool = True) -> str:
    """Say what drafts were worth, and where much had to be decided by the plain path."""
    if not speculates:
        sentence = "No draft was used: speculation was switched off."
    elif counts.drafted:
        sentence = (
            f"{counts.accepted:,} of {counts.drafted:,} tokens of drafts were accepted, and "
            f"{100 * (counts.passes_saved or 0):.0f} % of plain decoding's passes were saved."
        )
    else:
        sentence = "No draft was used: to look for drafts and to verify them would take longer than to decode."
    if counts.departures:
        sentence += (
            f" {counts.departures:,} of {counts.texts:,} texts departed from what their prompts gave before; "
            f"{counts.aligned - counts.departures:,} of {counts.tokens:,} tokens lie before that."
        )
    if counts.unclear > _OFTEN * counts.tokens:
        sentence += (
            f" {100 * counts.unclear / counts.tokens:.0f} % of the tokens were so close to another that the plain path "
            "decided them, which costs time: generate in single precision, or set a smaller margin."
        )
    return sentence
