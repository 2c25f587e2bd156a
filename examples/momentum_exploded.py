"""Why momentum exploded: one formula without a learning rate, one second moment that is zero in half precision.

A small network is trained by AdamW for a while. Then four formulas predict its weights K steps ahead from the
optimiser's own moments, each from the same weights. Compare the held-out losses: two formulas explode, for two
different reasons, and the second of them does not explode in single precision. docs/momentum.md has the same with 124
million weights.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

RATE, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8
HORIZONS = (1, 5, 25)


class Moments(NamedTuple):
    """AdamW's state, all weights in one vector."""

    theta: Tensor
    m: Tensor  # running average of the gradient
    v: Tensor  # running average of its square
    steps: int


def as_printed(s: Moments, k: int) -> Tensor:
    """θ + K m / (√v + ε): no learning rate, and uphill."""
    return s.theta + k * s.m / (s.v.sqrt() + EPS)


def as_coded(s: Moments, k: int) -> Tensor:
    """θ - K η m / (√v + ε)."""
    return s.theta - k * RATE * s.m / (s.v.sqrt() + EPS)


def corrected(s: Moments, k: int) -> Tensor:
    """K steps of AdamW with fixed m̂ and v̂, which are m and v corrected for their start at zero."""
    m_hat = s.m / (1 - BETAS[0] ** s.steps)
    v_hat = s.v / (1 - BETAS[1] ** s.steps)
    return s.theta - k * RATE * m_hat / (v_hat.sqrt() + EPS)


def half(s: Moments) -> Moments:
    """Round m and v to half precision, as a snapshot in half precision does."""
    return s._replace(m=s.m.half().float(), v=s.v.half().float())


def batch(seed: int, count: int = 256) -> tuple[Tensor, Tensor]:
    """Points in 20 dimensions, and which of 10 directions each is nearest to."""
    fixed, fresh = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    directions = torch.randn(10, 20, generator=fixed)
    x = torch.randn(count, 20, generator=fresh)
    return x, (x @ directions.T + torch.randn(count, 10, generator=fresh)).argmax(1)


def loss(model: nn.Module, points: tuple[Tensor, Tensor]) -> Tensor:
    return functional.cross_entropy(model(points[0]), points[1])


def train(steps: int) -> tuple[nn.Module, Moments]:
    """Train with AdamW, gradient norm clipped at 1; return the model and the optimiser's state as vectors."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=BETAS, eps=EPS, weight_decay=0.0)
    for step in range(steps):
        optimizer.zero_grad()
        loss(model, batch(step + 1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    weights = list(model.parameters())
    theta, m, v = (
        nn.utils.parameters_to_vector(tensors).detach().clone()
        for tensors in (
            weights,
            [optimizer.state[p]["exp_avg"] for p in weights],
            [optimizer.state[p]["exp_avg_sq"] for p in weights],
        )
    )
    return model, Moments(theta, m, v, steps)


@torch.no_grad()
def held_out_loss(model: nn.Module, theta: Tensor) -> float:
    nn.utils.vector_to_parameters(theta, model.parameters())
    return loss(model, batch(10**6, 4096)).item()


def main(steps: int) -> None:
    torch.set_num_threads(1)  # faster for a network this small
    model, state = train(steps)
    rounded = half(state)
    now = held_out_loss(model, state.theta)
    zero = ((rounded.v == 0) & (state.v > 0)).float().mean().item()
    print(f"{state.theta.numel():,} weights after {steps} steps of AdamW at {RATE:g}. Held-out loss: {now:.3f}")
    print(f"Median of v: {state.v.median().item():.1e}. Smallest half-precision number: {2**-24:.1e}.")
    print(f"So {zero:.0%} of v becomes zero in half precision, and 1/(√v + ε) is {1 / EPS:.0e} there.\n")

    forms = {
        "as printed: no rate, wrong sign": (as_printed, state),
        "as coded, half precision: v is 0": (as_coded, rounded),
        "as coded, single precision": (as_coded, state),
        "corrected, single precision": (corrected, state),
    }
    print(f"{'held-out loss after a leap of':34}" + "".join(f"{f'K = {k}':>14}" for k in HORIZONS))
    for name, (form, moments) in forms.items():
        losses = [held_out_loss(model, form(moments, k)) for k in HORIZONS]
        print(f"{name:34}" + "".join(f"{value:>14,.{0 if value > 100 else 3}f}" for value in losses))

    moved = (as_printed(state, 1) - state.theta).abs().median() / (corrected(state, 1) - state.theta).abs().median()
    print(
        f"""
As printed, a weight moves {moved.item():.0f} times as far as in a step of AdamW, which is
1/rate apart from the correction, and it moves uphill: that explodes in any
precision. As coded, rate and sign are right, but the step is divided by a
second moment that is zero in half precision. bfloat16 would not do that, since
it has the exponents of single precision. The corrected formula does not
explode: the direction of the last steps is merely a poor one for many steps."""
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Momentum leaps: as printed, as coded, corrected.")
    parser.add_argument("--steps", type=int, default=200, help="training steps before the leap")
    main(parser.parse_args().steps)
