"""The network learns how weights of recorded runs went on, and the predictor continues others alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from asc_nino import asc_register
from asc_nino.network import LOOK_BACK, Network, scaled
from asc_nino.predictor import NinoMLP
from asc_nino.train import main
from safetensors.torch import save_file
from torch import Tensor

from asc import AscError
from asc.predictors.linear import Linear
from asc.run.replay import positions
from asc_nn_training.training import checkpoint

EVERY = 10


def decaying(seed: int, places: int = 12, weights: int = 400) -> Tensor:
    """Return weights that each decay exponentially, at its own rate and to its own end: (places, weights)."""
    random = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, weights, generator=random)
    rate = 0.3 + 0.6 * torch.rand(weights, generator=random)
    return end + (start - end) * rate ** torch.arange(places)[:, None]


def record(folder: Path, values: Tensor, gap: int = EVERY) -> Path:
    """Write values as positions that a run has kept, of a model with two tensors and a counter."""
    (folder / "config.json").parent.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    for place, row in enumerate(values):
        model = {"a": row[:100].reshape(10, 10), "b": row[100:], "count": torch.tensor(place)}
        here = gap * place
        positions.keep(folder, here, 0, "stable", lambda to, here=here, model=model: _save(to, here, model))
    return folder


def _save(folder: Path, position: int, model: dict[str, Tensor]) -> None:
    checkpoint.save(folder, position, {"model": model})


class Past:
    """A history of weights, each two tensors."""

    def __init__(self, values: Tensor, places: Sequence[int] = ()) -> None:
        self.positions = tuple(places) or tuple(range(0, EVERY * len(values), EVERY))
        self._values = [[row[:100].reshape(10, 10), row[100:]] for row in values]

    def gram(self) -> Any:
        raise NotImplementedError

    def read(self, need: str) -> Any:
        assert need == "weights"
        return self._values


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nino")
    record(folder / "runs" / "one", decaying(1))
    record(folder / "runs" / "two", decaying(2))
    out = folder / "new" / "nino.safetensors"
    given = ["one", "two", "--folder", str(folder / "runs"), "--out", str(out), "--steps", "400"]
    assert main(given) == 0
    return out


def made(path: Path) -> NinoMLP:
    return NinoMLP(NinoMLP.Config(weights=path))


def flat(state: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in state])


@pytest.mark.parametrize("ahead", [1, 2, 4])
def test_on_decaying_weights_it_beats_standing_still_and_a_line(trained: Path, ahead: int) -> None:
    """On weights that it has not seen, which decay by the same law."""
    truth = decaying(3)
    past, expected = Past(truth[:LOOK_BACK]), truth[LOOK_BACK - 1 + ahead]
    found = made(trained).predict(past, EVERY * ahead)
    assert found is not None
    still = (expected - truth[LOOK_BACK - 1]).abs().mean()
    line = Linear().predict(past, EVERY * ahead)
    assert line is not None
    older, newest = map(float, line.coefficients[-2:])
    linear = (older * truth[LOOK_BACK - 2] + newest * truth[LOOK_BACK - 1] - expected).abs().mean()
    error = (flat(found.state) - expected).abs().mean()
    assert error < 0.3 * still
    assert error < 0.5 * linear


def test_training_prints_errors_on_weights_that_were_held_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record(tmp_path / "run", decaying(4))
    assert main([str(run), "--out", str(tmp_path / "nino.safetensors"), "--steps", "200", "--ahead", "2"]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[-2:]}
    assert all(float(network) < float(line) for network, line in zip(rows["network"], rows["linear"], strict=True))
    assert len(rows["network"]) == 2


def test_one_seed_gives_one_network(tmp_path: Path) -> None:
    run = record(tmp_path / "run", decaying(4))
    files = [tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors")]
    for file, seed in zip(files, ("5", "5", "6"), strict=True):
        assert main([str(run), "--out", str(file), "--steps", "20", "--seed", seed]) == 0
    same, again, other = (file.read_bytes() for file in files)
    assert same == again
    assert same != other


def test_a_horizon_between_supersteps_is_on_the_line_between_their_predictions(trained: Path) -> None:
    past, predictor = Past(decaying(3)[:LOOK_BACK]), made(trained)

    def state(horizon: int) -> Tensor:
        found = predictor.predict(past, horizon)
        assert found is not None
        return flat(found.state)

    torch.testing.assert_close(state(23), 0.7 * state(20) + 0.3 * state(30))
    torch.testing.assert_close(state(4), 0.6 * decaying(3)[LOOK_BACK - 1] + 0.4 * state(10))


def test_what_is_scaled_mirrored_or_moved_is_predicted_so_and_what_rests_stays(trained: Path) -> None:
    values, predictor = decaying(3)[:LOOK_BACK], made(trained)
    values[:, :7] = 2.5
    plain, other = (predictor.predict(Past(given), 20) for given in (values, 4 - 3 * values))
    assert plain is not None
    assert other is not None
    torch.testing.assert_close(flat(other.state), 4 - 3 * flat(plain.state), rtol=1e-4, atol=1e-4)
    assert torch.equal(flat(plain.state)[:7], values[-1, :7])


def test_weights_of_other_precisions_keep_them(trained: Path) -> None:
    found = made(trained).predict(Past(decaying(3)[:LOOK_BACK].bfloat16()), EVERY)
    assert found is not None
    assert [tensor.dtype for tensor in found.state] == [torch.bfloat16] * 2
    assert [tensor.shape for tensor in found.state] == [(10, 10), (300,)]


def test_it_is_silent_where_the_network_does_not_look(trained: Path) -> None:
    values, predictor = decaying(3)[:LOOK_BACK], made(trained)
    assert predictor.predict(Past(values[1:]), EVERY) is None  # four snapshots
    assert predictor.predict(Past(values, (0, 10, 20, 30, 45)), EVERY) is None
    assert predictor.predict(Past(values), 4 * EVERY) is not None
    assert predictor.predict(Past(values), 4 * EVERY + 1) is None


def test_without_a_network_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(AscError, match=r"no network: train one with python -m asc_nino.train RUN --out"):
        NinoMLP()
    with pytest.raises(AscError, match=r"There is no file .*none.safetensors, in which .* train one with"):
        made(tmp_path / "none.safetensors")


def test_another_file_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no tensors at all")
    with pytest.raises(AscError, match=r"holds no network of nino-mlp .*expected one that `python -m asc_nino.train`"):
        made(path)
    save_file({"layer.0": torch.zeros(1)}, path)
    with pytest.raises(AscError, match="its metadata is None"):
        made(path)
    Network([torch.zeros(2, 4), torch.zeros(2, 2)]).save(path)
    with pytest.raises(AscError, match="holds no network"):
        made(path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--ahead", "9"], "has kept 12 of its positions; expected 14 or more at equal distances"),
        (["none"], "no run 'none'"),
        (["run", "--steps", "0"], "--steps was given 0; expected 1 or more"),
        (["still"], "No weight of these runs has moved"),
        (["run", "--steps", "1", "--out", "run/nino.safetensors/x"], "give another --out"),
    ],
)
def test_what_cannot_be_trained_is_answered_by_a_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path("run"), decaying(1))
    record(Path("still"), torch.ones(9, 400))
    Path("run/nino.safetensors").touch()
    assert main(["--out", "nino.safetensors", *arguments]) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert not printed.out


def test_positions_at_unequal_distances_are_not_learnt_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = record(tmp_path / "run", decaying(1))
    for here in (30, 80):
        (run / positions.TRAJECTORY / str(here) / "position.json").unlink()
    assert main([str(run), "--out", str(tmp_path / "nino.safetensors")]) == 1
    assert "has kept 10 of its positions" in capsys.readouterr().err


def test_a_unit_is_the_standard_deviation_of_the_values() -> None:
    inputs, unit = scaled(torch.tensor([[1.0, 2, 3, 4, 5], [2, 2, 2, 2, 2]]))
    torch.testing.assert_close(unit, torch.tensor([[2**0.5], [0]]))
    torch.testing.assert_close(inputs, torch.tensor([[-4.0, -3, -2, -1], [0, 0, 0, 0]]) / 2**0.5)


def test_it_announces_a_path_that_leads_to_it() -> None:
    announced: list[tuple[str, ...]] = []

    class Registry:
        def add(self, kind: str, name: str, factory: str, summary: str) -> None:
            announced.append((kind, name, factory, summary))

    asc_register(Registry())
    [(kind, name, factory, _)] = announced
    assert (kind, name) == ("predictor", "nino-mlp")
    assert factory == f"{NinoMLP.__module__}:{NinoMLP.__qualname__}"
