"""Losses: padding never counts, and measuring leaves no trace."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training.loss import evaluation, mean_loss, sequence_losses, token_losses
from asc_nn_training.training.schedule import Schedule, ScheduleConfig


class Bigrams(nn.Module):
    """Each token is predicted from the token before, so that padding cannot leak; dropout makes the modes differ."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 9)
        self.dropout = nn.Dropout(0.5)

    def forward(self, batch: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        found: Tensor = self.dropout(self.table(batch))
        return found


@pytest.fixture
def model() -> Bigrams:
    torch.manual_seed(3)
    return Bigrams().eval()


def test_padded_tokens_never_count(model: Bigrams) -> None:
    """A padded batch scores as its sequences do one by one, whichever side is padded and with whatever."""
    short, long = torch.tensor([[1, 5, 2, 7]]), torch.tensor([[3, 3, 8, 0, 4, 6]])
    filler = torch.tensor([[7, 2]])
    mask = torch.ones(2, 6, dtype=torch.bool)
    for left in (False, True):
        padded = torch.cat([filler, short] if left else [short, filler], dim=1)
        mask[0] = torch.tensor([not left] * 2 + [True] * 2 + [left] * 2)
        found = sequence_losses(model, torch.cat([padded, long]), mask)
        alone = torch.cat([sequence_losses(model, short), sequence_losses(model, long)])
        assert torch.allclose(found, alone)
        whole = mean_loss(model, torch.cat([padded, long]), mask)
        assert torch.allclose(whole, (3 * alone[0] + 5 * alone[1]) / 8)


def test_a_sequence_of_padding_alone_has_the_loss_zero(model: Bigrams) -> None:
    nothing = torch.zeros(1, 4, dtype=torch.bool)
    batch = torch.tensor([[1, 2, 3, 4]])
    assert sequence_losses(model, batch, nothing).tolist() == [0.0]
    assert float(mean_loss(model, batch, nothing).detach()) == 0.0


def test_packed_and_masked_losses_agree(model: Bigrams) -> None:
    batch = torch.randint(0, 9, (3, 7), generator=torch.Generator().manual_seed(1))
    everything = torch.ones_like(batch)
    assert torch.equal(token_losses(model, batch), token_losses(model, batch, everything))
    assert torch.allclose(mean_loss(model, batch), mean_loss(model, batch, everything))
    assert torch.allclose(mean_loss(model, batch), token_losses(model, batch).mean())


@pytest.mark.parametrize("fails", [False, True])
def test_measuring_leaves_modes_and_random_numbers_as_they_were(model: Bigrams, fails: bool) -> None:
    model.train()
    model.dropout.eval()  # the user has frozen it, so it must stay frozen
    before = torch.get_rng_state()
    try:
        with evaluation(model):
            assert not model.training
            assert not torch.is_grad_enabled()
            torch.rand(5)
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert model.training
    assert not model.dropout.training
    assert torch.equal(torch.get_rng_state(), before)


def transformer() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "n_positions": 8, "n_layer": 1, "n_embd": 16, "n_head": 2}
    return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()


def test_fingerprints_are_means_over_real_tokens() -> None:
    model = transformer()
    texts = torch.randint(0, 50, (128, 8), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(texts)
    mask[:, 5:] = 0
    with torch.no_grad():
        found, short = Probes(texts, mask)(model), Probes(texts[:, :5])(model)
    assert found.shape == (128, 16)
    assert torch.allclose(found, short, atol=1e-5)  # what is padded is not looked at


def test_probes_must_differ() -> None:
    with pytest.raises(AscError, match="needs 100 distinct probe texts or more, and 50 of the 200 given are distinct"):
        Probes(torch.arange(50).repeat(4).reshape(200, 1))


def test_of_other_modules_the_author_knows_the_fingerprint(model: Bigrams) -> None:
    with pytest.raises(AscError, match=r"Bigrams is no transformers model.*give a function of the module"):
        Probes(torch.arange(100).reshape(100, 1) % 9 + torch.arange(100).reshape(100, 1))(model)


@given(
    st.sampled_from(["cosine", "linear", "wsd", "constant"]),
    st.integers(0, 50),
    st.integers(1, 300),
    st.none() | st.floats(0, 1),
    st.floats(0, 1),
)
def test_rates_rise_then_never_rise_again(
    shape: str, warmup: int, total: int, floor: float | None, decay: float
) -> None:
    config = ScheduleConfig(schedule=shape, warmup=warmup, lr_floor=floor, wsd_decay=decay)  # type: ignore[arg-type]
    shares = [Schedule(1.0, config).share(step, total) for step in range(total + 20)]
    rising, falling = shares[:warmup], shares[warmup:]
    assert rising == [(step + 1) / warmup for step in range(len(rising))]
    assert all(0 <= share <= 1 for share in shares)
    assert all(before >= after - 1e-12 for before, after in pairwise(falling))
    if shape == "constant":
        assert set(falling) <= {1.0}
    elif total > warmup:
        usual = 0.1 if shape == "cosine" else 0.0
        assert shares[total] == pytest.approx(usual if floor is None else floor)


def test_wsd_is_constant_and_then_falls_to_zero_in_the_last_fifth() -> None:
    schedule = Schedule(2.0, ScheduleConfig(schedule="wsd", warmup=10))
    assert [schedule.rate(step, 100) for step in (9, 10, 80)] == [2.0, 2.0, 2.0]
    assert [schedule.rate(step, 100) for step in (81, 90, 99, 100)] == pytest.approx([1.9, 1.0, 0.1, 0.0])


def test_linear_falls_to_zero_from_the_end_of_the_warm_up_on() -> None:
    schedule = Schedule(2.0, ScheduleConfig(schedule="linear", warmup=10))
    assert [schedule.rate(step, 110) for step in (9, 10, 60, 110)] == pytest.approx([2.0, 2.0, 1.0, 0.0])
