"""Generated texts are those of plain decoding, whatever drafts, batches and widths of blocks do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from asc.errors import AscError
from asc_nn_training.data.tokenizer import train as train_tokenizer
from asc_nn_training.generation.choice import Chooser
from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.drafts import Draft, Texts
from asc_nn_training.generation.noise import gumbel, noise_key
from asc_nn_training.generation.pace import Pace
from asc_nn_training.generation.plain import PlainPath
from asc_nn_training.generation.precision import rounding
from asc_nn_training.generation.rest import Rest
from asc_nn_training.generation.rows import Rows
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.speculative import Generated, SpeculativeGeneration, generate
from asc_nn_training.generation.texts import Earlier, TextCache

CPU, WORDS = torch.device("cpu"), 61
SETTINGS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "greedy, repetition penalty": {"repetition_penalty": 1.4},
    "sampled": {"temperature": 1.0},
    "sampled, top-k": {"temperature": 0.7, "top_k": 5},
    "sampled, top-p": {"temperature": 1.3, "top_p": 0.8},
    "sampled, all filters": {"temperature": 0.9, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.2},
}


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(**SMALL, n_layer=2, n_embd=32, n_head=2, n_positions=128))


def llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**SMALL, **WIDTHS))


def qwen2() -> nn.Module:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(Qwen2Config(**SMALL, **WIDTHS))


def sliding() -> nn.Module:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**SMALL, **WIDTHS, sliding_window=8))


SMALL: dict[str, Any] = {"vocab_size": WORDS, "bos_token_id": 0, "eos_token_id": 0}
WIDTHS: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
MODELS = (gpt2, llama, qwen2, sliding)


def made(shape: Callable[[], nn.Module], dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return a model whose texts are varied."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = shape()
    for weights in model.parameters():
        if weights.dim() > 1:
            weights.data.mul_(4)
    return model.to(dtype).train()


def moved(model: nn.Module, far: float) -> None:
    """Change the weights a little, as training does."""
    noise = torch.Generator().manual_seed(2)
    for weights in model.parameters():
        weights.data.add_(far * weights.data.std(correction=0) * torch.randn(weights.shape, generator=noise))


def prompts(number: int, seed: int = 3) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(1, WORDS) for _ in range(rng.randint(1, 12))] for _ in range(number)]


def tokens(found: Generated) -> list[list[int]]:
    return [text.tokens for text in found.texts]


def test_a_texts_greedy_tokens_are_those_of_transformers_for_the_prompt_alone() -> None:
    for shape in MODELS:
        model = made(shape)
        for penalty in (1.0, 1.4):
            cache = TextCache()
            for _ in range(2):  # without drafts, and with them
                given = Sampling(max_new_tokens=24, repetition_penalty=penalty)
                found = tokens(generate(model, prompts(5), given, cache=cache))
            for prompt, text in zip(prompts(5), found, strict=True):
                ids = torch.tensor([prompt])
                plain = model.eval().generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=24,
                    do_sample=False,
                    repetition_penalty=penalty,
                    pad_token_id=0,
                )
                assert text == plain[0, len(prompt) :].tolist(), shape.__name__


@pytest.mark.parametrize("shape", MODELS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_text_with_drafts_is_the_text_without(shape: Callable[[], nn.Module], name: str) -> None:
    counts = exact(made(shape), name, 1e-4)
    assert counts.accepted > 50


@pytest.mark.parametrize("shape", [gpt2, qwen2])
@pytest.mark.parametrize("name", ["greedy", "sampled, all filters"])
def test_texts_are_the_same_in_half_precision(shape: Callable[[], nn.Module], name: str) -> None:
    counts = exact(made(shape, torch.bfloat16), name, 0.3)
    assert counts.unclear > 0


def test_half_precision_within_the_model_is_seen() -> None:
    model = made(gpt2)
    forward = model.forward

    @wraps(forward)
    def mixed(*args: Any, **named: Any) -> Any:  # as accelerate prepares a model
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = forward(*args, **named)
        output.logits = output.logits.float()
        return output

    model.forward = mixed  # type: ignore[method-assign]
    given, asked = Sampling(max_new_tokens=8, **SETTINGS["sampled, all filters"]), prompts(3)
    found = generate(model, asked, given)
    assert found.counts.unclear > 0
    assert tokens(found) == tokens(generate(model, asked, given.model_copy(update={"margin": 1e9})))
    assert not any(layer._forward_hooks for layer in model.modules())


def test_the_margin_follows_what_passes_differ_by() -> None:
    logits = torch.tensor([[0.0, 1.0, 1.3]])
    assert Chooser(Sampling()).choose(logits, [[1]], [0], [0]).clear
    assert not Chooser(Sampling(), error=0.1).choose(logits, [[1]], [0], [0]).clear


def exact(model: nn.Module, name: str, close: float) -> Counts:
    """Compare texts with those of each prompt alone, while the weights move; return the counts."""
    given, asked = Sampling(max_new_tokens=16, seed=5, **SETTINGS[name]), prompts(4)
    speculative = SpeculativeGeneration()
    speculative._pace.plan = lambda *_: 6  # type: ignore[method-assign]
    for far in (0.0, 0.0, 0.01):
        moved(model, far)
        found = speculative.generate(model, asked, given, samples=2)
        alone = [SpeculativeGeneration(speculate=False).generate(model, [each], given, samples=2) for each in asked]
        plain = [text for each in alone for text in each.texts]
        assert tokens(found) == [text.tokens for text in plain]
        for text, other in zip(found.texts, plain, strict=True):
            assert text.log_probabilities == pytest.approx(other.log_probabilities, abs=close)
    return speculative.counts


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_no_draft_changes_a_text(name: str, data: st.DataObject) -> None:
    model, asked = _MODEL, prompts(3, data.draw(st.integers(0, 3)))
    sampling = Sampling(max_new_tokens=16, **SETTINGS[name])
    plain = tokens(SpeculativeGeneration(speculate=False).generate(model, asked, sampling))
    cache = TextCache()
    for prompt, text in zip(asked, plain, strict=True):
        draft = list(text)
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(draft)))
            draft[at : at + data.draw(st.integers(0, 3))] = data.draw(st.lists(st.integers(0, WORDS - 1), max_size=4))
        cache.put({(tuple(prompt), 0, None): Earlier(tuple(draft))})
    speculative = SpeculativeGeneration(cache)
    speculative._pace.plan = lambda *_: data.draw(st.integers(1, 20))  # type: ignore[method-assign]
    assert tokens(speculative.generate(model, asked, sampling)) == plain


def test_texts_may_fill_all_positions_of_a_model() -> None:
    """A long draft of one text never feeds another beyond the last position."""
    model, asked = made(gpt2), [[1] * 4, [2] * 4]
    given, cache = Sampling(max_new_tokens=124), TextCache()
    plain = tokens(SpeculativeGeneration(cache, speculate=False).generate(model, asked, given, ends=()))
    cache.put({((2,) * 4, 0, None): Earlier((0, *plain[1][:-1]))})  # this text is always behind the other one
    speculative = SpeculativeGeneration(cache)
    speculative._pace.plan = lambda *_: 40  # type: ignore[method-assign]
    assert tokens(speculative.generate(model, asked, given, ends=())) == plain


_MODEL = made(llama)


def test_logits_of_ragged_rows_are_those_of_each_text_alone() -> None:
    rng = random.Random(4)

    def some(most: int) -> list[int]:
        return [rng.randrange(WORDS) for _ in range(rng.randint(0, most))]

    for model in map(made, MODELS):
        model.eval()
        for _ in range(6):
            rows, texts, drafts = Rows(model, CPU), [[1, *some(8)] for _ in range(4)], [some(6) for _ in range(4)]
            with torch.no_grad():
                logits = rows.begin(texts, drafts)
                for _ in range(5):
                    dropped = []
                    for row, (text, draft) in enumerate(zip(texts, drafts, strict=True)):
                        whole = model(torch.tensor([[*text, *draft]])).logits[0, len(text) - 1 :]
                        assert torch.allclose(logits[row, : len(draft) + 1], whole, atol=1e-4)
                        accepted = rng.randint(0, len(draft))
                        text.extend(draft[:accepted])
                        dropped.append(max(map(len, drafts)) - accepted)
                    left = sorted(rng.sample(range(len(texts)), max(1, len(texts) - rng.randint(0, 1))))
                    rows.keep(left, dropped)
                    texts, last = [texts[row] for row in left], [rng.randrange(WORDS) for _ in left]
                    texts = [[*text, token] for text, token in zip(texts, last, strict=True)]
                    drafts = [some(6) for _ in left]
                    logits = rows.add(last, drafts)


def test_the_plain_path_has_the_bits_of_transformers() -> None:
    for model in map(made, MODELS):
        prompt = prompts(1)[0]
        ids = torch.tensor([prompt])
        plain = model.eval().generate(
            ids, max_new_tokens=12, do_sample=False, output_logits=True, return_dict_in_generate=True, pad_token_id=0
        )
        path, text = PlainPath(model, CPU, prompt), plain.sequences[0, len(prompt) :].tolist()
        with torch.no_grad():
            for at, logits in enumerate(plain.logits):
                assert torch.equal(path.logits(text[:at]), logits)


def test_where_rounding_could_decide_the_plain_path_does() -> None:
    model = made(gpt2)
    always, never = Sampling(max_new_tokens=12, margin=1e9), Sampling(max_new_tokens=12, margin=0.0)
    for temperature in (0.0, 1.0):
        changed = {"temperature": temperature}
        found = generate(model, prompts(3), always.model_copy(update=changed))
        assert found.counts.unclear == found.counts.tokens == found.counts.plain_passes
        plain = generate(model, prompts(3), never.model_copy(update=changed))
        assert not plain.counts.unclear
        assert tokens(found) == tokens(plain)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name.startswith("sampled")])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.sampled_from([1e-3, 1e-2, 0.1]), equal=st.booleans())
def test_a_clear_choice_survives_every_error_below_the_margin(name: str, seed: int, size: float, equal: bool) -> None:
    chooser = Chooser(Sampling(margin=size, **SETTINGS[name]))
    noise = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(4, WORDS, generator=noise)
    if equal:  # many logits, which an error tells apart
        logits = logits.round()
    context = [prompts(1, seed)[0]] * 4
    about = context, [noise_key(0, [seed], row) for row in range(4)], list(range(4))
    chosen = chooser.choose(logits, *about)
    for _ in range(10):
        error = size * (2 * torch.rand(logits.shape, generator=noise) - 1)
        again = chooser.choose(logits + error, *about)
        assert torch.equal(again.tokens[chosen.clear], chosen.tokens[chosen.clear])


@pytest.mark.parametrize("name", [name for name in SETTINGS if name.startswith("sampled")])
def test_tokens_have_the_distribution_of_transformers_filters(name: str) -> None:
    from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper
    from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

    given = Sampling(**SETTINGS[name])
    logits = 2 * torch.randn(1, WORDS, generator=torch.Generator().manual_seed(6))
    context = prompts(1)[0]
    filters = LogitsProcessorList([TemperatureLogitsWarper(given.temperature)])
    if given.repetition_penalty != 1:
        filters.insert(0, RepetitionPenaltyLogitsProcessor(given.repetition_penalty))
    if given.top_k:
        filters.append(TopKLogitsWarper(given.top_k))
    if given.top_p < 1:
        filters.append(TopPLogitsWarper(given.top_p))
    expected = filters(torch.tensor([context]), logits).softmax(1)[0]
    number = 20_000
    found = Chooser(given).choose(
        logits.expand(number, -1), [context] * number, [noise_key(1, context, 0)] * number, range(number)
    )
    share = torch.bincount(found.tokens, minlength=WORDS) / number
    assert not share[expected == 0].any()
    assert (share - expected).abs().max() < 5 * (0.25 / number) ** 0.5
    assert found.log_probabilities.exp().numpy() == pytest.approx(expected[found.tokens].numpy(), rel=1e-4)


def test_of_equal_logits_the_token_is_that_of_generate() -> None:
    logits = torch.zeros(1, 300)
    logits[0, [7, 99, 200]] = 5
    found = Chooser(Sampling()).choose(logits, [[1]], [0], [0])
    assert found.tokens.tolist() == logits.argmax(1).tolist()
    assert not found.clear.any()


def test_forbidden_tokens_change_no_margin() -> None:
    logits = torch.full((3, 40), -50.0)
    logits[:, :2] = torch.tensor([1e-6, 2e-6])  # closer than passes with logits of -50 are
    logits[1, 5], logits[2, 5] = -torch.inf, torch.finfo(torch.float32).min
    assert not Chooser(Sampling()).choose(logits, [[1]] * 3, [0] * 3, [0] * 3).clear.any()
    logits[:, 1] = 1.0
    assert Chooser(Sampling()).choose(logits, [[1]] * 3, [0] * 3, [0] * 3).clear.all()


@pytest.mark.parametrize("precision", ["medium", "of one kind of device"])
def test_products_of_less_precision_widen_the_margin(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def setting() -> str:
        if precision != "medium":
            raise RuntimeError("mix of the legacy and new APIs")  # as torch says it
        return precision

    usual = rounding((), CPU)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", setting)
    assert rounding((), CPU) > 1000 * usual


def test_noise_depends_on_seed_prompt_sample_and_position_alone() -> None:
    keys = {noise_key(seed, prompt, sample) for seed in (0, 1) for prompt in ([1], [1, 2]) for sample in (0, 1)}
    assert len(keys) == 8
    (key, *_) = keys
    found = gumbel([key, *keys, key], [3, *[3] * 8, 4], 50)
    assert np.array_equal(found[0], gumbel([key], [3], 80)[0, :50])
    assert len({row.tobytes() for row in found}) == 9  # the first two are of one key and position
    many = gumbel([key] * 20, range(20), 5000)
    assert many.mean() == pytest.approx(0.5772, abs=0.02)
    assert many.std() == pytest.approx(np.pi / 6**0.5, abs=0.02)


def test_a_sample_is_known_by_its_number() -> None:
    model, given = made(gpt2), Sampling(max_new_tokens=6, temperature=1.0)
    whole = generate(model, prompts(2), given, samples=3).texts
    some = SpeculativeGeneration().generate(model, [*prompts(2), prompts(2)[0]], given, samples=[2, 0, 1]).texts
    assert [text.tokens for text in some] == [whole[2].tokens, whole[3].tokens, whole[1].tokens]
    assert [(text.prompt, text.sample) for text in some] == [(0, 2), (1, 0), (2, 1)]


def test_a_draft_goes_on_where_the_text_has_returned_to_it() -> None:
    draft = Draft([20, 21], Texts([[1, 2, 3, 4, 5, 6, 7, 8]]), 0)

    def noted(*news: int) -> list[int]:
        for token in news:
            draft.note(token)
        return draft.propose(3)

    assert draft.propose(2) == [1, 2]
    assert noted(1, 2) == [3, 4, 5]
    assert not draft.departed
    assert noted(9) == [4, 5, 6]  # exchanged
    assert draft.departed
    assert noted(3, 4) == [5, 6, 7]  # inserted
    assert noted(7, 9) == [8]  # nothing agrees: by the position
    assert draft.chance(aligned=0.9, departed=0.5) == 0
    assert noted(9) == []  # beyond the end of the earlier text
    assert draft.note(9) is None


def test_a_draft_goes_on_as_other_samples_of_its_prompt_did() -> None:
    texts = Texts([[1, 2, 3, 4], [9, 6, 7, 8, 5], [1, 6, 7, 2]])
    first, new = Draft([20, 21], texts, 0), Draft([20, 21], texts)
    assert [first.note(1), first.note(6), first.note(7)] == [True, False, None]
    assert first.propose(2) == [2]  # three tokens agree
    assert new.propose(2) == []
    for token in (9, 6, 7):
        assert new.note(token) is None
    assert new.propose(2) == [8, 5]
    assert new.follow([8])
    assert new.propose(2) == [5]


def test_a_draft_without_an_earlier_text_repeats_the_text_itself() -> None:
    draft = Draft([1, 2, 3, 1, 2])
    assert draft.departed
    assert draft.propose(7) == [3, 1, 2, 3, 1, 2, 3]
    assert draft.note(3)
    assert draft.chance(aligned=0.9, departed=0.5) == pytest.approx((4 * 0.5 + 1) / (4 + 1))
    assert draft.note(5) is False
    assert draft.propose(2) == []


def paced(a_pass: float, a_token: float, passes: int = 100) -> Pace:
    """Return a pace that has seen passes of such seconds, and begins a generation."""
    pace = Pace()
    for _ in range(passes // 2):
        for rows in (8, 64):
            pace.took(rows, 1, a_pass + a_token * rows)
    assert pace.line() == pytest.approx((a_pass, a_token))
    pace.begin(0.9)
    return pace


def test_blocks_are_as_wide_as_they_pay() -> None:
    pace = paced(0.01, 0.0001, passes=10_000)
    assert pace.plan([1.0] * 8, [100] * 8) == 101
    assert 4 <= pace.plan([0.8] * 8, [100] * 8) <= 16
    assert pace.plan([0.01] * 8, [100] * 8) == 1
    assert paced(1e-6, 0.001, passes=10_000).plan([0.9] * 8, [100] * 8) == 1


def test_a_lead_of_some_texts_is_no_gain() -> None:
    """The text that is furthest behind needs its passes, whatever the others have."""
    pace = paced(0.01, 0.0001)
    wide = pace.plan([1.0] * 8, [100] * 8)
    for left in range(100, 1, -1):
        pace.gave([left] * 8, [wide] * 7 + [1], 0.01 + 0.0001 * 8 * wide)
    assert pace.plan([1.0] * 8, [100] * 8) < wide
    pace.gave([100] * 8, [100] * 8, 0.01 + 0.0001 * 8 * 100)
    assert pace.plan([1.0] * 8, [100] * 8) > wide


@pytest.mark.parametrize("longer", [1.0, 3.0], ids=["as the line says", "longer than the line says"])
def test_blocks_lose_one_percent_of_plain_decoding_at_most(longer: float) -> None:
    pace, plain_pass = paced(0.01, 0.001, passes=4), 0.01 + 0.001 * 8
    plain, lost, most = 4 * 0.074, 0.0, 0.0
    for _ in range(20):
        pace.begin(0.9)
        for left in range(200, 0, -1):
            width = 1 if pace.resting() else pace.plan([0.99] * 8, [100] * 8)
            seconds = (0.01 + 0.001 * 8 * width) * (longer if width > 1 else 1)
            pace.took(8, width, seconds)
            if width > 1:
                pace.gave([left] * 8, [1] * 8, seconds)  # everything is rejected
                most = max(most, seconds - plain_pass)
                lost += seconds - plain_pass
            plain += plain_pass
            assert lost <= 0.01 * plain + 2 * most
    assert lost > 0


def test_a_clock_that_does_not_tick_is_no_error() -> None:
    pace = Pace()
    for rows in (8, 64, 8):
        pace.took(rows, 1, 0.0)
    pace.begin(0.9)
    assert pace.plan([0.9] * 8, [10] * 8) >= 1


def test_blocks_are_considered_again_after_pauses_that_grow() -> None:
    pace = paced(0.01, 0.001)
    pauses = []
    for _ in range(7):
        assert pace.plan([0.0], [10]) == 1
        pauses.append(0)
        while pace.resting():
            pauses[-1] += 1
    assert pauses == [1, 2, 4, 8, 16, 32, 32]


def test_trials_of_drafts_that_do_not_pay_become_rarer() -> None:
    rest, trials = Rest(), []
    for number in range(60):
        if rest.is_over(0.1):
            trials.append(number)
            rest.note(0.0, 0.1)
    assert trials == [0, 2, 5, 10, 19, 36, 53]
    rest.note(0.5, 0.1)
    for gain in (0.0, 0.5, 0.0, 0.0):
        assert rest.is_over(0.1)
        rest.note(gain, 0.1)
    assert [rest.is_over(0.1), rest.is_over(0.1)] == [False, True]


def test_drafts_are_tried_at_once_where_they_have_come_near() -> None:
    rest = Rest()
    for _ in range(4):
        rest.note(0.0, 0.1)
    assert [rest.is_over(departs) for departs in (0.1, 0.06, 0.04)] == [False, False, True]


def test_a_generation_without_drafts_says_how_far_its_texts_are_the_earlier_ones() -> None:
    model, given, asked = made(gpt2), Sampling(max_new_tokens=40, temperature=1.5), prompts(8)
    looking, resting = SpeculativeGeneration(), SpeculativeGeneration()
    looking._pace.plan = resting._pace.plan = lambda *_: 1  # type: ignore[method-assign]
    for generation in (looking, resting):
        generation.generate(model, asked, given)
    moved(model, 0.05)
    resting._rests[True].note(0.0, 0.0)
    found, same = resting.generate(model, asked, given), looking.generate(model, asked, given)
    assert found.counts.drafted == 0
    assert "texts departed from what their prompts gave before" in found.reason
    assert (found.counts.aligned, found.counts.departures) == (same.counts.aligned, same.counts.departures)
    assert tokens(found) == tokens(same)
    assert resting.generate(model, asked, given).counts.departures == 0


def test_what_drafts_were_worth_is_said() -> None:
    model, speculative = made(gpt2), SpeculativeGeneration()
    given, asked = Sampling(max_new_tokens=40, temperature=1.5), prompts(8)
    speculative._pace.plan = lambda *_: 6  # type: ignore[method-assign]
    for _ in range(2):
        found = speculative.generate(model, asked, given)
    assert "tokens of drafts were accepted, and" in found.reason
    moved(model, 0.3)
    speculative._pace.plan = lambda *_: 1  # type: ignore[method-assign]
    refused = speculative.generate(model, asked, given)
    assert refused.counts.passes == refused.counts.without_drafts == 40
    assert refused.reason.startswith("No draft was used: to look for drafts and to verify them would take longer")
    assert "8 of 8 texts departed from what their prompts gave before; " in refused.reason
    plain = SpeculativeGeneration(speculate=False).generate(model, asked, given)
    assert plain.reason == "No draft was used: speculation was switched off."


def test_drafts_are_known_to_reach_less_far_the_more_the_weights_have_moved() -> None:
    model, speculative = made(qwen2), SpeculativeGeneration()
    given, asked = Sampling(max_new_tokens=40), prompts(12)
    speculative.generate(model, asked, given, position=0, moved=0.0)
    moved(model, 0.01)
    speculative.generate(model, asked, given, position=10, moved=0.01)
    near, far = speculative._recurrence.chance(0.01), speculative._recurrence.chance(0.02)
    assert 1 > near > far > 0
    again = SpeculativeGeneration()
    again.load_state_dict(json.loads(json.dumps(speculative.state_dict())))
    assert again._recurrence.chance(0.02) == far


def test_the_model_and_all_random_numbers_stay_as_they_are() -> None:
    model = made(gpt2)
    before, drawn = [weights.clone() for weights in model.parameters()], torch.get_rng_state()
    generate(model, prompts(3), Sampling(max_new_tokens=8, temperature=1.0))
    assert model.training
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(["one two three four five six seven eight " * 20], 300).save(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    size: dict[str, Any] = {"vocab_size": len(tokenizer), "n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 128}
    return made(lambda: GPT2LMHeadModel(GPT2Config(**size, bos_token_id=0, eos_token_id=0)))


class TestWithWords:
    """Texts, stop strings and end tokens."""

    def test_a_stop_string_or_an_end_token_within_a_draft_ends_the_text(self, model: nn.Module, tokenizer: Any) -> None:
        cache, asked = TextCache(), ["one two", "three four five"]
        whole = generate(model, asked, Sampling(max_new_tokens=30), tokenizer=tokenizer, cache=cache)
        for text in whole.texts:
            assert text.text == tokenizer.decode(text.tokens, skip_special_tokens=True)
        stop = tokenizer.decode(whole.texts[0].tokens[9:11])
        given = Sampling(max_new_tokens=30, stop=(stop,))
        stopped = generate(model, asked, given, tokenizer=tokenizer, cache=cache)
        plain = generate(model, asked, given, tokenizer=tokenizer)
        assert tokens(stopped) == tokens(plain)
        text = stopped.texts[0].tokens
        assert stop in tokenizer.decode(text)
        assert stop not in tokenizer.decode(text[:-1])
        end = whole.texts[1].tokens[5]
        ended = SpeculativeGeneration(cache).generate(
            model, asked, Sampling(max_new_tokens=30), tokenizer=tokenizer, ends=[end]
        )
        first = whole.texts[1].tokens
        assert ended.texts[1].tokens == first[: first.index(end) + 1]

    def test_a_stop_string_may_begin_in_the_prompt_as_in_transformers(self, model: nn.Module, tokenizer: Any) -> None:
        prompt = tokenizer("one two")["input_ids"]
        whole = generate(model, [prompt], Sampling(max_new_tokens=12), tokenizer=tokenizer).texts[0].text
        assert whole
        model.eval()
        for stop in ("o" + whole[:1], "two", whole[3:6], whole[:1]):
            given, ids = Sampling(max_new_tokens=12, stop=(stop,)), torch.tensor([prompt])
            usual: dict[str, Any] = {"attention_mask": torch.ones_like(ids), "do_sample": False, "pad_token_id": 0}
            plain: Any = model
            ended = plain.generate(ids, max_new_tokens=12, stop_strings=[stop], tokenizer=tokenizer, **usual)
            found = generate(model, [prompt], given, tokenizer=tokenizer)
            assert tokens(found) == [ended[0, len(prompt) :].tolist()], stop

    def test_a_cache_takes_texts_and_their_tokens_alike(self, model: nn.Module, tokenizer: Any) -> None:
        cache, given = TextCache(), Sampling(max_new_tokens=4)
        generate(model, ["one two"], given, tokenizer=tokenizer, cache=cache)
        again = generate(model, [tokenizer("one two")["input_ids"]], given, cache=cache)
        assert again.counts.aligned == 4

    def test_texts_need_a_tokenizer(self, model: nn.Module) -> None:
        with pytest.raises(AscError, match="Prompt 1 is a text, and there is no tokenizer"):
            generate(model, ["one"])
        with pytest.raises(AscError, match="Stop strings need a tokenizer"):
            generate(model, [[1]], Sampling(max_new_tokens=2, stop=("x",)))
        with pytest.raises(AscError, match="The prompts are one text"):
            generate(model, "one")

    def test_the_programs_of_the_page_run(
        self, model: nn.Module, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        page = (Path(__file__).parents[3] / "docs" / "generation.md").read_text(encoding="utf-8")
        first, second = (part.partition("```")[0] for part in page.split("```python\n")[1:])
        names = {"model": model, "tokenizer": tokenizer, "prompts": ["one two", "three"], "steps": 51}
        exec(first.replace("128", "8"), names)
        assert names["generation"].counts.texts == 4
        exec(
            second.replace("samples=4", "samples=2, sampling=Sampling(max_new_tokens=8)"),
            {"Sampling": Sampling, **names},
        )
        assert (tmp_path / "texts.jsonl").exists()


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no token": (lambda: generate(_MODEL, [[]]), "Prompt 1 has no token"),
    "an unknown token": (
        lambda: generate(_MODEL, [[1], [WORDS]], Sampling(max_new_tokens=2)),
        f"Prompt 2 has the token {WORDS}, .* 0 to {WORDS - 1}",
    ),
    "a negative token": (lambda: generate(_MODEL, [[-1]]), "Prompt 1 has the token -1"),
    "too long": (lambda: generate(_MODEL, [[1] * 100]), "Prompt 1 has 100 tokens, and 128 more do not fit"),
    "one prompt of tokens": (lambda: generate(_MODEL, [1, 2]), "Prompt 1 is 1, which is neither a text nor"),
    "half a token": (lambda: generate(_MODEL, [[1.5]]), r"Prompt 1 is \[1.5\], which is neither a text nor"),
    "no samples": (lambda: generate(_MODEL, [[1]], Sampling(max_new_tokens=1), samples=0), "samples is 0"),
    "sample numbers of other prompts": (
        lambda: SpeculativeGeneration().generate(_MODEL, [[1], [2]], Sampling(max_new_tokens=1), samples=[0]),
        "samples has 1 sample numbers, and there are 2 prompts",
    ),
    "no batch": (lambda: SpeculativeGeneration(batch=0), "A batch has 1 text or more"),
    "no room": (lambda: TextCache(most=0), "A cache of texts holds 1 text or more"),
    "no language model": (lambda: generate(nn.Linear(2, 2), [[1]]), "Linear is no transformers model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_generated_is_refused_in_a_sentence(name: str) -> None:
    call, sentence = REFUSED[name]
    with pytest.raises(AscError, match=sentence):
        call()


def bart() -> nn.Module:
    from transformers import BartConfig, BartForCausalLM

    size: dict[str, Any] = {"d_model": 16, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}
    return BartForCausalLM(BartConfig(vocab_size=WORDS, **size, max_position_embeddings=64, is_encoder_decoder=False))


def openai() -> nn.Module:
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    return OpenAIGPTLMHeadModel(OpenAIGPTConfig(vocab_size=WORDS, n_embd=16, n_layer=1, n_head=2, n_positions=64))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (bart, "gives other logits for a block of several texts .* which is no rounding"),  # takes no positions
        (openai, "does not take blocks of several texts with a key-value cache"),
    ],
)
def test_a_model_whose_texts_would_be_wrong_is_refused(shape: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        generate(made(shape), prompts(2), Sampling(max_new_tokens=4))


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # within peft
def test_a_model_with_learnt_prompts_is_refused_and_one_with_lora_is_not() -> None:
    peft = pytest.importorskip("peft")
    lora = peft.LoraConfig(task_type="CAUSAL_LM", r=2, lora_dropout=0.5)
    found = generate(peft.get_peft_model(made(llama), lora).train(), prompts(2), Sampling(max_new_tokens=4))
    assert tokens(found) == tokens(generate(made(llama), prompts(2), Sampling(max_new_tokens=4)))
    learnt = peft.get_peft_model(made(llama), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2))
    with pytest.raises(AscError, match="puts learnt tokens before each pass"):
        generate(learnt, prompts(2), Sampling(max_new_tokens=4))


def test_positions_that_depend_on_the_longest_text_are_refused() -> None:
    from transformers import Phi3Config, Phi3ForCausalLM

    factors = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    scaling = {"type": "longrope", "rope_type": "longrope", **factors}
    config = Phi3Config(**SMALL, **WIDTHS, pad_token_id=0, original_max_position_embeddings=24, rope_scaling=scaling)
    model = Phi3ForCausalLM(config)
    assert generate(model, [[1] * 16], Sampling(max_new_tokens=8)).counts.tokens
    with pytest.raises(AscError, match="Prompt 1 has 16 tokens, and 9 more do not fit into the model's 24 positions"):
        generate(model, [[1] * 16], Sampling(max_new_tokens=9))


def test_a_model_of_images_and_texts_generates_texts() -> None:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    vision = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = Gemma3Config(
        text_config={**SMALL, **WIDTHS, "head_dim": 8, "sliding_window": 6, "pad_token_id": 0},
        vision_config={**vision, "image_size": 8, "patch_size": 4},
        mm_tokens_per_image=4,
    )
    model = Gemma3ForConditionalGeneration(config).eval()
    found = generate(model, [[1, 2, 3], [4]], Sampling(max_new_tokens=4)).texts[0].tokens
    ids = torch.tensor([[1, 2, 3]])
    plain = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False, pad_token_id=0)
    assert found == plain[0, 3:].tolist()


def test_a_model_with_a_state_is_refused() -> None:
    from transformers import MambaConfig, MambaForCausalLM

    model = MambaForCausalLM(MambaConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, state_size=2))
    with pytest.raises(AscError, match="a state that a rejected draft could not be taken out of"):
        generate(model, [[1]])


def test_logits_that_are_no_numbers_are_an_error_and_not_a_text() -> None:
    model = made(gpt2)
    next(model.parameters()).data.fill_(torch.nan)
    for temperature in (0.0, 1.0):
        with pytest.raises(AscError, match="logits are not all numbers"):
            generate(model, [[1, 2]], Sampling(max_new_tokens=4, temperature=temperature))
    assert model.training


class TestFile:
    """A cache of texts in a file."""

    def filled(self, path: Path, asked: Sequence[Sequence[int]]) -> Generated:
        return generate(_MODEL, asked, Sampling(max_new_tokens=12), cache=TextCache(path))

    def test_texts_are_drafts_in_the_next_process(self, tmp_path: Path) -> None:
        path, asked = tmp_path / "texts" / "cache.jsonl", prompts(4)
        first = self.filled(path, asked)
        cache = TextCache(path)
        assert len(cache) == 4
        assert [text.tokens for text in cache] == [tuple(text) for text in tokens(first)]
        again = self.filled(path, asked)
        assert tokens(again) == tokens(first)
        assert again.counts.aligned == again.counts.tokens

    def test_whatever_is_in_the_file_the_texts_are_right(self, tmp_path: Path) -> None:
        path, asked = tmp_path / "cache.jsonl", prompts(4)
        first = tokens(self.filled(path, asked))
        lines = path.read_bytes().splitlines(keepends=True)
        entry = json.loads(lines[1])
        for damage in (
            [*lines[:-1], lines[-1][:-9]],
            [*lines, b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"{}\n", b"null\n"],
            [*lines, json.dumps({**entry, "tokens": [1, True]}).encode() + b"\n"],
            [*lines, json.dumps({**entry, "tokens": [10**30, -1]}).encode() + b"\n"],
            [*lines, json.dumps({**entry, "tokens": [WORDS + 5] * 9}).encode() + b"\n"],
            [*lines, *(json.dumps({**entry, "moved": far}).encode() + b"\n" for far in (1e999, 10**400, -(10**400)))],
            [lines[0], lines[2], lines[1]],
        ):
            path.write_bytes(b"".join(damage))
            assert tokens(self.filled(path, asked)) == first
            assert tokens(self.filled(path, asked)) == first
            assert len(TextCache(path)) == 4

    def test_a_file_that_is_deleted_or_interrupted_is_written_anew(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "cache.jsonl"
        cache = TextCache(str(path))
        texts = [{((number,), 0, None): Earlier((number,))} for number in range(4)]
        cache.put(texts[0])
        path.unlink()
        cache.put(texts[1])
        assert len(TextCache(path)) == 2

        def cut(file: Path, *_: Any, **__: Any) -> Any:
            with open(file, "ab") as stream:
                stream.write(b'{"key": ')
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", cut)
            with pytest.raises(KeyboardInterrupt):
                cache.put(texts[2])
        cache.put(texts[3])
        again = TextCache(path)
        assert len(again) == 4
        assert not again.remarks
        assert [each.name for each in tmp_path.iterdir()] == ["cache.jsonl"]

    def test_texts_of_two_processes_are_all_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "cache.jsonl"
        TextCache(path).put({((9,), 0, None): Earlier((9,))})
        one, other = TextCache(path), TextCache(path)
        for number in range(4):
            (one, other)[number % 2].put({((number,), 0, None): Earlier((number,) * 5000)})
        assert len(TextCache(path)) == 5

    def test_a_file_that_cannot_be_named_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(AscError, match=r"cannot be read: .*\. Name another file"):
            TextCache(tmp_path / ("x" * 400))

    def test_a_file_of_something_else_is_refused_and_kept(self, tmp_path: Path) -> None:
        other = tmp_path / "notes.txt"
        other.write_text("my notes\n", encoding="utf-8")
        with pytest.raises(AscError, match=r"notes\.txt is no cache of texts"):
            TextCache(other)
        assert other.read_text(encoding="utf-8") == "my notes\n"
        with pytest.raises(AscError, match="is no file"):
            TextCache(tmp_path)

    def test_texts_of_another_model_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "cache.jsonl"
        self.filled(path, prompts(1))
        with pytest.raises(AscError, match=r"holds texts of another model \(llama, .*\), not of this one \(gpt2"):
            generate(made(gpt2), prompts(1), Sampling(max_new_tokens=2), cache=TextCache(path))

    def test_the_oldest_texts_are_dropped_from_memory_and_from_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "cache.jsonl"
        cache = TextCache(path, most=3)
        for number in range(20):
            cache.put({((number,), 0, None): Earlier((number,))})
        assert [text.tokens for text in cache] == [(17,), (18,), (19,)]
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 2 * 3 + 1
        assert len(TextCache(path, most=3)) == 3

    def test_a_file_that_cannot_be_written_is_told_and_the_texts_stay(self, tmp_path: Path) -> None:
        cache = TextCache(tmp_path / "cache.jsonl")
        cache.put({((1,), 0, None): Earlier((2,))})
        (tmp_path / "cache.jsonl").unlink()
        (tmp_path / "cache.jsonl").mkdir()
        cache.put({((2,), 0, None): Earlier((3,))})
        assert len(cache) == 2
        (sentence,) = cache.remarks
        assert "was not written" in sentence
