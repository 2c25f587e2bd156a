"""Generation with drafts from the texts of earlier checkpoints: `python benchmarks/generation.py [ROW...]`.

Rows go to results/generation.json. `every 50` and `every 25`: a tuned training of gpt2-micro is evaluated every so many
steps: 64 prompts of 20 to 44 tokens are continued by 128 tokens, greedily and by sampling. `nothing recurs`: other
prompts each time, and fresh noise at a high temperature. `others`: the same work by transformers' `generate`, in a
batch, with prompt lookup and with an assistant, which take one text at a time. `lora`: SmolLM2-135M is fine-tuned by
LoRA, and 16 prompts are continued by 64 tokens every 20 steps. `grpo`: the whole training of
`examples/grpo_arithmetic.py` with drafts and without, epoch by epoch in turns, and with fresh noise.

Each checkpoint's texts are generated with drafts and without, in turn, by one thread, with a cache of keys and values
on both sides; seconds are processor time. All texts are compared. The training itself is in the seconds of `grpo`, and
in no others.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measure import RESULTS, read_rows, with_interval, with_origin, write_result
from torch import nn

from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.speculative import Generated, SpeculativeGeneration

STEPS, PROMPTS, GIVEN, NEW = 600, 64, 32, 128
DECAY = 0.8  # share of a WSD training after which its rate falls
GREEDY, SAMPLED = Sampling(max_new_tokens=NEW), Sampling(max_new_tokens=NEW, temperature=1.0)
NO_ENDS: tuple[int, ...] = ()  # texts of one length: nothing ends early
ALONE = 16  # texts that are generated one at a time
SEEDS, LARGER = range(1, 6), 6  # of GRPO; and epochs with twice as many texts a step
LORA_STEPS, LORA_EVERY, LORA_RATE = 160, 20, 3e-4


class Checkpoint(NamedTuple):
    """A training at a step: the model, and the sum of learning rates so far."""

    step: int
    model: nn.Module
    moved: float


def timed(call: Callable[[], Generated]) -> tuple[Generated, float]:
    """Return what a call returns, and its processor time in seconds."""
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


def trained(every: int, steps: int = STEPS, model: str = "gpt2-micro") -> tuple[Iterator[Checkpoint], torch.Tensor]:
    """Return the checkpoints of a tuned training, every so many steps, and sequences that it does not see."""
    settings: dict[str, Any] = {"model": model, "steps": steps, "preset": "tuned", "batch": 4, "length": 256}
    config = NetworkConfig.model_validate({**settings, "seed": 1, "device": "cpu", "evaluate_every": 10**6})
    backend = NetworkBackend(config)
    computation = backend.computation(plain=True)

    def checkpoints() -> Iterator[Checkpoint]:
        moved = 0.0
        for step in range(every, steps + 1, every):
            computation.advance(every)
            moved += sum(computation.training.rate(at) for at in range(step - every, step))
            yield Checkpoint(step, computation.training.model, moved)

    return checkpoints(), backend.data.test


def cut(sequences: torch.Tensor) -> list[list[int]]:
    """Return the beginnings of sequences as prompts, of 20 to 44 tokens."""
    return [row[: GIVEN + (7 * number) % 25 - 12].tolist() for number, row in enumerate(sequences)]


class Side:
    """One way of generating: its texts and seconds so far."""

    def __init__(self, speculate: bool) -> None:
        self.generation = SpeculativeGeneration(speculate=speculate)
        self.seconds: list[float] = []

    def generate(self, at: Checkpoint, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[list[int]]:
        """Generate at a checkpoint; return the tokens."""
        found, seconds = timed(
            lambda: self.generation.generate(
                at.model, prompts, sampling, position=at.step, moved=at.moved, ends=NO_ENDS
            )
        )
        self.seconds.append(seconds)
        return [text.tokens for text in found.texts]


def compared(
    checkpoints: Iterator[Checkpoint], prompts: Callable[[int], Sequence[Sequence[int]]], samplings: dict[str, Any]
) -> dict[str, Any]:
    """Generate with drafts and without, in turn, at every checkpoint. Prompts and samplings may depend on the step."""
    sides = {name: (Side(True), Side(False)) for name in samplings}
    equal, total, steps = 0, 0, list[int]()
    for number, at in enumerate(checkpoints):
        steps.append(at.step)
        for name, sampling in samplings.items():
            order = sides[name] if number % 2 else sides[name][::-1]
            found = [side.generate(at, prompts(at.step), sampling(at.step)) for side in order]
            equal += sum(one == other for one, other in zip(*found, strict=True))
            total += len(found[0])
    found = {name: _figures(*pair, steps) for name, pair in sides.items()}
    for name, (drafted, plain) in sides.items():
        for side in (drafted, plain):
            side.generate(at, prompts(at.step), samplings[name](at.step))
        found[name]["same_weights_again"] = plain.seconds[-1] / drafted.seconds[-1]
    return {"texts": total, "equal": equal, **found}


def _figures(drafted: Side, plain: Side, steps: Sequence[int]) -> dict[str, Any]:
    """Return the speed-up over all checkpoints, the first aside, which has nothing to draft from."""
    later = range(1, len(steps))
    falling = [n for n in later if steps[n] > DECAY * steps[-1]]

    def speedup(of: Sequence[int]) -> float:
        return sum(plain.seconds[n] for n in of) / sum(drafted.seconds[n] for n in of)

    return {
        "speedup": sum(plain.seconds) / sum(drafted.seconds),
        "in_the_decay": speedup(falling) if falling else None,
        "by_checkpoint": with_interval([plain.seconds[n] / drafted.seconds[n] for n in later]),
        "seconds": {"drafted": sum(drafted.seconds), "plain": sum(plain.seconds)},
        "checkpoints": steps,
        "ratios": [round(a / b, 3) for a, b in zip(plain.seconds, drafted.seconds, strict=True)],
        **_short(drafted.generation.counts),
    }


def _short(counts: Counts) -> dict[str, Any]:
    figures = counts.figures()
    names = ("acceptance_rate", "mean_accepted_length", "passes_saved", "unclear", "plain_passes", "blocks")
    return {name: figures[name] for name in names}


def evaluation(every: int) -> dict[str, Any]:
    """Evaluate a training every so many steps."""
    checkpoints, test = trained(every)
    prompts = test[:PROMPTS, :GIVEN].tolist()
    found = compared(
        checkpoints, lambda _: prompts, {"greedy": partial(_always, GREEDY), "sampled": partial(_always, SAMPLED)}
    )
    speeds = [found[kind]["speedup"] for kind in ("greedy", "sampled")]
    decays = [found[kind]["in_the_decay"] for kind in ("greedy", "sampled")]
    goal = ">= 2 over the run and >= 3 in the decay, all texts equal"
    return {**found, "goal": goal, "met": found["equal"] == found["texts"] and min(speeds) >= 2 and min(decays) >= 3}


def nothing_recurs() -> dict[str, Any]:
    """Other prompts each time; and the same prompts at a high temperature, with fresh noise."""
    checkpoints, test = trained(50)
    rows = torch.arange(PROMPTS)

    def others(step: int) -> Sequence[Sequence[int]]:
        return cut(test[rows % len(test), step // 50 * 16 :])

    def fresh(step: int) -> Sampling:
        return Sampling(max_new_tokens=NEW, temperature=1.5, seed=step)

    found = compared(checkpoints, others, {"other prompts": lambda _: GREEDY})
    checkpoints, _ = trained(50)
    same = cut(test[:PROMPTS])
    found |= {"fresh noise": compared(checkpoints, lambda _: same, {"sampled": fresh})["sampled"]}
    slowest = min(found["other prompts"]["speedup"], found["fresh noise"]["speedup"])
    return {**found, "goal": "<= 3 % slower", "met": slowest >= 0.97}


def others() -> dict[str, Any]:
    """The work of the last checkpoint by transformers' own ways, one text at a time where they take no batch."""
    checkpoints, test = trained(50)
    assistants, _ = trained(STEPS, model="gpt2-nano")
    prompts = test[:ALONE, :GIVEN].tolist()
    texts: list[Checkpoint] = []
    batch, alone = SpeculativeGeneration(), SpeculativeGeneration(batch=1)
    for at in checkpoints:
        if at.step == STEPS:
            texts.append(at)
            break
        for generation in (batch, alone):
            generation.generate(at.model, prompts, GREEDY, moved=at.moved, ends=NO_ENDS)
    (at,) = texts
    model, assistant = at.model.eval(), next(assistants).model.eval()
    plain = SpeculativeGeneration(speculate=False), SpeculativeGeneration(speculate=False, batch=1)

    def ours(generation: SpeculativeGeneration) -> list[list[int]]:
        found = generation.generate(model, prompts, GREEDY, moved=at.moved, ends=NO_ENDS)
        return [text.tokens for text in found.texts]

    def theirs(size: int, **how: Any) -> list[list[int]]:
        found = list[list[int]]()
        for begin in range(0, len(prompts), size):
            ids = torch.tensor(prompts[begin : begin + size])
            usual = {
                "max_new_tokens": NEW,
                "do_sample": False,
                "eos_token_id": None,
                "pad_token_id": 0,
                "use_cache": True,
            }
            made = model.generate(ids, attention_mask=torch.ones_like(ids), **usual, **how)  # type: ignore[operator]
            found += made[:, GIVEN:].tolist()
        return found

    ways: dict[str, Callable[[], list[list[int]]]] = {
        "drafts": lambda: ours(batch),
        "no drafts": lambda: ours(plain[0]),
        "generate": lambda: theirs(len(prompts)),
        "drafts, one text at a time": lambda: ours(alone),
        "no drafts, one text at a time": lambda: ours(plain[1]),
        "generate, one text at a time": lambda: theirs(1),
        "prompt lookup": lambda: theirs(1, prompt_lookup_num_tokens=10),
        "assisted by gpt2-nano": lambda: theirs(1, assistant_model=assistant),
    }
    seconds, found = {}, {}
    for name, way in ways.items():
        began = time.process_time()
        found[name] = way()
        seconds[name] = time.process_time() - began
    same = {name: sum(a == b for a, b in zip(each, found["no drafts"], strict=True)) for name, each in found.items()}
    one = [
        seconds[name] for name in ways if name not in ("drafts", "no drafts", "generate", "drafts, one text at a time")
    ]
    ahead = seconds["drafts"] <= seconds["generate"] and seconds["drafts, one text at a time"] <= min(one)
    return {
        "texts": len(prompts),
        "seconds": seconds,
        "equal_to_no_drafts": same,
        "goal": "ahead of transformers' own ways, in a batch and one text at a time",
        "met": ahead,
    }


def lora() -> dict[str, Any]:
    """SmolLM2-135M, fine-tuned by LoRA at a constant rate, in the loop of `examples/smollm2_lora.py`."""
    example: Any = importlib.import_module("smollm2_lora")
    torch.manual_seed(1)
    model, tokenizer = example.pretrained()
    model = example.adapted(model, 1)
    data = example.sequences(("argparse", "inspect", "typing", "subprocess"), tokenizer, 128)
    test = example.sequences(("statistics",), tokenizer, 128)
    optimizer = torch.optim.AdamW([weights for weights in model.parameters() if weights.requires_grad], lr=LORA_RATE)

    def checkpoints() -> Iterator[Checkpoint]:
        for step in range(1, LORA_STEPS + 1):
            model.train()
            rows = torch.arange(2 * step, 2 * step + 2) % len(data)
            example.loss(model, data[rows]).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % LORA_EVERY == 0:
                yield Checkpoint(step, model, step * LORA_RATE)

    prompts = cut(test[:16])
    kinds = {"greedy": Sampling(max_new_tokens=64), "sampled": Sampling(max_new_tokens=64, temperature=1.0)}
    found = compared(checkpoints(), lambda _: prompts, {name: partial(_always, given) for name, given in kinds.items()})
    slowest = min(found[name]["speedup"] for name in kinds)
    return {**found, "goal": ">= 2, all texts equal", "met": slowest >= 2 and found["equal"] == found["texts"]}


def grpo() -> dict[str, Any]:
    """GRPO with drafts and without, from the same weights, and with fresh noise: speed-up, rewards, what is equal."""
    example: Any = importlib.import_module("grpo_arithmetic")
    runs = [_trained_by_grpo(example, seed) for seed in SEEDS]
    by_seed = [sum(run["seconds"]["plain"]) / sum(run["seconds"]["drafted"]) for run in runs]
    found = {
        "speedup": with_interval(by_seed),
        "after_the_first_epoch": with_interval(
            [sum(run["seconds"]["plain"][1:]) / sum(run["seconds"]["drafted"][1:]) for run in runs]
        ),
        "of_generation_alone": with_interval(
            [sum(run["generating"]["plain"]) / sum(run["generating"]["drafted"]) for run in runs]
        ),
        "twice_the_batch": with_interval(
            [run["twice_the_batch"]["plain"] / run["twice_the_batch"]["drafted"] for run in runs]
        ),
        "share_of_generation": {
            side: sum(sum(run["generating"][side]) for run in runs) / sum(sum(run["seconds"][side]) for run in runs)
            for side in ("plain", "drafted")
        },
        "acceptance_rate": _means([run["acceptance_rate"] for run in runs]),
        "passes_saved": _means([run["passes_saved"] for run in runs]),
        "departed": _means([run["departed"] for run in runs]),
        "reward": {noise: _means([run["reward"][noise] for run in runs]) for noise in ("same", "fresh")},
        "solved": {when: [run["solved"][when] for run in runs] for when in ("before", "same", "fresh")},
    }
    goal = ">= 1.3, interval above 1, all texts and weights equal"
    equal = all(run["equal"] == run["texts"] and run["weights_equal"] for run in runs)
    return {
        "texts": sum(run["texts"] for run in runs),
        "equal": sum(run["equal"] for run in runs),
        "weights_equal": all(run["weights_equal"] for run in runs),
        "seeds": len(runs),
        "trained": found,
        "goal": goal,
        "met": equal and found["speedup"]["median"] >= 1.3 and found["speedup"]["low"] > 1,
    }


def _trained_by_grpo(example: Any, seed: int) -> dict[str, Any]:
    """Train from the same weights with drafts, without, and with fresh noise; and with twice as many texts a step."""
    recipe = example.Recipe(seed=seed)
    taught = example.taught(recipe)
    larger = replace(recipe, sums=2 * recipe.sums, batch=2 * recipe.batch, epochs=LARGER)
    twice = {"drafted": larger, "plain": replace(larger, drafts=False)}
    _, sides = _in_turns(example, taught, twice)
    models, epochs = _in_turns(
        example,
        taught,
        {"drafted": recipe, "plain": replace(recipe, drafts=False), "fresh": replace(recipe, fresh=True)},
    )
    drafted, plain = epochs["drafted"], epochs["plain"]
    texts = [
        (one, other)
        for ours, theirs in zip(drafted, plain, strict=True)
        for one, other in zip(ours.texts, theirs.texts, strict=True)
    ]
    weights = zip(models["drafted"].parameters(), models["plain"].parameters(), strict=True)
    return {
        "texts": len(texts),
        "equal": sum(one == other for one, other in texts),
        "weights_equal": all(torch.equal(one, other) for one, other in weights),
        "twice_the_batch": {name: sum(epoch.seconds for epoch in sides[name]) for name in sides},
        "seconds": {name: [epoch.seconds for epoch in epochs[name]] for name in epochs},
        "generating": {name: [epoch.generating for epoch in epochs[name]] for name in epochs},
        "acceptance_rate": [epoch.counts.acceptance_rate or 0.0 for epoch in drafted],
        "passes_saved": [epoch.counts.passes_saved for epoch in drafted],
        "departed": [epoch.counts.departures / epoch.counts.texts for epoch in drafted],
        "reward": {"same": [epoch.reward for epoch in drafted], "fresh": [epoch.reward for epoch in epochs["fresh"]]},
        "solved": {
            "before": example.solved(taught, 2048),
            "same": example.solved(models["drafted"], 2048),
            "fresh": example.solved(models["fresh"], 2048),
        },
    }


def _in_turns(
    example: Any, taught: nn.Module, recipes: Mapping[str, Any]
) -> tuple[dict[str, nn.Module], dict[str, list[Any]]]:
    """Train from the same weights in several ways, epoch by epoch in turns; return models and epochs by way."""
    models = {name: deepcopy(taught) for name in recipes}
    runs = {
        name: example.reinforced(models[name], example.adam(models[name], each), each) for name, each in recipes.items()
    }
    epochs: dict[str, list[Any]] = {name: [] for name in runs}
    for number in range(next(iter(recipes.values())).epochs):
        for name in list(runs) if number % 2 else list(runs)[::-1]:
            epochs[name].append(next(runs[name]))
    return models, epochs


def _means(series: Sequence[Sequence[float]]) -> list[float]:
    return [round(sum(at) / len(at), 4) for at in zip(*series, strict=True)]


def _always(sampling: Sampling, _: int) -> Sampling:
    return sampling


ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "every 50": partial(evaluation, 50),
    "every 25": partial(evaluation, 25),
    "nothing recurs": nothing_recurs,
    "others": others,
    "lora": lora,
    "grpo": grpo,
}


def main() -> None:
    """Measure the rows that are named, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help="by default all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    command = shlex.join(["python", "benchmarks/generation.py", *sys.argv[1:]])
    known = read_rows("generation", options.results)
    for name in options.rows or ROWS:
        (known[name],) = with_origin([{"row": name, **ROWS[name]()}], command)
        body = {"rows": [known[each] for each in ROWS if each in known], "torch": torch.__version__}
        write_result("generation", body, options.results)
        print(f"{name}: {'met' if known[name]['met'] else 'not met'}")


if __name__ == "__main__":
    main()
