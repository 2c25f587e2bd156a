"""`asc study departures`: two things that the published code does and the paper does not mention, and their effects."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import Tensor

from asc.predictor import Predictor
from asc.study import Study, Table, Tell
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.data import splits
from asc_nn_training.data.corpus import load_corpus
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded
from asc_nn_training.studies import paper
from asc_nn_training.studies.candidates import gate_loss, make_candidate
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.padded_text import PaddedBatches, Passages, passage_losses, split_passages
from asc_nn_training.studies.recipe import FREE, RecipeConfig, backend, with_time_limit
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError

ARMS: Mapping[str, str] = {
    "padded": "one passage a sequence, padding scored",
    "packed": "sequences full of text",
}
TREATMENTS: Mapping[str, str] = {
    "kept": "m, v and the step count stay",
    "reset": "m, v and the step count are zero",
    "zeroed": "m and v are zero, the step count stays, as in the published code",
}
LEAP = 5  # steps of the leap after the loss is stored, as in the published code
AFTER = (1, 2, 5, 10, 25, 50)  # real steps after which updates and losses are measured
_MOST = 20_000  # passages to train on


class Departures(Study):
    """Padding that is scored, and moments that are set to zero after a leap.

    Two trainings start from the same weights: one on passages padded to one length, with a loss that counts the
    padding, and one on packed text. Both are judged on held-out passages with and without padding. From the end of the
    second training, real steps are taken with AdamW's state kept, reset, or set to zero with its step count kept. The
    study measures the size of the first updates and the loss after them, and what momentum predicts from moments that
    are zero.
    """

    class Config(RecipeConfig):
        """Settings of `departures`."""

        steps: int = Field(400, ge=100, description="optimiser steps of each training")
        seed: int = Field(42, ge=0, lt=2**63, description="seed of weights, data order and dropout")

    config: Config

    free = FREE

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Run both trainings, and the trials from the end of the second."""
        journal, until = Journal(folder / JOURNAL), with_time_limit(self.config, stopped)
        try:
            for arm in ARMS:
                if not any(record["arm"] == arm for record in journal):
                    journal.add(self._arm(arm, folder / arm, tell, until))
                shutil.rmtree(folder / arm, ignore_errors=True)  # after the record: half of it cannot be resumed
        except StoppedError:
            return False
        return True

    def _arm(self, arm: str, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> dict[str, Any]:
        config, total = self.config, self.config.steps
        network = backend(config, config.seed)
        tokenizer = network.data.tokenizer
        held_out = split_passages(self._texts["gate"], tokenizer, config.length, config.gate_sequences)
        if arm == "padded":
            train = split_passages(self._texts["train"], tokenizer, config.length, _MOST)
            network.data = network.data._replace(train=PaddedBatches(train.tokens, config.batch, config.seed))
        training = ResumableTraining(
            network,
            folder,
            every_s=config.checkpoint_seconds,
            stopped=stopped,
            report=lambda position: tell(arm, position, total, "training"),
        )
        training.resume()
        training.train_to(total - max(AFTER))  # the trials need the rest of the schedule
        tell(arm, total, total, "trying")
        found = {"arm": arm, **self._losses(network, training, held_out)}
        if arm == "packed":
            found |= {"treatments": _treatments(training), "phantom": _phantom(training.computation)}
        return found

    def _losses(self, network: NetworkBackend, training: ResumableTraining, held_out: Passages) -> dict[str, Any]:
        loop = training.computation.training
        every, text = passage_losses(loop.model, held_out, self.config.batch, loop.autocast)
        return {
            "position": training.computation.position(),
            "padding": held_out.padding,
            "every_position": every,
            "text_only": text,
            "packed": loop.evaluate(network.data.gate.flatten(0, 1)),
        }

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        config = self.config
        corpus = load_corpus(config.data, config.text_column, config.max_bytes, config.encoding)
        return {name: [d.text for d in part] for name, part in splits.split(corpus.documents).items()}

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return one table on padding, and two on moments."""
        records = {record["arm"]: record for record in Journal(folder / JOURNAL)}
        if not records:
            return ()
        found = [self._padding(records)]
        if "packed" in records:
            found += [_updates(records["packed"]), _predicted(records["packed"])]
        return found

    def _padding(self, records: Mapping[str, Mapping[str, Any]]) -> Table:
        rows = tuple(
            (explained, *(f"{records[arm][name]:.3f}" for name in ("every_position", "text_only", "packed")))
            for arm, explained in ARMS.items()
            if arm in records
        )
        some = next(iter(records.values()))
        notes = (
            f"{self.config.model}, seed {self.config.seed}, {some['position']} of {self.config.steps} steps each. "
            f"{some['padding']:.0%} of the positions in held-out passages are padding.",
            "The paper reports 1.616 nats a token for GPT-2 124M and 0.810 for Qwen 2.5-1.5B after 2,000 steps, with "
            "padding scored.",
        )
        columns = ("trained on", "passages, padding scored", "passages, text only", "packed text")
        return Table("padding", "Held-out loss, nats a token", columns, rows, notes)

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the journal's records."""
        return {"arms": {record["arm"]: record for record in Journal(folder / JOURNAL)}}


def _treatments(training: ResumableTraining) -> dict[str, Any]:
    """Take real steps after each treatment; the training stays as it is. Raises StoppedError between two of them."""
    computation, found = training.computation, dict[str, Any]()
    for name in TREATMENTS:
        training.check()
        sizes, losses = [], []
        with computation.excursion():
            _treat(computation, name)
            for step in range(1, max(AFTER) + 1):
                before, rate = computation.weights.copy(), computation.training.rate(computation.position())
                computation.training.step()
                if step in AFTER:
                    sizes.append(_size(before, computation.weights.copy(), rate))
                    computation.changed()
                    losses.append(gate_loss(computation))
        found[name] = {"update": sizes, "loss": losses}
    return found


def _treat(computation: TrainingComputation, name: str) -> None:
    """Change AdamW's state by one of `TREATMENTS`."""
    for state in computation.training.optimizer.state.values():
        for key, value in state.items():
            if name == "reset" or (name == "zeroed" and key != "step"):
                value.zero_()


def _size(before: Sequence[Tensor], after: Sequence[Tensor], rate: float) -> float:
    """Return the mean absolute change of a coordinate, in learning rates."""
    moved = sum(float((a - b).abs().double().sum()) for a, b in zip(after, before, strict=True))
    return moved / rate / sum(a.numel() for a in after)


def _phantom(computation: TrainingComputation) -> dict[str, Any]:
    """Do as the published code: store the loss, leap, set the moments to zero, and predict by published momentum."""
    stored = gate_loss(computation)
    with computation.excursion():
        _predict(computation, Momentum(), LEAP).put(computation.weights, computation.present())
        computation.changed()
        _treat(computation, "zeroed")
        after = gate_loss(computation)
        coded = MomentumAsCoded(MomentumAsCoded.Config(snapshot_dtype="float32"))  # half precision is not the question
        states = {str(horizon): _predict(computation, coded, horizon) for horizon in paper.HORIZONS}
        predicted = {horizon: gate_loss(computation, state) for horizon, state in states.items()}
    return {"stored": stored, "after": after, "predicted": predicted}


def _predict(computation: TrainingComputation, predictor: Predictor, horizon: int) -> Any:
    """Return the state that a predictor predicts from the present weights."""
    candidate = make_candidate(computation, predictor, horizon, (computation.observe(),))
    assert candidate is not None
    return candidate.state


def _updates(record: Mapping[str, Any]) -> Table:
    kept = record["treatments"]["kept"]["loss"]
    rows = tuple(
        (
            name,
            *(f"{size:.2f}" for size in record["treatments"][name]["update"][:3]),
            *(f"{loss - base:+.4f}" for loss, base in zip(record["treatments"][name]["loss"], kept, strict=True)),
        )
        for name in TREATMENTS
    )
    columns = (
        "AdamW's state",
        *(f"update {step}" for step in AFTER[:3]),
        *(f"loss after {step}" for step in AFTER),
    )
    notes = (
        f"From step {record['position']}. update: mean absolute change of a weight in that step, in learning rates. "
        "loss: the held-out loss minus that with the state kept, after the same number of real steps. With a kept step "
        "count of t, the first update after zeroing is up to 0.1/√(0.001/(1 - 0.999^t)) learning rates.",
        *(f"{name}: {explained}." for name, explained in TREATMENTS.items()),
    )
    return Table("moments", "Real steps after a change of AdamW's state", columns, rows, notes)


def _predicted(record: Mapping[str, Any]) -> Table:
    phantom = record["phantom"]
    rows = tuple(
        (
            int(horizon),
            *(f"{value:.6f}" for value in (loss, phantom["after"], phantom["stored"])),
            "yes" if loss < phantom["stored"] else "no",
        )
        for horizon, loss in phantom["predicted"].items()
    )
    notes = (
        f"As in the published code, a loss is stored, a leap of K = {LEAP} by corrected momentum is applied, m and v "
        "are set to zero, and published momentum predicts from there. Its prediction does not move the weights at all, "
        "and is compared with the loss stored before the leap.",
    )
    columns = ("K", "predicted loss", "loss after the leap", "loss stored before the leap", "strictly accepted")
    return Table("phantom", "Momentum from zeroed moments", columns, rows, notes)
