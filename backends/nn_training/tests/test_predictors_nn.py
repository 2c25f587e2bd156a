"""Predictors of weights against their formulas, on a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from asc.predictor import Predictor
from asc.predictors.quadratic import Quadratic
from asc.types import Combination, Direct
from asc_nn_training.predictors.anderson import Anderson
from asc_nn_training.predictors.autoregression import Autoregression
from asc_nn_training.predictors.average import TailAverage
from asc_nn_training.predictors.ema import EmaIncrements
from asc_nn_training.predictors.line_search import LineSearch
from asc_nn_training.predictors.nesterov import NesterovOuter
from asc_nn_training.predictors.published import QuadraticAsCoded, QuadraticAsPrinted
from asc_nn_training.predictors.rank_one import RankOne
from asc_nn_training.weights.combine import combine, gram


class Past:
    """A history of weights, each one tensor, at given positions."""

    def __init__(
        self,
        *values: Tensor,
        positions: Sequence[int] = (),
        rate: float = 0.1,
        loss: Any = None,
        segment: int = 0,
    ) -> None:
        self.values = [[value] for value in values]
        self.positions = tuple(positions) or tuple(10 * i for i in range(len(values)))
        self._rate, self._loss, self._segment = rate, loss, segment

    def gram(self) -> Any:
        return gram(self.values).numpy()

    def read(self, need: str) -> Any:
        if need == "weights":
            return self.values
        if need == "segment":
            return self._segment
        if need == "score":
            return lambda coefficients: self._loss(mixed(self, Combination(tuple(coefficients))))
        assert need == "rate"
        return lambda step: self._rate


def mixed(past: Past, prediction: Combination | Direct | None) -> Tensor:
    assert prediction is not None
    if isinstance(prediction, Direct):
        return prediction.state[0]
    return combine([float(c) for c in prediction.coefficients], prediction.of(past.values))[0]


def tensors(count: int, seed: int = 0) -> list[Tensor]:
    return list(torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def test_published_quadratics_are_what_was_published() -> None:
    a, b, c = tensors(3)
    past, k, spacing = Past(a, b, c), 25, 10
    v, acc = c - b, c - 2 * b + a
    printed = mixed(past, QuadraticAsPrinted().predict(past, k))
    torch.testing.assert_close(
        printed, c + k / spacing * v + k * (k - spacing) / (2 * spacing**2) * acc, rtol=1e-5, atol=1e-5
    )
    clamped = acc * min(1.0, float(v.norm() / 2 / acc.norm()))
    coded = mixed(past, QuadraticAsCoded().predict(past, k))
    torch.testing.assert_close(coded, c + k / spacing * v + (k / spacing) ** 2 / 2 * clamped, rtol=1e-5, atol=1e-5)
    exact = mixed(past, Quadratic().predict(past, k))
    torch.testing.assert_close(exact, c + k / spacing * v + k * (k + spacing) / (2 * spacing**2) * acc)
    half = QuadraticAsPrinted(QuadraticAsPrinted.Config(snapshot_dtype="float16"))
    assert not torch.equal(mixed(past, half.predict(past, k)), printed)


@pytest.mark.parametrize("predictor", [QuadraticAsPrinted(), QuadraticAsCoded()])
def test_published_quadratics_are_silent_without_three_equidistant_snapshots(predictor: QuadraticAsPrinted) -> None:
    assert predictor.predict(Past(*tensors(2)), 5) is None
    assert predictor.predict(Past(*tensors(3), positions=(0, 10, 25)), 5) is None


def test_outer_steps_follow_the_outer_loop_whatever_is_rejected() -> None:
    """Compared with the loop written out; a rejected step leaves outer weights and buffer unchanged."""
    predictor, mu, eta = NesterovOuter(NesterovOuter.Config(momentum=0.7, rate=0.9)), 0.7, 0.9
    random = torch.Generator().manual_seed(3)
    inner, outer, buffer, segment = torch.zeros(5), torch.zeros(5), torch.zeros(5), 0
    assert predictor.predict(Past(inner.clone()), 0) is None
    for boundary, accepted in enumerate((True, False, True, True, False, True), start=1):
        inner += torch.randn(5, generator=random)
        moved = outer - inner
        updated = mu * buffer + moved
        wanted = outer - eta * (mu * updated + moved)
        past = Past(inner.clone(), positions=(10 * boundary,), segment=segment)
        torch.testing.assert_close(mixed(past, predictor.predict(past, 0)), wanted)
        segment += accepted
        if accepted:
            outer, buffer, inner = wanted.clone(), updated, wanted.clone()
        predictor.settle(accepted)
        again = NesterovOuter(predictor.config)
        again.load_state_dict(predictor.state_dict())
        torch.testing.assert_close(again.state_dict(), predictor.state_dict())
    elsewhere = Past(inner + 3.0, positions=(70,), segment=segment + 1)
    assert predictor.predict(elsewhere, 0) is None  # the leap of another predictor is no move of training
    after = Past(inner + 4.0, positions=(80,), segment=segment + 1)
    updated = mu * buffer - 1.0
    wanted = inner + 3.0 - eta * (mu * updated - 1.0)
    torch.testing.assert_close(mixed(after, predictor.predict(after, 0)), wanted)


def test_the_average_of_increments_is_added_in_proportion_to_the_rate() -> None:
    a, b, c = tensors(3)
    predictor = EmaIncrements(EmaIncrements.Config(beta=0.5, span=3))
    assert predictor.predict(Past(a), 0) is None
    past = Past(a, b)
    torch.testing.assert_close(mixed(past, predictor.predict(past, 0)), b + 0.5 * (b - a))
    past = Past(b, c, positions=(10, 20), rate=0.05)
    average = (b - a) + 0.5 * ((c - b) - (b - a))
    for _ in range(2):  # a second prediction at one position does not count the increment again
        torch.testing.assert_close(mixed(past, predictor.predict(past, 0)), c + 0.5 * 0.5 * average)
    again = EmaIncrements(predictor.config)
    again.load_state_dict(predictor.state_dict())
    torch.testing.assert_close(mixed(past, again.predict(past, 0)), c + 0.5 * 0.5 * average)


@pytest.mark.parametrize("blend", [1.0, 0.6])
def test_a_tail_average_is_the_mean_of_the_last_snapshots(blend: float) -> None:
    values = tensors(6)
    past = Past(*values)
    found = mixed(past, TailAverage(TailAverage.Config(window=4, blend=blend)).predict(past, 0))
    torch.testing.assert_close(found, (1 - blend) * values[-1] + blend * torch.stack(values[-4:]).mean(0))
    assert TailAverage().predict(Past(values[0]), 0) is None


def test_anderson_solves_a_linear_iteration() -> None:
    random = np.random.default_rng(1)
    matrix, offset = np.diag([0.9, 0.5, -0.3]) + 0.05 * random.normal(size=(3, 3)), random.normal(size=3)
    point = np.linalg.solve(np.eye(3) - matrix, offset)
    points = [random.normal(size=3)]
    for _ in range(4):
        points.append(matrix @ points[-1] + offset)
    past = Past(*(torch.tensor(p) for p in points))
    exact = Anderson(Anderson.Config(regularisation=0, cap=1e6))
    np.testing.assert_allclose(mixed(past, exact.predict(past, 0)), point, rtol=1e-4)
    capped = Anderson(Anderson.Config(regularisation=0, cap=1.5)).predict(past, 0)
    assert capped is not None
    assert sum(map(float, capped.coefficients)) == pytest.approx(1)
    assert sum(abs(float(c)) for c in capped.coefficients) <= 1.5 + 1e-9
    assert exact.predict(Past(*tensors(2)), 0) is None
    assert exact.predict(Past(*[torch.zeros(3, dtype=torch.float64)] * 4), 0) is None


def spiral(count: int) -> list[Tensor]:
    """Points of a linear iteration of three dimensions that turns and decays, seen in five."""
    random = np.random.default_rng(2)
    turn = 0.9 * np.array([[np.cos(0.5), -np.sin(0.5), 0], [np.sin(0.5), np.cos(0.5), 0], [0, 0, 0.6]])
    seen, offset, point = random.normal(size=(5, 3)), random.normal(size=5), random.normal(size=3)
    points = []
    for _ in range(count):
        points.append(torch.tensor(seen @ point + offset))
        point = turn @ point
    return points


@pytest.mark.parametrize("window", [6, 7, 8])
@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_an_autoregression_continues_a_linear_recurrence_exactly(window: int, ahead: int) -> None:
    points = spiral(8 + ahead)
    exact = Autoregression(Autoregression.Config(order=3, window=window, ridge=0))
    past = Past(*points[:8])
    found = mixed(past, exact.predict(past, 10 * ahead))
    torch.testing.assert_close(found, points[7 + ahead], rtol=1e-8, atol=1e-8)


def test_an_autoregression_takes_a_part_of_the_last_move_for_a_horizon_between_boundaries() -> None:
    points = spiral(10)
    past = Past(*points[:8])
    found = mixed(past, Autoregression(Autoregression.Config(ridge=0)).predict(past, 14))
    torch.testing.assert_close(found, points[8] + 0.4 * (points[9] - points[8]))


def test_an_autoregression_of_a_straight_line_is_that_line_and_of_noise_a_small_step() -> None:
    """Equal moves leave its shares undetermined, and the line is continued all the same; noise is not continued."""
    straight = Past(*(torch.tensor([2.0 * i, 1.0 - i], dtype=torch.float64) for i in range(6)))
    found = mixed(straight, Autoregression().predict(straight, 30))
    torch.testing.assert_close(found, torch.tensor([16.0, -7.0], dtype=torch.float64), rtol=1e-4, atol=1e-4)
    noise = torch.randn(6, 5000, generator=torch.Generator().manual_seed(4), dtype=torch.float64).cumsum(0)
    walk = Past(*noise)
    step = mixed(walk, Autoregression().predict(walk, 10)) - noise[-1]
    assert float(step.norm()) < 0.1 * float((noise[-1] - noise[-2]).norm())


def test_an_autoregression_has_a_lower_order_where_few_snapshots_are_known() -> None:
    """Those at other distances are not counted."""
    points, first = spiral(6), Autoregression(Autoregression.Config(order=1, window=3))
    expected = mixed(Past(*points[:3]), first.predict(Past(*points[:3]), 10))
    torch.testing.assert_close(mixed(Past(*points[:3]), Autoregression().predict(Past(*points[:3]), 10)), expected)
    uneven = Past(*points, positions=(0, 5, 10, 25, 35, 45))
    last = Past(*points[-3:])
    found = mixed(uneven, Autoregression().predict(uneven, 10))
    torch.testing.assert_close(found, mixed(last, first.predict(last, 10)))


def test_an_autoregression_is_silent_where_its_shares_are_not_determined() -> None:
    predictor, points = Autoregression(), spiral(6)
    assert predictor.predict(Past(*points[:2]), 10) is None
    assert predictor.predict(Past(*points), 10) is not None
    assert predictor.predict(Past(*points, positions=(0, 10, 20, 30, 40, 55)), 10) is None
    assert predictor.predict(Past(*points[:1] * 6), 10) is None  # nothing moves
    assert predictor.predict(Past(*points[:5], points[5] * float("inf")), 10) is None
    growing = Past(*(torch.tensor([9.0**i], dtype=torch.float64) for i in range(6)))
    assert predictor.predict(growing, 10_000) is None  # its moves grow beyond all numbers


def test_an_autoregression_that_a_window_cannot_determine_is_refused() -> None:
    with pytest.raises(ValueError, match="order 3 needs a window of at least 5 snapshots, not 4: set window to 5"):
        Autoregression.Config(order=3, window=4)


SCOPES = [RankOne.Config(scope="tensor"), RankOne.Config(scope="all")]


@pytest.mark.parametrize("config", SCOPES, ids=["tensor", "all"])
def test_rank_one_is_the_fitted_line_along_the_leading_singular_vector(config: RankOne.Config) -> None:
    """Compared with a singular value decomposition of the moves themselves, at uneven positions."""
    values, positions = tensors(6), (0, 5, 10, 25, 35, 40)
    moves = torch.stack(values[1:]) - values[0]
    direction = torch.linalg.svd(moves).Vh[0]
    slope, intercept = np.polyfit(positions[1:], (moves @ direction).numpy(), 1)
    past = Past(*values, positions=positions)
    found = mixed(past, RankOne(config).predict(past, 17))
    torch.testing.assert_close(found, values[0] + (slope * 57 + intercept) * direction)


@pytest.mark.parametrize("config", SCOPES, ids=["tensor", "all"])
def test_rank_one_continues_a_line_and_undoes_what_is_off_it(config: RankOne.Config) -> None:
    base, along, off = torch.ones(3), torch.tensor([1.0, 2.0, 0.0]), torch.tensor([0.0, 0.0, 0.1])
    line = [base + i * along for i in range(6)]
    straight = Past(*line)
    torch.testing.assert_close(mixed(straight, RankOne(config).predict(straight, 25)), base + 7.5 * along)
    aside = Past(*(x + sign * off for x, sign in zip(line, (0, 1, -2, 2, -2, 1), strict=True)))  # crosses the line
    found = mixed(aside, RankOne(config).predict(aside, 25))
    assert abs(float(found[2] - base[2])) < 0.02
    torch.testing.assert_close(found[:2], (base + 7.5 * along)[:2], rtol=1e-3, atol=1e-3)


def test_rank_one_gives_each_tensor_a_direction_of_its_own() -> None:
    """A tensor that moves later has a line of its own, and one that does not move stays."""
    large, small = torch.tensor([4.0]), torch.tensor([1.0])
    past = Past(*[torch.zeros(1)] * 3)
    past.values = [[torch.zeros(1), torch.zeros(1)], [large, torch.zeros(1)], [large, small]]
    both = RankOne().predict(past, 10)
    assert isinstance(both, Direct)
    torch.testing.assert_close(both.state, [torch.tensor([4.0]), torch.tensor([2.0])])
    still = Past(torch.ones(2), torch.ones(2), torch.ones(2))
    still.values = [[torch.full((2,), float(i)), torch.ones(2)] for i in range(3)]
    found = RankOne().predict(still, 10)
    assert isinstance(found, Direct)
    torch.testing.assert_close(found.state, [torch.full((2,), 3.0), torch.ones(2)])


@pytest.mark.parametrize("config", SCOPES, ids=["tensor", "all"])
def test_rank_one_is_silent_where_no_line_is_determined(config: RankOne.Config) -> None:
    predictor, points = RankOne(config), tensors(4)
    assert predictor.predict(Past(*points[:2]), 10) is None
    assert predictor.predict(Past(*points[:1] * 4), 10) is None  # nothing moves
    assert predictor.predict(Past(*points[:3], points[3] * float("nan")), 10) is None


@pytest.mark.parametrize(("best", "scale"), [(5.0, 4.0), (40.0, 16.0), (-0.4, -0.5), (0.1, None)])
def test_a_line_search_doubles_the_step_while_the_loss_falls(best: float, scale: float | None) -> None:
    def loss(value: Tensor) -> float:
        return float((value - 1 - best).square().sum())  # the newest is 1, the increment 1

    past = Past(torch.tensor([0.0]), torch.tensor([1.0]), loss=loss)
    prediction = LineSearch().predict(past, 0)
    if scale is None:
        assert prediction is None
    else:
        assert float(mixed(past, prediction)) == pytest.approx(1 + scale)
    assert LineSearch().predict(Past(torch.zeros(1), loss=loss), 0) is None


@pytest.mark.parametrize(
    ("predictor", "depth"),
    [
        (LineSearch(), 2),
        (EmaIncrements(), 2),
        (NesterovOuter(), 1),
        (QuadraticAsPrinted(), 3),
        (QuadraticAsCoded(), 3),
        (TailAverage(TailAverage.Config(window=6)), 6),
        (Anderson(Anderson.Config(window=4)), 4),
        (Autoregression(Autoregression.Config(order=2, window=5)), 5),
        (RankOne(RankOne.Config(window=5)), 5),
        (RankOne(RankOne.Config(window=4, scope="all")), 4),
    ],
)
def test_a_predictor_looks_back_on_as_many_snapshots_as_it_says(predictor: Predictor, depth: int) -> None:
    """Older snapshots change nothing, and with fewer the prediction is another one or none."""
    assert predictor.depth == depth
    values = tensors(depth + 2)

    def falling(value: Tensor) -> float:
        """Return a loss that falls along the last increment, so that a line search finds a step."""
        return float(((values[-2] - values[-1]) * value).sum())

    def prediction(count: int) -> list[float] | None:
        fresh = type(predictor)(predictor.config)
        positions = range(10 * (depth + 2 - count), 10 * (depth + 2), 10)
        past = Past(*values[depth + 2 - count :], positions=positions, loss=falling)
        if isinstance(fresh, NesterovOuter):  # its first prediction is at the second boundary
            fresh.load_state_dict({"outer": [values[0]], "buffer": None, "segment": 0, "began": 0})
        found = fresh.predict(past, 10)
        return None if found is None else mixed(past, found).tolist()

    assert prediction(depth) is not None
    assert prediction(depth + 2) == pytest.approx(prediction(depth))
    assert depth == 1 or prediction(depth - 1) != pytest.approx(prediction(depth))
