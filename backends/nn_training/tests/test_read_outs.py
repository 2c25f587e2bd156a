"""Read-outs: averages of the weights that are evaluated, written and resumed, and never trained from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.config.validate import validate
from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.weights.averages import LIVE, Averages
from asc_nn_training.weights.weights import Weights

Make = Callable[..., NetworkConfig]
TWO = {"steps": 60, "schedule": "constant", "lr": 5e-2, "average_every": 2, "average_spans": (4, 20)}
"""A training whose rate is so high that an average has a lower loss than the live weights."""


class Scalar(nn.Module):
    """A model of one weight."""

    def __init__(self, value: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([value], dtype=dtype))

    def put(self, value: float) -> None:
        self.weight.data.fill_(value)


def averages(model: nn.Module, *spans: int, every: int = 1, on_host: bool = False) -> Averages:
    return Averages(Weights(model), spans, every=every, on_host=on_host)


def fed(subject: Averages, model: Scalar, values: Sequence[float]) -> Averages:
    for value in values:
        model.put(value)
        subject.update()
    return subject


def found(subject: Averages, model: Scalar) -> dict[str, float]:
    """Return the weight under the name of each read-out."""
    values = {}
    for name in subject.names():
        with subject.placed(name):
            values[name] = float(model.weight.detach())
    return values


def test_early_averages_are_plain_means_and_later_ones_exponential() -> None:
    model = Scalar()
    subject, expected = averages(model, 4), 0.0
    for number, value in enumerate([1.0, 2.0, 6.0, 7.0, 8.0, 3.0], 1):
        expected += max(1 / 4, 1 / number) * (value - expected)
        fed(subject, model, [value])
        assert found(subject, model)[f"average of {min(4, number)} steps"] == pytest.approx(expected)
        if number == 3:
            assert expected == pytest.approx(3.0)


def test_a_full_correction_follows_weights_that_move_evenly() -> None:
    model = Scalar()
    values = found(fed(averages(model, 10), model, range(200)), model)
    assert values["average of 10 steps"] == pytest.approx(199 - 9, abs=1e-3)
    assert values["average of 10 steps, half corrected"] == pytest.approx(199 - 4.5, abs=1e-3)
    assert values["average of 10 steps, corrected"] == pytest.approx(199, abs=1e-3)


def test_averages_that_are_equal_so_far_count_once() -> None:
    model = Scalar()
    subject = fed(averages(model, 20, 40, every=10), model, [1.0] * 9)
    assert subject.names() == []
    fed(subject, model, [1.0])
    kinds = ["average of 10 steps", "average of 10 steps, half corrected", "average of 10 steps, corrected"]
    assert subject.names() == kinds
    fed(subject, model, [1.0] * 50)
    assert [name for name in subject.names() if "corrected" not in name] == [
        "average of 20 steps",
        "average of 40 steps",
    ]


def test_averages_of_half_precision_are_in_fp32() -> None:
    model = Scalar(dtype=torch.bfloat16)
    subject = fed(averages(model, 1000), model, [1.0, 1.0078125, 1.0, 1.0])
    assert subject.state_dict()["averages"][0]["values"][0].item() == pytest.approx(1 + 0.0078125 / 4, rel=1e-6)


def test_the_pick_has_the_lowest_loss_and_the_live_weights_are_back() -> None:
    model = Scalar()
    subject = fed(averages(model, 2, 5), model, [5.0, -5.0, 5.0, -5.0, 5.0, -5.0, 5.0])
    values = found(subject, model) | {LIVE: 5.0}
    for goal in (0.3, 5.0, -1.0):
        picked = subject.pick(lambda goal=goal: abs(float(model.weight.detach()) - goal))  # type: ignore[misc]
        assert abs(values[picked] - goal) == min(abs(value - goal) for value in values.values())
        assert model.weight.item() == 5.0


def test_a_loss_that_is_not_finite_never_wins() -> None:
    model = Scalar()
    subject = fed(averages(model, 2), model, [1.0, 2.0])
    assert subject.pick(lambda: math.nan) == LIVE
    losses = iter([math.nan, math.inf, 3.0, -math.inf])
    assert subject.pick(lambda: next(losses)) == subject.names()[1]


def test_the_live_weights_are_back_after_an_error() -> None:
    model = Scalar()
    subject = fed(averages(model, 2), model, [1.0, 2.0])

    def raising() -> float:
        if model.weight.item() != 2.0:
            raise ZeroDivisionError
        return 0.0

    with pytest.raises(ZeroDivisionError):
        subject.pick(raising)
    with pytest.raises(ZeroDivisionError), subject.placed(subject.names()[0]):
        raise ZeroDivisionError
    assert model.weight.item() == 2.0


def test_averages_in_host_memory_are_the_same() -> None:
    model = Scalar()
    subjects = [averages(model, 3, on_host=on_host) for on_host in (False, True)]
    for value in (1.0, 4.0, 2.0, 8.0):
        model.put(value)
        for subject in subjects:
            subject.update()
    assert found(subjects[0], model) == found(subjects[1], model)


def run(config: NetworkConfig, folder: Path | None = None, *, resume: bool = False, speculate: bool = False) -> Run:
    return Run(NetworkBackend(config), "nn_training", load(), folder=folder, speculate=speculate, resume=resume)


@pytest.fixture(scope="module")
def anytime(small: Make, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The summary and the folder of a run that reads out at any time."""
    folder = tmp_path_factory.mktemp("anytime")
    return run(small(**TWO, anytime=True), folder).execute(), folder


def test_a_read_out_has_a_lower_loss_than_live_weights_at_a_constant_rate(
    anytime: tuple[dict[str, Any], Path],
) -> None:
    outcome, curves = anytime[0]["outcome"], anytime[0]["curves"]
    assert outcome["read_out"].startswith("average of ")
    assert outcome["read_out_dev_loss"] < outcome["dev_loss"]
    assert outcome["read_out_test_loss"] < outcome["test_loss"]
    assert [point[0] for point in curves["read_out_dev_loss"]] == [20, 40, 60]
    assert curves["read_out_dev_loss"][-1][2] == outcome["read_out_dev_loss"]


def test_training_continues_from_the_live_weights(small: Make, anytime: tuple[dict[str, Any], Path]) -> None:
    """Bit for bit: the same end as without any average."""
    plain = run(small(**TWO | {"average_every": 0})).execute()
    assert plain["final_digest"] == anytime[0]["final_digest"]
    assert plain["outcome"]["dev_loss"] == anytime[0]["outcome"]["dev_loss"]
    assert plain["outcome"]["read_out"] is plain["outcome"]["read_out_test_loss"] is None
    assert "read_out_dev_loss" not in plain["curves"]


def test_both_models_are_written_and_load(small: Make, anytime: tuple[dict[str, Any], Path]) -> None:
    from transformers import AutoModelForCausalLM

    outcome, folder = anytime[0]["outcome"], anytime[1]
    test = NetworkBackend(small(**TWO)).data.test
    for name, loss in (("model", outcome["test_loss"]), ("read-out", outcome["read_out_test_loss"])):
        model = AutoModelForCausalLM.from_pretrained(folder / name).eval()
        with torch.no_grad():
            logits = torch.cat([model(part).logits[:, :-1] for part in test.split(8)])
        measured = nn.functional.cross_entropy(logits.flatten(0, 1), test[:, 1:].flatten())
        assert measured.item() == pytest.approx(loss, abs=1e-4)


def test_without_anytime_the_read_out_is_that_of_the_end(small: Make, anytime: tuple[dict[str, Any], Path]) -> None:
    summary = run(small(**TWO)).execute()
    assert summary["outcome"] == anytime[0]["outcome"]
    assert [point[0] for point in summary["curves"]["read_out_dev_loss"]] == [60]


def test_picks_are_on_the_clock_and_are_no_evaluation_for_the_curve(small: Make) -> None:
    made = run(small(**TWO, anytime=True))
    watch, ticks = made.computation.watch, [0.0]
    evaluate = made.computation.training.evaluate

    def counting(sequences: Tensor) -> float:
        ticks[0] += 1.0 if sequences is watch._dev else 100.0
        return evaluate(sequences)

    made.computation.training.evaluate = counting
    watch.clock = lambda: ticks[0]
    made.execute()
    dev = [1.0 + (point.read_out_dev_loss != point.dev_loss) for point in watch.curve]  # evaluations of the dev set
    assert [point.evaluating_s for point in watch.curve] == list(accumulate(dev))
    # Six read-outs and the live weights at each point.
    assert [point.seconds - point.evaluating_s for point in watch.curve] == [700.0, 1400.0, 2100.0]


def test_until_loss_looks_at_the_read_out(small: Make, anytime: tuple[dict[str, Any], Path]) -> None:
    live = [loss for _, _, loss in anytime[0]["curves"]["dev_loss"]]
    read_out = [loss for _, _, loss in anytime[0]["curves"]["read_out_dev_loss"]]
    goal = (min(live) + min(read_out)) / 2
    assert min(live) > goal
    summary = run(small(**TWO, anytime=True, until_loss=goal)).execute()
    assert summary["state"] == "finished"
    assert summary["position"] == next(20 * number for number, loss in enumerate(read_out, 1) if loss <= goal)
    assert summary["outcome"]["read_out_dev_loss"] <= goal < summary["outcome"]["dev_loss"]


@pytest.mark.parametrize("on_host", [False, True])
def test_a_resumed_run_reads_out_as_if_it_had_not_been_stopped(
    small: Make, anytime: tuple[dict[str, Any], Path], tmp_path: Path, on_host: bool
) -> None:
    config = small(**TWO, anytime=True, average_on_host=on_host)
    first = run(config, tmp_path)
    first.computation.advance(33)
    first._checkpoint()
    second = run(config, tmp_path, resume=True)
    summary = second.execute()
    assert summary["outcome"] == anytime[0]["outcome"]
    assert summary["final_digest"] == anytime[0]["final_digest"]
    curves = [[[x, y] for x, _, y in given["curves"]["read_out_dev_loss"]] for given in (summary, anytime[0])]
    assert curves[0] == curves[1]


def test_a_run_that_is_stopped_has_the_read_out_s_losses(small: Make) -> None:
    made = run(small(**TWO))
    made.computation.advance(20)  # where there is an evaluation, of the live weights only
    assert made.computation.watch.curve[-1].read_out_dev_loss is None
    outcome = made.summary("interrupted")["outcome"]
    assert outcome["read_out_dev_loss"] is not None
    assert made.computation.watch.measures()["read_out_dev_loss"] == pytest.approx(
        outcome["read_out_dev_loss"], abs=1e-6
    )


def test_runs_that_read_out_are_compared_by_their_read_outs(small: Make) -> None:
    def summary(live: float, read_out: Sequence[float]) -> dict[str, Any]:
        points = [[20 * n, 10.0 * n, loss] for n, loss in enumerate(read_out, 1)]
        curves = {"dev_loss": [[x, y, live] for x, y, _ in points], "read_out_dev_loss": points}
        return {"curves": curves, "outcome": {"dev_loss": live, "read_out_dev_loss": read_out[-1]}}

    backend = NetworkBackend(small(**TWO, anytime=True))
    assert backend.compare(summary(9.0, (5, 4, 3)), summary(8.0, (6, 5, 4)))["net_speedup"] == 1.5


def test_more_spans_are_usual_at_any_time() -> None:
    assert NetworkConfig.model_validate({}).spans == (100,)
    assert NetworkConfig.model_validate({"anytime": True}).spans == (50, 200)
    assert NetworkConfig.model_validate({"anytime": True, "average_spans": (7,)}).spans == (7,)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"anytime": True, "average_every": 0}, r"with average_every 0 there are none: set average_every to 1 or more"),
        (
            {"average_spans": (0, 5)},
            r"average_spans.*was given \[0, 5\]; expected whole numbers of steps, each at least 1",
        ),
        ({"average_spans": ()}, r"average_spans.*expected .*at least 1 long"),
    ],
)
def test_settings_that_give_no_read_out_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        validate(NetworkConfig, settings)


def test_the_read_out_is_on_the_board(small: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(small(**TWO, anytime=True, tensorboard=tmp_path)).execute()
    events = EventAccumulator(str(tmp_path / "plain")).Reload()
    assert [event.step for event in events.Scalars("loss/read_out_dev")] == [20, 40, 60]


def test_the_command_draws_live_and_read_out_curves(
    options: list[str], asc: Callable[..., Any], tmp_path: Path
) -> None:
    done = asc("run", "nn_training", *options, "--schedule", "constant", "--anytime", "--average-spans", "4,20")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "train_loss, dev_loss, read_out_dev_loss against steps" in page
    assert "read out dev loss" in page
    assert (folder / "read-out" / "model.safetensors").exists()
