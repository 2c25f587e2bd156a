"""Reinforcement learning whose rollouts have drafts: a tiny GPT-2 adds up six digits, by GRPO.

The model is first taught by worked examples, some of them with mistakes, so it is right now and then. Then it gets a
reward wherever its final number is right. The prompts recur in each epoch, and a text mostly begins as the one that the
same prompt gave an epoch before. So that text is a draft, and one pass verifies a block of it. With `--no-drafts`, the
rollouts and the training are the same token by token, and only the seconds differ.

The noise of a rollout follows from seed, prompt, sample and position, so it is the same in each epoch. `--fresh` takes
other noise in each epoch, as is usual; then there is no earlier text. Look at the seconds, and at both rewards: that of
the rollouts rises with either noise. Whether other sums are solved more often, with noise that the training has not
seen, is another question: so small a model with so few prompts mostly learns these prompts.

The rate is the best of a small sweep over 2e-5, 3e-5, 1e-4 and 3e-4: the reward rises more slowly at 2e-5, it falls at
first at 1e-4, and at 3e-4 the model forgets what it was taught.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from asc_nn_training.generation import Counts, Sampling, SpeculativeGeneration

SYMBOLS = "0123456789+=;:."  # each is a token
TERMS, LONGEST = 6, 64  # digits of a sum, and tokens of the longest text


@dataclass(frozen=True)
class Recipe:
    """A training by GRPO."""

    lessons: int = 700  # steps of supervised learning beforehand
    mistakes: float = 0.15  # share of the steps of examples that are wrong
    sums: int = 64  # prompts, which recur in each epoch
    batch: int = 4  # prompts of a step
    group: int = 8  # texts of a prompt, whose rewards are compared
    epochs: int = 20
    rate: float = 3e-5
    clip: float = 0.2  # of the ratio of probabilities
    updates: int = 1  # of a batch
    exam: int = 512  # other sums, which tell what is learnt
    fresh: bool = False  # other noise in each epoch
    drafts: bool = True
    seed: int = 0


def quick(recipe: Recipe) -> Recipe:
    """Return a training of seconds, which learns nothing: to see that it runs."""
    return replace(recipe, lessons=20, sums=4, batch=2, epochs=2, exam=8)


class Epoch(NamedTuple):
    """What an epoch gave and took; seconds are processor time."""

    reward: float  # mean of its texts
    seconds: float
    generating: float  # of the seconds
    counts: Counts
    texts: list[list[int]]


def encoded(text: str) -> list[int]:
    """Return a text as tokens."""
    return [SYMBOLS.index(symbol) for symbol in text]


def decoded(tokens: Sequence[int]) -> str:
    """Return tokens as a text."""
    return "".join(SYMBOLS[token] for token in tokens)


def sums(count: int, seed: int) -> list[list[int]]:
    """Draw sums of digits from 1 to 9."""
    rng = random.Random(seed)
    return [[rng.randint(1, 9) for _ in range(TERMS)] for _ in range(count)]


def prompt(terms: Sequence[int]) -> list[int]:
    """Return the tokens of a prompt, such as `7+5+8+3+9+6:`."""
    return encoded("+".join(map(str, terms)) + ":")


def worked(terms: Sequence[int], mistakes: float, rng: random.Random) -> list[int]:
    """Return the tokens of an answer step by step, `7+5=12;12+8=20;...;32+6=38.`; some steps are wrong by one."""
    steps, total = list[str](), terms[0]
    for term in terms[1:]:
        right = total + term
        wrong = rng.choice((-1, 1)) if rng.random() < mistakes else 0
        steps.append(f"{total}+{term}={right + wrong}")
        total = right + wrong
    return encoded(";".join(steps) + ".")


def reward(terms: Sequence[int], answer: Sequence[int]) -> float:
    """Return 1 if the final number is right, else 0."""
    return float(decoded(answer).endswith(f"={sum(terms)}."))


def network() -> nn.Module:
    """Make a GPT-2 of 105,000 weights."""
    from transformers import GPT2Config, GPT2LMHeadModel  # noqa: PLC0415 -- seconds to import

    shape = {"vocab_size": len(SYMBOLS), "n_positions": LONGEST, "n_embd": 64, "n_layer": 2, "n_head": 4}
    shape["activation_function"] = "gelu_pytorch_tanh"
    no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(**shape, **no_dropout, bos_token_id=0, eos_token_id=SYMBOLS.index(".")))


def answer_log_probabilities(model: nn.Module, texts: Sequence[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each token but the first, and whether it is one of an answer: (texts, tokens)."""
    tokens = pad_sequence([torch.tensor(given + answer) for given, answer in texts], batch_first=True)
    own = pad_sequence(
        [torch.tensor([0] * len(given) + [1] * len(answer)) for given, answer in texts], batch_first=True
    )
    logits = model(input_ids=tokens).logits[:, :-1]
    return -functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none"), own[:, 1:].float()


def taught(recipe: Recipe) -> nn.Module:
    """Make a network, and teach it by worked examples: right now and then, as reinforcement learning needs it."""
    torch.manual_seed(recipe.seed)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, recipe.lessons)
    rng = random.Random(recipe.seed)
    for step in range(recipe.lessons):
        given = sums(32, seed=1_000_000 * (1 + recipe.seed) + step)
        texts = [(prompt(terms), worked(terms, recipe.mistakes, rng)) for terms in given]
        likely, own = answer_log_probabilities(model, texts)
        optimizer.zero_grad()
        (-(likely * own).sum() / own.sum()).backward()
        optimizer.step()
        falling.step()
    return model


def sampling(seed: int) -> Sampling:
    """Return how texts are sampled: from the model as it is."""
    return Sampling(max_new_tokens=LONGEST - 2 * TERMS, temperature=1.0, seed=seed)


def solved(model: nn.Module, count: int) -> float:
    """Return the share of other sums that the model solves, with noise that no training has seen."""
    given = sums(count, seed=10**9)
    found = SpeculativeGeneration().generate(model, [prompt(terms) for terms in given], sampling(seed=10**9))
    return sum(reward(given[text.prompt], text.tokens) for text in found.texts) / count


def advantages(rewards: Tensor) -> Tensor:
    """Return how much better each text is than its group, in standard deviations: (prompts, group)."""
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


def adam(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the optimiser of a training by GRPO."""
    return torch.optim.Adam(model.parameters(), lr=recipe.rate)


def reinforced(
    model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, stepped: Callable[[], object] = lambda: None
) -> Iterator[Epoch]:
    """Train by GRPO; yield each epoch. `stepped` is called after each step."""
    generation = SpeculativeGeneration(speculate=recipe.drafts)
    given, order, moved = sums(recipe.sums, recipe.seed), random.Random(recipe.seed), 0.0
    for number in range(recipe.epochs):
        began, generating, counts = time.process_time(), 0.0, Counts()
        seed = recipe.seed + (1 + number if recipe.fresh else 0)
        rewards, texts = list[float](), list[list[int]]()
        order.shuffle(given)
        for start in range(0, len(given), recipe.batch):
            asked = given[start : start + recipe.batch]
            clock = time.process_time()
            prompts = [prompt(terms) for terms in asked]
            found = generation.generate(model, prompts, sampling(seed), samples=recipe.group, moved=moved)
            generating += time.process_time() - clock
            counts.add(found.counts)
            got = torch.tensor([reward(asked[text.prompt], text.tokens) for text in found.texts])
            learn(model, optimizer, [(prompts[text.prompt], text.tokens) for text in found.texts], got, recipe)
            stepped()
            moved += recipe.rate * recipe.updates
            rewards += got.tolist()
            texts += [text.tokens for text in found.texts]
        yield Epoch(sum(rewards) / len(rewards), time.process_time() - began, generating, counts, texts)


def learn(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    texts: Sequence[tuple[list[int], list[int]]],
    rewards: Tensor,
    recipe: Recipe,
) -> None:
    """Make the texts likelier that are better than their group, and the others less likely."""
    better = advantages(rewards.view(-1, recipe.group)).view(-1, 1)
    before: Tensor | None = None
    for _ in range(recipe.updates):
        likely, own = answer_log_probabilities(model, texts)
        before = likely.detach() if before is None else before
        ratio = (likely - before).exp()
        clipped = ratio.clamp(1 - recipe.clip, 1 + recipe.clip)
        gains = torch.minimum(ratio * better, clipped * better)
        optimizer.zero_grad()
        (-((gains * own).sum(1) / own.sum(1)).mean()).backward()
        optimizer.step()


def main(recipe: Recipe) -> None:
    torch.set_num_threads(1)  # faster for a network this small
    model = taught(recipe)
    print(f"After {recipe.lessons} lessons, {solved(model, recipe.exam):.0%} of other sums are solved.")
    print("epoch  reward  seconds  of which generating  accepted of drafts  passes saved")
    total = generating = 0.0
    for number, epoch in enumerate(reinforced(model, adam(model, recipe), recipe), 1):
        rate, saved = epoch.counts.acceptance_rate, epoch.counts.passes_saved or 0.0
        print(
            f"{number:5}  {epoch.reward:6.3f}  {epoch.seconds:7.2f}  {epoch.generating / epoch.seconds:19.0%}"
            f"  {'none' if rate is None else f'{rate:.0%}':>18}  {saved:12.0%}",
            flush=True,
        )
        total, generating = total + epoch.seconds, generating + epoch.generating
    print(f"{total:.1f} seconds of processor time, {generating / total:.0%} of them in generation.")
    print(f"Now {solved(model, recipe.exam):.0%} of other sums are solved.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="GRPO whose rollouts have drafts.")
    parser.add_argument("--no-drafts", action="store_true", help="generate token by token")
    parser.add_argument("--fresh", action="store_true", help="take other noise in each epoch")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--rate", type=float, default=Recipe.rate)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--quick", action="store_true", help="see in seconds that it runs")
    given = parser.parse_args()
    chosen = Recipe(
        epochs=given.epochs, rate=given.rate, seed=given.seed, fresh=given.fresh, drafts=not given.no_drafts
    )
    main(quick(chosen) if given.quick else chosen)
