"""`asc study departures`: padding that is scored and moments that are zeroed, against known answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.backend import NetworkComputation
from asc_nn_training.data.tokenizer import Tokenizer
from asc_nn_training.studies import paper
from asc_nn_training.studies.candidates import gate_loss
from asc_nn_training.studies.departures import AFTER, ARMS, TREATMENTS, Departures
from asc_nn_training.studies.journal import Journal
from asc_nn_training.studies.padded_text import PaddedBatches, Passages, passage_losses, split_passages
from asc_nn_training.studies.recipe import backend

STEPS = 100
HERE = STEPS - max(AFTER)  # the position at which both trainings end, and the trials start
END = 9


class Words(Tokenizer):
    """Each word is a token number already."""

    def __init__(self) -> None:
        super().__init__(None, END, END + 1)

    def encode(self, texts: Sequence[str]) -> list[Any]:
        return [np.array([int(word) for word in text.split()], np.uint32) for text in texts]


class Bigrams(nn.Module):
    """Predicts each token from the one before; with dropout, so that modes differ."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(END + 1, END + 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, batch: Tensor) -> Tensor:
        found: Tensor = self.dropout(self.table(batch))
        return found


TEXTS = ["1 2 3 4 5 6 7 8\n\n1 2\n\n\n\n5 6 7 8", "2 2 2 2 2"]


class TestPassages:
    def test_each_is_cut_at_the_length_and_padded_with_the_end_token(self) -> None:
        found = split_passages(TEXTS, Words(), 6, most=100)
        assert found.tokens.dtype == torch.int64
        assert found.tokens.tolist() == [[1, 2, 3, 4, 5, 6], [5, 6, 7, 8, END, END], [2, 2, 2, 2, 2, END]]
        assert found.mask.sum(1).tolist() == [6, 4, 5]
        assert (found.tokens == END).eq(~found.mask).all()
        assert found.padding == pytest.approx(3 / 18)

    def test_no_more_are_taken_than_asked_for(self) -> None:
        """Of the first three pieces one is too short."""
        assert len(split_passages(TEXTS, Words(), 6, most=3).tokens) == 2

    @pytest.mark.parametrize(("texts", "count"), [([], 0), (["1 2 3 4"], 1), (["1 2 3 4\n\n1 2 3"], 1)])
    def test_too_few_are_an_error(self, texts: list[str], count: int) -> None:
        with pytest.raises(
            AscError, match=rf"^The text has {count} passages .*2 or more are needed: give more text\.$"
        ):
            split_passages(texts, Words(), 6, most=100)


class TestLosses:
    @pytest.fixture
    def model(self) -> Bigrams:
        torch.manual_seed(3)
        return Bigrams()

    def by_hand(self, model: Bigrams, row: Sequence[int]) -> list[float]:
        """The loss of each token after the first."""
        chances = torch.log_softmax(model.table.weight.detach().double(), dim=1)
        return [-float(chances[before, after]) for before, after in pairwise(row)]

    @pytest.mark.parametrize("size", [1, 2, 8])
    def test_over_every_position_or_over_text_only(self, model: Bigrams, size: int) -> None:
        """Mode and random state stay as they were."""
        held_out = split_passages(TEXTS, Words(), 6, most=100)
        torch.manual_seed(1)
        before = torch.get_rng_state()
        every, text = passage_losses(model, held_out, size)
        assert model.training
        assert torch.equal(torch.get_rng_state(), before)
        padded = [loss for row in held_out.tokens.tolist() for loss in self.by_hand(model, row)]
        alone = [loss for row in ([1, 2, 3, 4, 5, 6], [5, 6, 7, 8], [2] * 5) for loss in self.by_hand(model, row)]
        assert every == pytest.approx(np.mean(padded), rel=1e-6)
        assert text == pytest.approx(np.mean(alone), rel=1e-6)
        assert (len(padded), len(alone)) == (15, 12)

    def test_without_padding_both_are_the_same(self, model: Bigrams) -> None:
        tokens = torch.randint(END, (5, 6))
        every, text = passage_losses(model, Passages(tokens, torch.ones_like(tokens, dtype=torch.bool)), 2)
        assert every == text

    def test_in_the_autocast_context_of_the_training(self, model: Bigrams) -> None:
        cast = torch.autocast("cpu", dtype=torch.bfloat16)
        entered = list[bool]()

        class Head(Bigrams):
            def forward(self, batch: Tensor) -> Tensor:
                entered.append(torch.is_autocast_enabled("cpu"))
                return super().forward(batch)

        passage_losses(Head(), split_passages(TEXTS, Words(), 6, most=100), 2, lambda: cast)
        assert entered == [True, True]


class TestPaddedBatches:
    tokens = torch.arange(400).view(100, 4)

    def test_a_batch_is_a_pure_function_of_seed_and_step(self) -> None:
        one, other = PaddedBatches(self.tokens, 8, 1), PaddedBatches(self.tokens, 8, 1)
        backwards = {step: other.batch(step) for step in (5, 2, 0)}
        torch.manual_seed(7)
        assert all(torch.equal(one.batch(step), batch) for step, batch in backwards.items())
        assert not torch.equal(one.batch(0), one.batch(1))
        assert not torch.equal(one.batch(0), PaddedBatches(self.tokens, 8, 2).batch(0))

    def test_a_batch_consists_of_whole_passages(self) -> None:
        batch = PaddedBatches(self.tokens, 8, 1).batch(3)
        assert batch.shape == (8, 4)
        assert all(any(torch.equal(row, passage) for passage in self.tokens) for row in batch)

    def test_it_does_not_change_the_random_state(self) -> None:
        before = torch.get_rng_state()
        PaddedBatches(self.tokens, 8, 1).batch(3)
        assert torch.equal(torch.get_rng_state(), before)


class Whole(NamedTuple):
    """A study that was never stopped, and its trainings at their ends."""

    study: Departures
    folder: Path
    computations: dict[str, NetworkComputation]
    records: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def config(recipe: dict[str, Any], tiny: Path) -> Departures.Config:
    """Sequences are long enough for padding. No dropout, since its random numbers differ after a treatment."""
    own = {"model": str(tiny), "steps": STEPS, "length": 96, "batch": 1}
    return Departures.Config.model_validate({**recipe, **own})


@pytest.fixture(scope="module")
def whole(config: Departures.Config, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder, ended = tmp_path_factory.mktemp("departures"), list[NetworkComputation]()
    with pytest.MonkeyPatch.context() as patch:
        losses = Departures._losses
        patch.setattr(
            Departures,
            "_losses",
            lambda study, network, training, held_out: (
                ended.append(training.computation) or losses(study, network, training, held_out)
            ),
        )
        study = Departures(config)
        assert study.run(folder, quiet, lambda: False)
    records = {record["arm"]: record for record in Journal(folder / "journal.jsonl")}
    return Whole(study, folder, dict(zip(ARMS, ended, strict=True)), records)


@pytest.fixture(scope="module")
def plain(config: Departures.Config) -> NetworkComputation:
    """A training by the same recipe without a study, at the same position."""
    computation = backend(config, config.seed).computation(plain=True)
    computation.advance(HERE)
    return computation


def quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing."""


def test_the_trials_leave_the_training_as_it_was(whole: Whole, plain: NetworkComputation) -> None:
    packed = whole.computations["packed"]
    assert packed.position() == HERE
    assert packed.digest() == plain.digest()
    for found, expected in zip(*(c.training.optimizer.state.values() for c in (packed, plain)), strict=True):
        assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert torch.equal(packed.training_state()["random"]["cpu"], plain.training_state()["random"]["cpu"])
    assert whole.computations["padded"].digest() != plain.digest()
    assert not list(whole.folder.glob("*/step-*")), "no checkpoint stays"


def test_training_on_padding_makes_the_loss_look_low(whole: Whole) -> None:
    padded, packed = whole.records["padded"], whole.records["packed"]
    assert padded["padding"] == packed["padding"] > 0.1
    assert padded["every_position"] < padded["text_only"] - 0.1
    assert packed["every_position"] > packed["text_only"]
    assert padded["position"] == packed["position"] == HERE


def test_the_loss_on_packed_text_is_that_of_the_gate_set(whole: Whole, plain: NetworkComputation) -> None:
    assert whole.records["packed"]["packed"] == pytest.approx(plain.training.evaluate(plain.data.gate.flatten(0, 1)))


def test_with_the_state_kept_the_steps_are_those_of_plain_training(whole: Whole, config: Departures.Config) -> None:
    kept = whole.records["packed"]["treatments"]["kept"]
    computation = backend(config, config.seed).computation(plain=True)
    for step, loss in zip(AFTER, kept["loss"], strict=True):
        computation.advance(HERE + step - computation.position())
        assert loss == gate_loss(computation)


def test_first_updates_without_moments_have_the_size_that_theory_gives(whole: Whole) -> None:
    """In learning rates: 1 for a fresh AdamW, since m̂ = g and v̂ = g². With the old step count t it is
    0.1/(1 - 0.9ᵗ) / √(0.001/(1 - 0.999ᵗ)), which grows with t to 3.2."""
    updates = {name: found["update"] for name, found in whole.records["packed"]["treatments"].items()}
    t = HERE + 1
    assert updates["reset"][0] == pytest.approx(1, rel=0.03)
    assert updates["zeroed"][0] == pytest.approx(0.1 / (1 - 0.9**t) / sqrt(0.001 / (1 - 0.999**t)), rel=0.03)
    assert updates["kept"][0] < 0.5 * updates["zeroed"][0]


def test_from_zeroed_moments_momentum_predicts_no_move(whole: Whole) -> None:
    """So its loss is that after the leap before."""
    phantom = whole.records["packed"]["phantom"]
    assert list(phantom["predicted"]) == [str(horizon) for horizon in paper.HORIZONS]
    assert set(phantom["predicted"].values()) == {phantom["after"]}
    assert phantom["after"] != phantom["stored"]


def test_three_tables(whole: Whole, config: Departures.Config) -> None:
    """A study that has run nothing makes them."""
    study = Departures(config)
    padding, moments, phantom = study.tables(whole.folder)
    assert [table.name for table in (padding, moments, phantom)] == ["padding", "moments", "phantom"]
    assert [row[0] for row in padding.rows] == list(ARMS.values())
    assert f"{HERE} of {STEPS} steps each" in padding.notes[0]
    assert [row[0] for row in moments.rows] == list(TREATMENTS)
    assert moments.rows[0][-len(AFTER) :] == ("+0.0000",) * len(AFTER), "the kept state is compared with itself"
    assert [row[0] for row in phantom.rows] == list(paper.HORIZONS)
    better = whole.records["packed"]["phantom"]["after"] < whole.records["packed"]["phantom"]["stored"]
    assert {row[-1] for row in phantom.rows} == {"yes" if better else "no"}
    for table in (padding, moments, phantom):
        assert all(len(row) == len(table.columns) for row in table.rows)
    data = json.loads(json.dumps(study.data(whole.folder), allow_nan=False))
    assert list(data["arms"]) == list(ARMS)
    assert not study.pictures(whole.folder, whole.folder)


def test_after_one_training_there_is_the_table_on_padding(
    whole: Whole, config: Departures.Config, tmp_path: Path
) -> None:
    study = Departures(config)
    assert not study.tables(tmp_path)
    assert study.data(tmp_path) == {"arms": {}}
    Journal(tmp_path / "journal.jsonl").add(whole.records["padded"])
    [table] = study.tables(tmp_path)
    assert len(table.rows) == 1


def stop_after(calls: float) -> Callable[[], bool]:
    """Return a function that is true from this call on."""
    asked = list[None]()
    return lambda: asked.append(None) or len(asked) >= calls


def test_stopped_and_resumed_it_writes_the_same_journal(
    whole: Whole, config: Departures.Config, tmp_path: Path
) -> None:
    """Stopped within a training and between two treatments: it asks before each treatment and each step."""
    left = HERE - 29
    for calls, arm, position in ((30, "padded", 29), (1 + left + 1 + HERE + 2, "packed", HERE)):
        assert not Departures(config).run(tmp_path, quiet, stop_after(calls))
        assert [path.name for path in tmp_path.glob("*/step-*")] == [f"step-{position:012d}"]
        assert list(tmp_path.glob(f"{arm}/step-*"))
    assert Departures(config).run(tmp_path, quiet, stop_after(inf))
    assert (tmp_path / "journal.jsonl").read_text() == (whole.folder / "journal.jsonl").read_text()
    assert Departures(config).run(tmp_path, quiet, stop_after(0)), "there is nothing left to do"


def test_too_few_steps_are_refused_in_a_sentence(recipe: dict[str, Any]) -> None:
    with pytest.raises(AscError, match=r'The setting "steps" was given 60; expected .*at least 100'):
        validate(Departures.Config, recipe)
