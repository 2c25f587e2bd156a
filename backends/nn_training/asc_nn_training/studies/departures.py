"""`asc study departures`: two things that the published code does and its paper does not say, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import Tensor

from asc.computation import Predictor
from asc.study import Table, Tell
from asc.trajectory import SegmentHistory
from asc.types import Plan
from asc_nn_training.backend import NetworkBackend, Session
from asc_nn_training.data import splits
from asc_nn_training.data.corpus import load_corpus
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded
from asc_nn_training.studies import paper
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.lock import alone
from asc_nn_training.studies.passages import PaddedBatches, Passages, losses, passages
from asc_nn_training.studies.recipe import FREE, JUDGING, RecipeConfig, backend, limited
from asc_nn_training.studies.walk import StoppedError, Walk
from asc_nn_training.weights.proposal import Proposal

ARMS: Mapping[str, str] = {
    "padded": "one passage a sequence, padding scored",
    "packed": "sequences full of text",
}
TREATMENTS: Mapping[str, str] = {
    "kept": "m, v and the step count stay",
    "reset": "m, v and the step count are zero",
    "zeroed": "m and v are zero, the step count stays, as in the published code",
}
LEAP = 5  # steps of the leap before which a loss is stored, as in the published code
AFTER = (1, 2, 5, 10, 25, 50)  # real steps after which to look
_MOST = 20_000  # passages to train on


class DeparturesConfig(RecipeConfig):
    """Settings of `departures`."""

    steps: int = Field(400, ge=100, description="optimiser steps of each training")
    seed: int = Field(42, ge=0, description="what weights, data order and dropout are drawn from")


class Departures:
    """Padding that is scored, and moments that are zeroed after a leap.

    Two trainings from the same weights, one on passages padded to length whose padding counts in the loss, one on
    packed text; both are judged on held-out passages with padding counted and without. From the second's end, real
    steps with AdamW's state kept, reset, or zeroed with its step count kept: how far the first updates go, and what
    becomes of the loss. And what momentum predicts from moments that are zero.
    """

    Config = DeparturesConfig
    free = FREE

    def __init__(self, config: DeparturesConfig | None = None) -> None:
        self.config = config or DeparturesConfig()

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Do both trainings and what is tried from the second."""
        journal, until = Journal(folder / JOURNAL), limited(self.config, stopped)
        with alone(folder):
            try:
                for arm in ARMS:
                    if not any(record["arm"] == arm for record in journal):
                        journal.add(self._arm(arm, folder / arm, tell, until))
            except StoppedError:
                return False
        return True

    def _arm(self, arm: str, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> dict[str, Any]:
        config, total = self.config, self.config.steps
        made = backend(config, config.seed)
        texts = self._texts
        held_out = passages(texts["gate"], made.data.tokenizer, config.length, config.gate_sequences)
        if arm == "padded":
            train = passages(texts["train"], made.data.tokenizer, config.length, _MOST)
            made.data = made.data._replace(train=PaddedBatches(train.tokens, config.batch, config.seed))
        walk = Walk(
            made,
            folder,
            every_s=config.checkpoint_seconds,
            stopped=stopped,
            tell=lambda position: tell(arm, position, total, "training"),
        )
        walk.go_on()
        walk.to(total - max(AFTER))  # the moments' part needs some steps of the schedule to go on with
        tell(arm, total, total, "trying")
        found = {"arm": arm, **self._scored(made, walk.session, held_out)}
        if arm == "packed":
            found |= {"treatments": _treatments(walk), "phantom": _phantom(walk.session)}
        walk.clear()
        return found

    def _scored(self, made: NetworkBackend, session: Session, held_out: Passages) -> dict[str, Any]:
        training = session.training
        every, text = losses(training.model, held_out, self.config.batch, training.autocast)
        gate = training.evaluate(made.data.gate.flatten(0, 1))
        return {
            "position": session.position(),
            "padding": held_out.padding,
            "every_position": every,
            "text_only": text,
            "packed": gate,
        }

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        corpus = load_corpus(self.config.data, self.config.text_column, self.config.max_bytes)
        return {name: [d.text for d in part] for name, part in splits.split(corpus.documents).items()}

    def tables(self, folder: Path) -> Sequence[Table]:
        """One for padding, two for moments."""
        records = {record["arm"]: record for record in Journal(folder / JOURNAL)}
        if not records:
            return ()
        found = [self._padding(records)]
        if "packed" in records:
            found += [_updates(records["packed"]), _predicted(records["packed"])]
        return found

    def _padding(self, records: Mapping[str, Mapping[str, Any]]) -> Table:
        rows = tuple(
            (told, *(f"{records[arm][name]:.3f}" for name in ("every_position", "text_only", "packed")))
            for arm, told in ARMS.items()
            if arm in records
        )
        some = next(iter(records.values()))
        notes = (
            f"{self.config.model}, seed {self.config.seed}, {some['position']} of {self.config.steps} steps each; "
            f"{some['padding']:.0%} of the positions of held-out passages are padding.",
            "The paper reports 1.616 nats a token for GPT-2 124M and 0.810 for Qwen 2.5-1.5B after 2,000 steps, with "
            "padding scored.",
        )
        columns = ("trained on", "passages, padding scored", "passages, text only", "packed text")
        return Table("padding", "Held-out loss, nats a token", columns, rows, notes)

    def data(self, folder: Path) -> Mapping[str, Any]:
        """What was written down."""
        return {"arms": {record["arm"]: record for record in Journal(folder / JOURNAL)}}

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Nothing that tables do not tell."""
        return []


def _treatments(walk: Walk) -> dict[str, Any]:
    """Real steps from here by each treatment; the training stays as it is. Raises StoppedError between two of them."""
    session, found = walk.session, dict[str, Any]()
    for name in TREATMENTS:
        walk.check()
        sizes, read = [], []
        with session.excursion():
            _treat(session, name)
            for step in range(1, max(AFTER) + 1):
                before, rate = session.weights.copy(), session.training.rate(session.position())
                session.training.step()
                if step in AFTER:
                    sizes.append(_size(before, session.weights.copy(), rate))
                    session.changed()
                    read.append(float(session.score(None, JUDGING).mean()))
        found[name] = {"update": sizes, "loss": read}
    return found


def _treat(session: Session, name: str) -> None:
    """Do to AdamW's state what one of `TREATMENTS` says."""
    for state in session.training.optimizer.state.values():
        for key, value in state.items():
            if name == "reset" or (name == "zeroed" and key != "step"):
                value.zero_()


def _size(before: Sequence[Tensor], after: Sequence[Tensor], rate: float) -> float:
    """Mean absolute change of a coordinate, in learning rates."""
    moved = sum(float((a - b).abs().double().sum()) for a, b in zip(after, before, strict=True))
    return moved / rate / sum(a.numel() for a in after)


def _phantom(session: Session) -> dict[str, Any]:
    """Store the loss, leap, zero the moments, and ask the published momentum for candidates: the code's first pass."""
    stored = float(session.score(None, JUDGING).mean())
    with session.excursion():
        _predicted_by(session, Momentum(), LEAP).put(session.weights, session.present())
        session.changed()
        _treat(session, "zeroed")
        after = float(session.score(None, JUDGING).mean())
        coded = MomentumAsCoded(
            MomentumAsCoded.Config(snapshot_dtype="float32")
        )  # what half precision does is not asked
        proposals = {str(horizon): _predicted_by(session, coded, horizon) for horizon in paper.HORIZONS}
        predicted = {horizon: float(session.score(each, JUDGING).mean()) for horizon, each in proposals.items()}
    return {"stored": stored, "after": after, "predicted": predicted}


def _predicted_by(session: Session, predictor: Predictor, horizon: int) -> Proposal:
    """Return the weights that a predictor names from here."""
    history = (session.observe(),)
    prediction = predictor.predict(SegmentHistory(history, session), horizon)
    candidate = prediction and session.materialise(prediction, history, Plan("momentum", horizon))
    assert candidate is not None
    proposal: Proposal = candidate.state
    return proposal


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
        f"From step {record['position']}. Updates: mean absolute change of a weight in that step, in learning rates. "
        "Losses: less that with the state kept, after as many real steps. A kept count of t makes the first update "
        "after zeroing up to 0.1/√(0.001/(1 - 0.999^t)) learning rates.",
        *(f"{name}: {told}." for name, told in TREATMENTS.items()),
    )
    return Table("moments", "Real steps after AdamW's state was treated", columns, rows, notes)


def _predicted(record: Mapping[str, Any]) -> Table:
    phantom = record["phantom"]
    rows = tuple(
        (int(horizon), f"{loss:.6f}", f"{phantom['after']:.6f}", f"{phantom['stored']:.6f}", _accepts(loss, phantom))
        for horizon, loss in phantom["predicted"].items()
    )
    notes = (
        f"A loss is stored, a leap of K = {LEAP} by corrected momentum is applied, m and v are zeroed, and published "
        "momentum predicts from there: it does not move at all, and is compared with the loss from before the leap.",
    )
    columns = ("K", "predicted loss", "loss after the leap", "loss stored before it", "strictly accepted")
    return Table("phantom", "Momentum from zeroed moments", columns, rows, notes)


def _accepts(loss: float, phantom: Mapping[str, Any]) -> str:
    return "yes" if loss < phantom["stored"] else "no"
