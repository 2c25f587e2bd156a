"""The page "Integrations": its programs run, and its table is that of tests that ran."""

from __future__ import annotations

import json
import runpy
import textwrap
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import run_ranks
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).parents[3]
SNIPPETS = ROOT / "docs" / "snippets" / "integrations"
PAGE = ROOT / "docs" / "integrations.md"
RESULT = ROOT / "benchmarks" / "results" / "integrations.json"
STEPS = 120
works = pytest.mark.integration


def snippet(name: str) -> dict[str, Any]:
    return runpy.run_path(str(SNIPPETS / f"{name}.py"))


def pair(seed: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(16, 6, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :3].sum(1) > 0).long()


def pairs(first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    return islice(map(pair, count(first)), STEPS)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


def language_model() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "n_positions": 8, "n_layer": 1, "n_embd": 16, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
    model.loss_type = "ForCausalLM"
    return model


def text(number: int) -> dict[str, Tensor]:
    row = (torch.arange(8) + number) % 20
    return {"input_ids": row, "labels": row}


def texts(samples: int, size: int = 4) -> DataLoader[Any]:
    return DataLoader([text(number) for number in range(samples)], batch_size=size)  # type: ignore[arg-type]


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=1e-3)


def judged(report: dict[str, Any]) -> None:
    """Check that the training took its steps, and that candidates were judged."""
    assert report["position"] == STEPS
    assert report["acceptance_rate"] is not None


@works("plain loop", "Speculation: one call after each step", "works")
def test_the_plain_loop_runs() -> None:
    model = network()
    judged(snippet("plain_loop")["train"](model, adam(model.parameters()), pairs(), list(pairs(1000))[:8], loss))


@works("plain loop", "stopped and resumed, by state_dict() and load_state_dict()", "works")
def test_a_loop_is_saved_and_loaded(tmp_path: Path) -> None:
    from asc_nn_training import Speculation

    made = []
    for _ in range(2):
        model = network()
        optimizer = adam(model.parameters())
        speculation = Speculation(model, optimizer, gate=[pair(1000), pair(1001)], loss=loss)
        made.append((model, optimizer, speculation))
    (model, optimizer, speculation), others = made
    for batch in pairs():
        optimizer.zero_grad()
        value = loss(model, batch).mean()
        value.backward()
        optimizer.step()
        speculation.step(value)
    used = snippet("resumed_loop")
    used["save"](tmp_path / "saved.pt", model, optimizer, speculation)
    used["load"](tmp_path / "saved.pt", *others)
    assert others[2].position == STEPS
    assert others[2].report()["outcomes"] == speculation.report()["outcomes"]


def test_an_unchanged_loop_is_attached_to() -> None:
    model = language_model()
    judged(snippet("attached")["train"](model, adam(model.parameters()), texts(4 * STEPS), texts(32)))


def test_a_gan_is_attached_to() -> None:
    def losses(generator: nn.Module, critic: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        made, real = critic(generator(batch[0])), critic(batch[0][:, :2])
        return nn.functional.softplus(-made).mean(), nn.functional.softplus(made - real).mean()

    generator, critic = network(), nn.Linear(2, 1)
    optimizers = adam(generator.parameters()), adam(critic.parameters())
    judged(snippet("gan")["train"](generator, critic, *optimizers, pairs(), list(pairs(1000))[:8], losses))


def test_a_loop_of_accelerate_runs() -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState

    model = language_model()
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    try:
        train = snippet("accelerate_loop")["train"]
        judged(train(accelerator, model, adam(model.parameters()), texts(8 * STEPS), texts(32)))
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


@pytest.mark.filterwarnings("ignore")
def test_a_training_of_lightning_runs(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return loss(self.net, batch).mean()

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val_loss", loss(self.net, batch).mean())

        def configure_optimizers(self) -> Any:
            return adam(self.parameters())

    inputs, labels = (torch.cat(parts) for parts in zip(*pairs(), strict=True))
    loaders = [DataLoader(TensorDataset(inputs, labels), batch_size=16) for _ in range(2)]
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    settings = {"accelerator": "cpu", "max_steps": STEPS, "default_root_dir": tmp_path, **quiet}
    judged(snippet("lightning_trainer")["train"](Module(), *loaders, **settings))


def arguments(folder: Path, kind: Any = None, **more: Any) -> Any:
    from transformers import TrainingArguments

    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "bf16": False}
    sizes = {"max_steps": STEPS, "per_device_train_batch_size": 4, "learning_rate": 1e-3}
    return (kind or TrainingArguments)(output_dir=str(folder), **quiet, **sizes, **more)


@pytest.mark.parametrize("name", ["trainer", "own_compute_loss"])
def test_a_training_of_transformers_runs(name: str, tmp_path: Path) -> None:
    rows = [text(number) for number in range(64)]
    judged(snippet(name)["train"](language_model(), arguments(tmp_path), rows, rows[:32]))


def test_loops_read_out(tmp_path: Path) -> None:
    """At the end, what is saved has the weights that were picked, and the model its live ones."""
    model, file = network(), tmp_path / "read-out.pt"
    named = snippet("read_outs")["train"](model, adam(model.parameters()), pairs(), list(pairs(1000))[:8], loss, file)
    same = torch.equal(torch.load(file)["0.weight"], model[0].weight)
    assert same is (named == "live weights")


def test_a_training_of_transformers_reads_out(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    rows, model, folder = [text(number) for number in range(64)], language_model(), tmp_path / "read-out"
    settings = arguments(tmp_path, lr_scheduler_type="constant")
    named = snippet("trainer_read_outs")["train"](model, settings, rows, rows[:32], folder)
    saved, live = load_file(folder / "model.safetensors"), model.state_dict()
    same = all(torch.equal(saved[name], live[name]) for name in saved)
    assert same is (named == "live weights")


@works("PEFT", "LoRA in a loop of your own, attach", "works")
@pytest.mark.filterwarnings("ignore")  # PEFT about GPT-2, and transformers about PEFT
def test_adapters_leap() -> None:
    pytest.importorskip("peft")
    model = language_model()
    before = model.transformer.h[0].mlp.c_fc.weight.detach().clone()
    judged(snippet("peft_lora")["train"](model, adam, texts(4 * STEPS), texts(32)))
    assert torch.equal(model.transformer.h[0].mlp.c_fc.base_layer.weight, before)


@pytest.mark.filterwarnings("ignore")
def test_trainings_of_trl_run(tmp_path: Path) -> None:
    """In one test, because TRL takes seconds to import."""
    trl = pytest.importorskip("trl")
    from . import test_trl as trained

    tokenizer = trained.tokenizer.__wrapped__()
    prompts = trained.dataset(lambda number: {"prompt": trained.counting(number, 3)})
    generating = {"num_generations": 4, "max_completion_length": 4}
    for name, kind, rows, given, more in (
        ("sft", trl.SFTConfig, trained.dataset(trained.texts), [], {"max_length": 32}),
        ("dpo", trl.DPOConfig, trained.dataset(trained.preferences), [trained.language_model()], {"max_length": 32}),
        ("grpo", trl.GRPOConfig, prompts, [trained.reward], generating),
    ):
        settings = arguments(tmp_path / name, kind, **more)
        settings.max_steps = 51  # after the first boundary
        report = snippet(name)["train"](trained.language_model(), *given, settings, tokenizer, rows, rows)
        assert report["position"] == 51
        assert report["outcomes"]
    report = snippet("grpo_rollouts")["train"](trained.language_model(), trained.reward, settings, tokenizer, rows)
    assert report["train"]["texts"] == 4 * 51


RANKS = """
import json, pathlib, runpy, sys, torch
from importlib.util import find_spec
from torch import distributed, nn
from torch.utils.data import DataLoader
snippets, folder = map(pathlib.Path, sys.argv[1:])

def pair(seed):
    x = torch.randn(16, 6, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :3].sum(1) > 0).long()

def loss(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")

def adam(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3)

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))

def train(name):
    return runpy.run_path(str(snippets / f"{name}.py"))["train"]

def shown(report):
    return [report[key] for key in ("position", "acceptance_rate", "leaps", "outcomes")]

def found(name, *blocks):
    model = network()
    given = [[model[number] for number in blocks]] if blocks else []
    gate = [pair(1000 + number) for number in range(8)]
    batches = (pair(2 * step + rank) for step in range(120))
    return shown(train(name)(model, *given, adam, batches, gate, loss))

def by_lightning():
    import lightning.pytorch

    class Module(lightning.pytorch.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network()

        def training_step(self, batch, batch_idx):
            return loss(self.net, batch).mean()

        def validation_step(self, batch, batch_idx):
            pass

        def configure_optimizers(self):
            return adam(self.parameters())

    samples = [(x, y) for number in range(240) for x, y in zip(*pair(number))]
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    two = {"accelerator": "cpu", "strategy": "ddp", "devices": 2, "max_steps": 120}
    loaders = [DataLoader(samples, batch_size=16), DataLoader(samples[:128], batch_size=16)]
    return shown(train("lightning_trainer")(Module(), *loaders, **two, **quiet))

distributed.init_process_group("gloo")
rank = distributed.get_rank()
results = {"ddp": found("ddp"), "fsdp2": found("fsdp2", 0, 2)}
if find_spec("lightning") is not None:
    results["lightning"] = by_lightning()
(folder / f"{rank}.json").write_text(json.dumps(results))
distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes found; all trainings share one launch."""
    folder = tmp_path_factory.mktemp("ranks")
    script = folder / "train.py"
    script.write_text(textwrap.dedent(RANKS))
    done = run_ranks([script, SNIPPETS, folder], folder)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def alike(ranks: list[dict[str, Any]], name: str) -> list[Any]:
    """Check that all ranks did the same, and judged candidates; return what they did."""
    first, second = (rank[name] for rank in ranks)
    assert first == second
    assert first[0] == STEPS
    assert first[1] is not None
    return first


def test_loops_on_two_processes_run(ranks: list[dict[str, Any]]) -> None:
    assert alike(ranks, "ddp") == alike(ranks, "fsdp2")


@works("Lightning", "two processes, strategy ddp", "works")
def test_lightning_trains_on_two_processes(ranks: list[dict[str, Any]]) -> None:
    pytest.importorskip("lightning")
    alike(ranks, "lightning")


def tables() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))


def test_the_table_is_that_of_the_tests_that_ran() -> None:
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert tables()["integrations"](result) in PAGE.read_text(encoding="utf-8")


def test_every_marked_test_has_its_row(request: pytest.FixtureRequest) -> None:
    """`python benchmarks/integrations.py` writes the table again."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    rows = {(row["where"], row["what"], row["outcome"]) for row in result["rows"]}
    marked = {marker.args[:3] for item in request.session.items for marker in item.iter_markers("integration")}
    assert marked - rows == set()
    gone = [row["test"] for row in result["rows"] if row["test"].split("::")[1] not in source(row["test"])]
    assert gone == []


def source(test: str) -> str:
    return (ROOT / test.partition("::")[0]).read_text(encoding="utf-8")


def test_every_program_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [path.name for path in SNIPPETS.glob("*.py") if f"snippets/integrations/{path.name}" not in page] == []


def test_a_refusal_says_what_to_do() -> None:
    """Each sentence of the table is whole, and names nothing of the machine on which the test ran."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    sentences = [row["sentence"] for row in result["rows"] if row["outcome"] == "refused"]
    assert [sentence for sentence in sentences if not sentence.endswith(".") or "/tmp" in sentence] == []
