"""Speculation in Lightning: by a callback of its Trainer, and in a loop by Fabric."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import forked
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from asc.errors import AscError
from asc.plugins import Plugins

lightning = pytest.importorskip("lightning.pytorch")
from lightning.pytorch.loggers import CSVLogger  # noqa: E402
from torchmetrics.classification import MulticlassAccuracy  # noqa: E402

from asc_nn_training import LightningSpeculation, attach  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # about loaders, devices, and files that Lightning finds
USUAL: dict[str, Any] = {"every": 5, "horizons": (5, 20), "overdraft": 1.0}


def data(count: int, seed: int) -> TensorDataset:
    x = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, (x[:, :3].sum(1) > 0).long())


class Module(lightning.LightningModule):  # type: ignore[misc,name-defined]
    """What people write: dropout, a metric, logged values, outputs that are collected for the end of the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 2))
        self.accuracy = MulticlassAccuracy(2)
        self.collected: list[float] = []
        self.by_kind: dict[str, list[int]] = {"labels": []}
        self.seen = 0
        self.total = torch.zeros(())

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        scores = self.net(x)
        loss = nn.functional.cross_entropy(scores, y)
        self.accuracy(scores, y)
        self.log("accuracy", self.accuracy, on_step=False, on_epoch=True)
        self.log_dict({"train_loss": loss}, on_step=True)
        self.collected.append(loss.item())
        self.by_kind["labels"].append(int(y[0]))
        self.seen += len(x)
        self.total += loss.detach()
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val_loss", nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


class TwoOptimizers(Module):
    """Manual optimisation, as of a GAN: every second batch trains the other part."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.other = nn.Linear(6, 2)
        self.losses: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        first = batch_idx % 2 == 0
        optimizer = self.optimizers()[0 if first else 1]
        loss = nn.functional.cross_entropy((self.net if first else self.other)(batch[0]), batch[1])
        if first:
            self.losses.append(loss.item())
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.AdamW(part.parameters(), lr=1e-3) for part in (self.net, self.other)]


def sample_loss(module: nn.Module, batch: Any) -> Tensor:
    return nn.functional.cross_entropy(module.net(batch[0]), batch[1], reduction="none")


def fit(
    module: Any,
    *callbacks: Any,
    folder: Path,
    resume: Path | None = None,
    steps: int = 60,
    held_out: Any = True,
    **settings: Any,
) -> Any:
    """Train with Lightning's Trainer."""
    torch.manual_seed(0)
    usual = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "num_sanity_val_steps": 0}
    trainer = lightning.Trainer(
        max_steps=steps,
        accelerator="cpu",
        callbacks=list(callbacks),
        default_root_dir=folder,
        enable_model_summary=False,
        log_every_n_steps=5,
        **{**usual, **settings},
    )
    validation = DataLoader(data(128, 2), batch_size=16) if held_out is True else held_out
    trainer.fit(module, DataLoader(data(320, 1), batch_size=16), validation, ckpt_path=resume)
    return trainer


def fresh(kind: type[Module] = Module) -> Module:
    torch.manual_seed(0)
    return kind()


def equal(left: nn.Module, right: nn.Module) -> bool:
    others = right.state_dict()
    return all(torch.equal(value, others[name]) for name, value in left.state_dict().items())


def rows(folder: Path) -> list[dict[str, str]]:
    (file,) = folder.rglob("metrics.csv")
    with file.open() as lines:
        return list(csv.DictReader(lines))


@pytest.mark.integration("Lightning", "Trainer(callbacks=[LightningSpeculation()])", "works")
def test_a_lightning_trainer_takes_one_callback(tmp_path: Path) -> None:
    """Leaps are judged by the loss of `training_step`; the figures are in the trainer's log."""
    callback = LightningSpeculation(**USUAL)
    trainer = fit(fresh(), callback, folder=tmp_path, logger=CSVLogger(tmp_path))
    report = callback.report()
    assert report["position"] == trainer.global_step == 60
    assert report["leaps"] > 0
    assert report["warnings"] == []
    assert len(callback.attached.speculation.computation.progress.losses) == 60
    marks = [row for row in rows(tmp_path) if row["asc/leap"]]
    assert sum(float(row["asc/leap"]) for row in marks) == report["leaps"]
    assert float(marks[-1]["asc/acceptance_rate"]) == report["acceptance_rate"]
    assert float(marks[-1]["asc/leaps"]) == report["leaps"]


def test_the_loss_that_judges_is_that_of_the_training_step(tmp_path: Path) -> None:
    """Of each of the samples, evenly spaced in the validation set; in evaluation mode."""
    module, callback = fresh(), LightningSpeculation(every=1000, gate_samples=8)
    fit(module, callback, folder=tmp_path, steps=1)
    found = callback.attached.speculation.computation.score(None, 0)
    module.eval()
    x, y = data(128, 2).tensors
    expected = nn.functional.cross_entropy(module.net(x[::64]), y[::64], reduction="none")
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


@pytest.mark.integration("Lightning", "accumulate_grad_batches, precision bf16-mixed", "works")
def test_micro_batches_make_one_step(tmp_path: Path) -> None:
    module, callback = fresh(), LightningSpeculation(**{**USUAL, "overdraft": 100.0})
    trainer = fit(module, callback, folder=tmp_path, steps=20, accumulate_grad_batches=2, precision="bf16-mixed")
    assert callback.report()["position"] == trainer.global_step == 20
    losses = callback.attached.speculation.computation.progress.losses
    pairs = zip(module.collected[::2], module.collected[1::2], strict=True)
    assert losses == pytest.approx([(one + other) / 2 for one, other in pairs], rel=1e-2)
    assert callback.attached.speculation.computation._costs.step_tokens == 32  # two batches of 16 samples


def test_a_training_whose_candidates_are_rejected_ends_as_without_speculation(
    tmp_path: Path, rejecting: Plugins
) -> None:
    """Weights, the module's records, metrics and logs included."""
    ends = []
    for name in ("plain", "speculating"):
        module, own = fresh(), []
        if name == "speculating":
            own = [LightningSpeculation(validator="reject", plugins=rejecting, **USUAL)]
        fit(module, *own, folder=tmp_path, logger=CSVLogger(tmp_path / name))
        logged = [{key: value for key, value in row.items() if "asc/" not in key} for row in rows(tmp_path / name)]
        logged = [row for row in logged if set(row.values()) - {row["step"], row["epoch"], ""}]
        ends.append((module, logged))
    assert own[0].report()["outcomes"]["rejected"] > 0
    (plain, plain_log), (other, log) = ends
    assert equal(plain, other)
    assert (plain.collected, plain.by_kind, plain.seen) == (other.collected, other.by_kind, other.seen)
    assert torch.equal(plain.total, other.total)
    assert plain_log == log


@pytest.mark.integration("Lightning", "torch.compile(module)", "works")
def test_a_compiled_module_is_judged(tmp_path: Path) -> None:
    class Plain(Module):
        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])  # Lightning's log cannot be compiled

    module, callback = fresh(Plain), LightningSpeculation(**USUAL)
    fit(torch.compile(module, backend="eager"), callback, folder=tmp_path, steps=30)
    assert callback.report()["outcomes"]["accepted"] > 0
    assert callback.report()["warnings"] == []


@pytest.mark.integration("Lightning", "resumed from a Lightning checkpoint, weights_only", "works")
def test_a_resumed_lightning_training_continues_to_speculate(tmp_path: Path) -> None:
    whole, callback = fresh(), LightningSpeculation(**USUAL)
    fit(whole, callback, folder=tmp_path, steps=40)
    cut = fit(fresh(), LightningSpeculation(**USUAL), folder=tmp_path, steps=20)
    kept = tmp_path / "cut.ckpt"
    cut.save_checkpoint(kept)
    random = torch.get_rng_state()

    class Continue(lightning.Callback):  # type: ignore[misc,name-defined]
        """Lightning does not restore torch's generator."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            torch.set_rng_state(random)

    torch.load(kept, weights_only=True)
    rest, again = fresh(), LightningSpeculation(**USUAL)
    fit(rest, again, Continue(), folder=tmp_path, steps=40, resume=kept)
    assert again.report()["position"] == 40
    assert again.report()["leaps"] == callback.report()["leaps"] > 0
    assert again.report()["warnings"] == []
    assert equal(rest, whole)


def test_a_checkpoint_without_speculation_is_remarked(tmp_path: Path) -> None:
    kept = tmp_path / "plain.ckpt"
    fit(fresh(), folder=tmp_path, steps=5).save_checkpoint(kept)
    callback = LightningSpeculation(**USUAL)
    fit(fresh(), callback, folder=tmp_path, steps=10, resume=kept)
    assert callback.report()["position"] == 10
    assert "The trainer's checkpoint has no speculation state to resume from." in callback.report()["warnings"]


@pytest.mark.integration("Lightning", "manual optimisation, several optimisers, with loss= or score=", "works")
def test_a_module_with_manual_optimisation_is_judged_by_a_given_loss(tmp_path: Path) -> None:
    """The chosen optimiser's losses only."""
    module = fresh(TwoOptimizers)
    callback = LightningSpeculation(optimizer=0, loss=sample_loss, **{**USUAL, "overdraft": 100.0})
    fit(module, callback, folder=tmp_path, steps=40)
    assert callback.report()["position"] == 20
    assert callback.attached.speculation.computation.progress.losses == pytest.approx(module.losses)


@pytest.mark.integration("Lightning", "manual optimisation, without loss= and score=", "refused")
def test_a_module_with_manual_optimisation_is_refused_without_a_loss(
    tmp_path: Path, integration_refusal: Callable[[object], None]
) -> None:
    with pytest.raises(AscError, match=r"has manual optimisation.* give LightningSpeculation a loss=") as refused:
        fit(fresh(TwoOptimizers), LightningSpeculation(optimizer=0), folder=tmp_path)
    integration_refusal(refused.value)


@pytest.mark.integration("Lightning", "several optimisers, none of them named", "refused")
def test_one_of_several_optimisers_is_to_be_named(
    tmp_path: Path, integration_refusal: Callable[[object], None]
) -> None:
    with pytest.raises(AscError, match=r"The module has 2 optimisers.* optimizer=NUMBER, from 0 to 1\.") as refused:
        fit(fresh(TwoOptimizers), LightningSpeculation(loss=sample_loss), folder=tmp_path)
    integration_refusal(refused.value)


@pytest.mark.integration("Lightning", "no validation loader and no gate", "refused")
def test_a_trainer_without_held_out_data_is_refused(
    tmp_path: Path, integration_refusal: Callable[[object], None]
) -> None:
    with pytest.raises(AscError, match="the trainer has no validation loader") as refused:
        fit(fresh(), LightningSpeculation(), folder=tmp_path, held_out=None)
    integration_refusal(refused.value)


def test_a_step_that_takes_an_iterator_is_refused(tmp_path: Path) -> None:
    class FromIterator(Module):
        def training_step(self, dataloader_iter: Any) -> Tensor:
            batch, batch_idx, _ = next(dataloader_iter)
            return super().training_step(batch, batch_idx)

    with pytest.raises(AscError, match="takes batches from an iterator, and cannot judge one batch"):
        fit(fresh(FromIterator), LightningSpeculation(), folder=tmp_path)


def test_a_gate_of_one_s_own_and_a_stream_of_batches_judge(tmp_path: Path) -> None:
    class Stream(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return iter(DataLoader(data(128, 2), batch_size=16))

    gate: Iterable[Any] = DataLoader(data(64, 5), batch_size=8)
    streamed = LightningSpeculation(**USUAL)
    fit(fresh(), streamed, folder=tmp_path, steps=10, held_out=DataLoader(Stream(), batch_size=None))
    own = LightningSpeculation(gate, loss=sample_loss, **USUAL)
    fit(fresh(), own, folder=tmp_path, steps=10, held_out=None)
    scored = LightningSpeculation(gate, score=lambda module, batch: -sample_loss(module, batch), **USUAL)
    fit(fresh(), scored, folder=tmp_path, steps=10, held_out=None)
    sizes = [len(each.attached.speculation.computation.score(None, 0)) for each in (streamed, own, scored)]
    assert sizes == [2, 16, 16]
    assert own.report()["outcomes"] == scored.report()["outcomes"]


def test_a_training_that_raises_ends_the_speculation(tmp_path: Path) -> None:
    class Broken(Module):
        def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 3:
                raise RuntimeError("broken")

    module, callback = fresh(Broken), LightningSpeculation(**USUAL)
    with pytest.raises(RuntimeError, match="broken"):
        fit(module, callback, folder=tmp_path)
    assert callback.report()["position"] == 4
    attach(module, callback._optimizer, gate=[data(8, 1).tensors, data(8, 2).tensors], loss=sample_loss).close()


def test_without_lightning_the_callback_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "lightning.py").write_text("raise ImportError('no such package')")
    (tmp_path / "program.py").write_text("from asc_nn_training import LightningSpeculation")
    found = forked.run([tmp_path / "program.py"], tmp_path)
    assert (
        "LightningSpeculation needs the package lightning, which cannot be imported (no such package)" in found.stderr
    )
    assert "pip install 'asc-nn-training[lightning]'" in found.stderr


@pytest.mark.integration("Fabric", "fabric.setup(model, optimizer), precision bf16-mixed", "works")
def test_a_fabric_loop_is_attached_to(tmp_path: Path) -> None:
    """The wrappers of model and optimiser are looked through."""
    from lightning.fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    model = fresh().net
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model, optimizer = fabric.setup(model, optimizer)
    loader = fabric.setup_dataloaders(DataLoader(data(320, 1), batch_size=16))
    gate = DataLoader(data(64, 5), batch_size=8)

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")

    attached = attach(model, optimizer, gate=gate, loss=loss, **USUAL)
    for _ in range(3):
        for batch in loader:
            value = loss(model, batch).mean()
            optimizer.zero_grad()
            fabric.backward(value)
            attached.note(value)
            optimizer.step()
    assert attached.position == 60
    assert attached.report()["leaps"] > 0
