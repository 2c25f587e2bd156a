"""Speculation in loops that somebody else owns: by hand, by Trainer, by Accelerate on two processes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc.types import Boundary
from asc_nn_training import Speculation, SpeculationCallback
from asc_nn_training.integrations.callback import batch_losses

Batch = tuple[Tensor, Tensor]


def batch(seed: int) -> Batch:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: Batch) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


class Loop:
    """A training that is nobody's in particular: BatchNorm, dropout, a frozen layer."""

    def __init__(self, **settings: Any) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 2)
        )
        self.model[4].requires_grad_(False)
        self.optimizer = torch.optim.AdamW([p for p in self.model.parameters() if p.requires_grad], lr=1e-3)
        gate = [batch(10_000 + i) for i in range(8)]
        usual = {"every": 5, "horizons": (5, 20), "overdraft": 0.5}
        self.speculation = Speculation(self.model, self.optimizer, gate=gate, loss=loss, **{**usual, **settings})
        self.done: list[Boundary] = []

    def run(self, first: int, last: int) -> Loop:
        for step in range(first, last):
            value = loss(self.model, batch(step)).mean()
            self.optimizer.zero_grad()
            value.backward()
            self.optimizer.step()
            done = self.speculation.step(value)
            if done is not None:
                self.done.append(done)
        return self

    def weights(self) -> dict[str, Tensor]:
        return deepcopy(self.model.state_dict())


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def test_leaps_are_taken_and_told() -> None:
    loop = Loop().run(0, 200)
    assert loop.speculation.position == 200
    assert all(done.position % 5 == 0 for done in loop.done)
    leaps = [leap for done in loop.done for leap in done.leaps]
    assert len(leaps) == loop.speculation.report()["leaps"] > 0
    assert loop.speculation.report()["warnings"] == []


def test_a_silent_predictor_changes_nothing() -> None:
    """Buffers, dropout's random numbers and the frozen layer included."""
    with_it = Loop(predictors=["quadratic"], snapshots=2).run(0, 60)  # it needs three
    torch.manual_seed(0)
    plain = Loop(every=1000).run(0, 60)
    assert equal(with_it.weights(), plain.weights())


@pytest.mark.parametrize("cache", [{}, {"dtype": "bfloat16"}, {"device_bytes": 0}])
@pytest.mark.parametrize("stop", [52, 63, 93])
def test_going_on_from_a_state_ends_the_same(cache: dict[str, Any], stop: int) -> None:
    whole = Loop(cache=cache).run(0, 120)
    first = Loop(cache=cache).run(0, stop)
    saved = deepcopy(
        {
            "model": first.model.state_dict(),
            "optimizer": first.optimizer.state_dict(),
            "speculation": first.speculation.state_dict(),
            "random": torch.get_rng_state(),
        }
    )
    second = Loop(cache=cache)
    second.model.load_state_dict(saved["model"])
    second.optimizer.load_state_dict(saved["optimizer"])
    second.speculation.load_state_dict(saved["speculation"])
    torch.set_rng_state(saved["random"])
    assert equal(second.run(stop, 120).weights(), whole.weights())
    spent = [loop.speculation.engine.ledger.spent for loop in (second, whole)]
    assert spent[0] == pytest.approx(spent[1])
    torch.set_rng_state(saved["random"])  # to have been saved costs nothing
    assert first.run(stop, 120).speculation.engine.ledger.spent == whole.speculation.engine.ledger.spent


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"predictors": ["liner"]}, "linear"),
        ({"leap": {"leap_schedule": "advance"}}, "takes all its steps"),
        ({"recognizer": "activation-cosine"}, "needs fingerprint"),
    ],
)
def test_what_does_not_suit_is_said(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(AscError, match=said):
        Loop(**settings)


def test_a_fingerprint_brings_regimes() -> None:
    probes = batch(77)[0]
    loop = Loop(fingerprint=lambda model: model[:4](probes), probe_size=16).run(0, 60)
    assert {done.label for done in loop.done} & {"stable", "transition", "chaotic"}


def trainer_in(folder: Path, stop: int | None = None, **settings: Any) -> Any:
    """Make a `transformers.Trainer` for a language model of a few hundred weights."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_training_stop |= state.global_step == stop

    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=20, n_positions=8, n_layer=1, n_embd=16, n_head=2, bos_token_id=0, eos_token_id=0)
    )
    rows = [{"input_ids": (torch.arange(8) + i) % 20, "labels": (torch.arange(8) + i) % 20} for i in range(64)]
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=60,
        per_device_train_batch_size=8,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **{"save_strategy": "no", **settings},
    )
    return Trainer(model=model, args=arguments, train_dataset=rows, eval_dataset=rows[:32], callbacks=[Stop()])


def trained(folder: Path, resume: bool = False, stop: int | None = None, **settings: Any) -> SpeculationCallback:
    """Train it with speculation."""
    trainer = trainer_in(folder, stop, **settings)
    callback = SpeculationCallback(trainer, gate_batches=4, every=10, horizons=(10,), overdraft=1.0, step_size=64)
    trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=resume)
    return callback


def test_a_trainer_takes_one_line(tmp_path: Path) -> None:
    callback = trained(tmp_path)
    report = callback.report()
    assert report["position"] == 60
    assert report["leaps"] > 0


def test_a_trainer_that_takes_no_leap_ends_as_without_the_callback(tmp_path: Path) -> None:
    """With dropout, whose generator a loader of held-out batches draws from as well."""
    ends = []
    for speculate in (False, True):
        trainer = trainer_in(tmp_path)
        if speculate:
            strict = {"name": "held-out-loss", "criterion": "strict"}  # standing still is never better
            usual = {"gate_batches": 4, "every": 10, "horizons": (10,), "overdraft": 1.0, "step_size": 64}
            callback = SpeculationCallback(trainer, predictors=["last-value"], validator=strict, **usual)
            trainer.add_callback(callback)
        trainer.train()
        ends.append([parameter.detach().clone() for parameter in trainer.model.parameters()])
    assert callback.report()["leaps"] == 0
    assert callback.report()["ledger"]["validate"]["count"] > 0
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))


def test_a_trainer_s_losses_are_known_step_by_step(tmp_path: Path) -> None:
    """Although it logs none of them; two batches a step are one loss, their mean."""
    callback = trained(tmp_path, gradient_accumulation_steps=2, logging_strategy="no")
    assert callback.speculation is not None
    losses = callback.speculation.computation.progress.losses
    assert len(set(losses)) == len(losses) == 60
    assert 2.5 < losses[0] < 3.5  # a uniform guess of 20 has 3.0


def test_a_trainer_that_is_resumed_speculates_on(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    trained(tmp_path / "cut", stop=30, save_strategy="steps", save_steps=30)
    rest = trained(tmp_path / "cut", resume=True, save_strategy="steps", save_steps=30)
    assert whole.speculation is not None
    assert rest.speculation is not None
    assert rest.report()["position"] == 60
    assert rest.report()["leaps"] == whole.report()["leaps"]
    assert rest.speculation.computation.digest() == whole.speculation.computation.digest()


class Answer:
    """What a transformers model answers with."""

    def __init__(self, loss: Tensor, logits: Tensor) -> None:
        self.loss, self.logits = loss, logits


def test_a_model_s_own_loss_tells_how_its_labels_are_meant() -> None:
    """One loss a sequence for models of the next token and of the present one; the batch's for all others."""
    torch.manual_seed(2)
    logits, labels = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    labels[0, 3:] = -100

    def mean(shift: int) -> Tensor:
        return nn.functional.cross_entropy(logits[:, : 5 - shift].flatten(0, 1), labels[:, shift:].flatten())

    class Model(nn.Module):
        def __init__(self, answer: Answer) -> None:
            super().__init__()
            self.answer = answer

        def forward(self, **batch: Tensor) -> Answer:
            return self.answer

    for shift in (0, 1):
        found = batch_losses(Model(Answer(mean(shift), logits)), {"labels": labels})
        alone = nn.functional.cross_entropy(logits[1, : 5 - shift], labels[1, shift:])
        assert found.shape == (3,)
        assert torch.allclose(found[1], alone)
    other = batch_losses(Model(Answer(torch.tensor(9.0), logits)), {"labels": labels})
    assert other.tolist() == [9.0]
    many = batch_losses(Model(Answer(torch.tensor(0.5), torch.randn(4, 2))), {"labels": torch.ones(4, 2)})
    assert many.tolist() == [0.5]


def test_as_many_snapshots_are_kept_as_predictors_look_back_on() -> None:
    loop = Loop(predictors=["quadratic"], overdraft=5.0).run(0, 60)
    assert len(loop.speculation.engine.trajectory.snapshots()) <= 3
    assert any(attempt.outcome.value in ("accepted", "rejected") for done in loop.done for attempt in done.attempts)


def test_a_predictor_named_twice_is_said() -> None:
    with pytest.raises(AscError, match="linear is named twice"):
        Loop(predictors=["linear", {"name": "linear"}])


@pytest.mark.parametrize("kind", ["groups", "adam"])
def test_momentum_of_another_optimiser_is_refused_in_a_sentence(kind: str) -> None:
    loop = Loop(predictors=["momentum"], overdraft=5.0)
    if kind == "groups":
        loop.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))], "lr": 0.5})
    else:
        trainable = [p for p in loop.model.parameters() if p.requires_grad]
        loop.optimizer = torch.optim.Adam(trainable, lr=1e-3, weight_decay=0.1)
        loop.speculation._loop.optimizer = loop.optimizer
    loop.run(0, 30)
    (warning,) = loop.speculation.report()["warnings"]
    assert "one learning rate for all parameters" in warning
    assert "such as linear" in warning


DISTRIBUTED = """
import hashlib, json, pathlib, sys, torch
from accelerate import Accelerator
from torch import nn
from asc_nn_training import Speculation

def batch(seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()

def loss(model, given):
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")

accelerator = Accelerator(cpu=True)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model, optimizer = accelerator.prepare(model, optimizer)
rank = accelerator.process_index
gate = [batch(10_000 + 100 * rank + i) for i in range(8 + rank)]  # neither the same data nor as much
speculation = Speculation(model, optimizer, gate=gate, loss=loss, every=5, horizons=(5, 20), overdraft=0.5)
leaps = []
for step in range(100):
    value = loss(model, batch(2 * step + rank)).mean()
    optimizer.zero_grad()
    accelerator.backward(value)
    optimizer.step()
    done = speculation.step(value)
    if step == 63 and rank == 0:
        speculation.state_dict()  # as whoever saves on the first rank alone does
    if done is not None:
        leaps.append((done.position, [leap.source for leap in done.leaps], [a.outcome.value for a in done.attempts]))
digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
said = hashlib.sha256(repr(leaps).encode()).hexdigest()
found = [digest, said, speculation.report()["leaps"], accelerator.num_processes]
pathlib.Path(sys.argv[1], f"rank{rank}.json").write_text(json.dumps(found))
accelerator.end_training()
"""


def test_a_trainer_without_held_out_data_is_said(tmp_path: Path) -> None:
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    trainer = Trainer(model=nn.Linear(2, 2), args=arguments, train_dataset=[])
    with pytest.raises(AscError, match="the trainer has no eval_dataset: give it one"):
        SpeculationCallback(trainer)


def test_two_ranks_decide_alike(tmp_path: Path) -> None:
    """DistributedDataParallel over gloo, prepared by Accelerate, with other data on each rank."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(DISTRIBUTED))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    found = subprocess.run(
        [*command, str(script), str(tmp_path)], capture_output=True, text=True, timeout=200, check=False
    )
    ranks = sorted(tmp_path.glob("rank*.json"))
    assert len(ranks) == 2, found.stderr
    first, second = (json.loads(path.read_text()) for path in ranks)
    assert first == second
    assert first[2] > 0
    assert first[3] == 2
